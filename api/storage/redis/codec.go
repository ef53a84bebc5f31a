package redis

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
)

// codec turns objects of one resource into what is stored and back.
type codec struct {
	serializer  runtime.Codec
	transformer value.Transformer
	versioner   storage.Versioner

	// markCorrupt makes undecodable objects errors that AllowUnsafeMalformedObjectDeletion recognizes.
	markCorrupt bool
}

// storageContext authenticates a value by its key, so that an encrypted one cannot be moved to another key.
type storageContext string

func (c storageContext) AuthenticatedData() []byte { return []byte(c) }

// open undoes the transformation of a stored value. Stale means that it should be written again.
func (c *codec) open(ctx context.Context, kv *keyValue) (data []byte, stale bool, err error) {
	return c.transformer.TransformFromStorage(ctx, kv.value, storageContext(kv.key))
}

// seal transforms serialized data for storage.
func (c *codec) seal(ctx context.Context, key string, data []byte) ([]byte, error) {
	sealed, err := c.transformer.TransformToStorage(ctx, data, storageContext(key))
	if err != nil {
		return nil, storage.NewInternalError(err)
	}
	return sealed, nil
}

// decode reads serialized data into an object, at a revision.
func (c *codec) decode(data []byte, into runtime.Object, revision int64) error {
	if _, err := conversion.EnforcePtr(into); err != nil {
		return fmt.Errorf("unable to convert output object to pointer: %w", err)
	}
	_, err := c.decodeItem(data, into, revision)
	return err
}

// decodeItem is decode for callers that can take another object than the one offered; nil offers none.
func (c *codec) decodeItem(data []byte, offered runtime.Object, revision int64) (runtime.Object, error) {
	obj, _, err := c.serializer.Decode(data, nil, offered)
	if err != nil {
		if c.markCorrupt {
			err = &corruptObjectError{cause: err, what: "object not decodable", revision: revision}
		}
		return nil, err
	}
	if err := c.versioner.UpdateObject(obj, uint64(revision)); err != nil {
		return nil, fmt.Errorf("setting the resource version: %w", err)
	}
	return obj, nil
}

// openAndDecode makes a new object of a stored value, as of a revision.
func (c *codec) openAndDecode(ctx context.Context, kv *keyValue, revision int64) (runtime.Object, error) {
	data, _, err := c.open(ctx, kv)
	if err != nil {
		return nil, err
	}
	return c.decodeItem(data, nil, revision)
}

// A decodedEvent is what an event did to an object. Both carry the event's revision, also the previous one: a
// watch reports a deleted object with the revision of its deletion.
type decodedEvent struct {
	current, previous runtime.Object
}

// decodeEvent decodes an event. Whoever wants no previous object gets one only for deletions.
func (c *codec) decodeEvent(ctx context.Context, e *event, wantPrevious bool) (decodedEvent, error) {
	var result decodedEvent
	var err error
	if !e.deleted() {
		result.current, err = c.openAndDecode(ctx, &keyValue{e.key, e.revision, e.value}, e.revision)
		if err != nil {
			return decodedEvent{}, err
		}
	}
	if e.previous != nil && (wantPrevious || e.deleted()) {
		result.previous, err = c.openAndDecode(ctx, e.previous, e.revision)
		if err != nil {
			return decodedEvent{}, asCorruptDeletion(e, err)
		}
	}
	return result, nil
}

// sharedDecoding keeps the decoded form of an event for watches of the same resource, which then only copy it.
type sharedDecoding struct {
	mu     sync.Mutex
	by     *codec
	result decodedEvent
}

// decodeShared is decodeEvent for an event that several watches want. Each gets copies of its own.
func (c *codec) decodeShared(ctx context.Context, e *event) (decodedEvent, error) {
	e.shared.mu.Lock()
	defer e.shared.mu.Unlock()
	if e.shared.by != c {
		result, err := c.decodeEvent(ctx, e, true)
		if err != nil {
			return decodedEvent{}, err
		}
		e.shared.by, e.shared.result = c, result
	}
	return decodedEvent{copyOf(e.shared.result.current), copyOf(e.shared.result.previous)}, nil
}

func copyOf(obj runtime.Object) runtime.Object {
	if obj == nil {
		return nil
	}
	return obj.DeepCopyObject()
}
