package redis

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
)

// timedObject tells the watch cache when an object was read from the stream, so that it can measure its own delay. The
// watch cache asks for it and unwraps it.
type timedObject struct {
	runtime.Object
	read time.Time
}

var _ storage.WatchEventWithRecordTime = (*timedObject)(nil)

func (o *timedObject) RecordTime() time.Time { return o.read }

func (o *timedObject) Unwrap() runtime.Object { return o.Object }

func (o *timedObject) DeepCopyObject() runtime.Object {
	return &timedObject{Object: o.Object.DeepCopyObject(), read: o.read}
}

// GetObjectMeta implements metav1.ObjectMetaAccessor, which the reflector uses before anyone unwraps.
func (o *timedObject) GetObjectMeta() metav1.Object {
	accessor, err := meta.Accessor(o.Object)
	if err != nil {
		return nil
	}
	return accessor
}

// stamp wraps the object of an event if the watch asked for it.
func (w *watcher) stamp(event watch.Event, read time.Time) watch.Event {
	if w.timed {
		event.Object = &timedObject{Object: event.Object, read: read}
	}
	return event
}
