package redis

import (
	"errors"
	"fmt"
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

// interpret turns an event into what this watch should see of it; no object means nothing.
func (w *watcher) interpret(e *event) (watch.Event, error) {
	var objects decodedEvent
	var err error
	if w.owner.watchers.Load() > 1 && !e.received.IsZero() { // the present state is not made of shared events
		objects, err = w.owner.codec.decodeShared(w.ctx, e)
	} else {
		objects, err = w.owner.codec.decodeEvent(w.ctx, e, !w.all)
	}
	if err != nil {
		return watch.Event{}, err
	}
	now := objects.current != nil && w.matches(objects.current)
	before := objects.previous != nil && w.matches(objects.previous)
	switch {
	case e.deleted():
		if before {
			return watch.Event{Type: watch.Deleted, Object: objects.previous}, nil
		}
	case e.created():
		if now {
			return watch.Event{Type: watch.Added, Object: objects.current}, nil
		}
	case now && (before || w.all):
		return watch.Event{Type: watch.Modified, Object: objects.current}, nil
	case now:
		return watch.Event{Type: watch.Added, Object: objects.current}, nil
	case before:
		return watch.Event{Type: watch.Deleted, Object: objects.previous}, nil
	}
	return watch.Event{}, nil
}

func (w *watcher) matches(obj runtime.Object) bool {
	if w.all {
		return true
	}
	matched, err := w.predicate.Matches(obj)
	return err == nil && matched
}

// bookmark makes an event that only says how far the store is.
func (w *watcher) bookmark(revision int64) (watch.Event, error) {
	if w.owner.newFunc == nil {
		return watch.Event{}, errors.New("bookmarks need a function that makes an empty object")
	}
	obj := w.owner.newFunc()
	if err := w.owner.codec.versioner.UpdateObject(obj, uint64(revision)); err != nil {
		return watch.Event{}, fmt.Errorf("setting the resource version: %w", err)
	}
	return watch.Event{Type: watch.Bookmark, Object: obj}, nil
}
