package redis

import (
	"context"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
)

// objectState is an object as a read-modify-write cycle sees it.
type objectState struct {
	obj      runtime.Object // nil if it cannot be read, which only an unsafe deletion tolerates
	revision int64          // 0: does not exist
	data     []byte         // serialized
	stale    bool           // should be written again even if unchanged
	current  bool           // read from the store, as opposed to suggested by the caller
}

func (o *objectState) meta() storage.ResponseMeta {
	return storage.ResponseMeta{ResourceVersion: uint64(o.revision)}
}

// stateReader makes objectStates of one key.
type stateReader struct {
	store *resourceStore
	key   string
	like  reflect.Value // a value of the object's type

	ignoreNotFound bool
	expectCorrupt  bool // it is an error if the object can be read
}

// begin returns the state to start a cycle from: the suggestion, if there is one, saves reading the store.
func (r stateReader) begin(ctx context.Context, suggestion runtime.Object) (*objectState, error) {
	if suggestion != nil {
		return r.suggested(suggestion)
	}
	return r.fetch(ctx)
}

// after returns the state to go on from after a mutation that was refused, unless the caller has left.
func (r stateReader) after(ctx context.Context, refused outcome) (*objectState, error) {
	if err := ctx.Err(); err != nil {
		return nil, asAPIError(err)
	}
	return r.of(ctx, refused.current)
}

// fetch reads the state from the store.
func (r stateReader) fetch(ctx context.Context) (*objectState, error) {
	found, _, err := r.store.store.get(ctx, r.key)
	if err != nil {
		return nil, err
	}
	return r.of(ctx, found)
}

// of makes a state of what is stored.
func (r stateReader) of(ctx context.Context, found *keyValue) (*objectState, error) {
	state := &objectState{obj: newObjectLike(r.like), current: true}
	if found == nil {
		if !r.ignoreNotFound {
			return nil, storage.NewKeyNotFoundError(r.key, 0)
		}
		if err := runtime.SetZeroValue(state.obj); err != nil {
			return nil, err
		}
		return state, nil
	}
	state.revision = found.revision
	data, stale, err := r.store.codec.open(ctx, found)
	if err != nil {
		if !r.expectCorrupt {
			return nil, storage.NewInternalError(err)
		}
		state.obj, state.stale = nil, true
		return state, nil
	}
	state.data, state.stale = data, stale
	if err := r.store.codec.decode(data, state.obj, found.revision); err != nil {
		if !r.expectCorrupt {
			return nil, err
		}
		state.obj = nil
		return state, nil
	}
	if r.expectCorrupt {
		return nil, storage.NewInvalidObjError(r.key, "unsafe deletion is not allowed because the object is decodable from storage")
	}
	return state, nil
}

// suggested makes a state of an object that the caller believes to be current. The object is changed for a moment.
func (r stateReader) suggested(obj runtime.Object) (*objectState, error) {
	versioner := r.store.codec.versioner
	revision, err := versioner.ObjectResourceVersion(obj)
	if err != nil {
		return nil, fmt.Errorf("reading the resource version of the suggested object: %w", err)
	}
	// Resource versions are not part of what is stored.
	if err := versioner.PrepareObjectForStorage(obj); err != nil {
		return nil, fmt.Errorf("preparing the suggested object: %w", err)
	}
	data, err := runtime.Encode(r.store.codec.serializer, obj)
	if err != nil {
		return nil, err
	}
	if err := versioner.UpdateObject(obj, revision); err != nil {
		return nil, fmt.Errorf("restoring the resource version of the suggested object: %w", err)
	}
	return &objectState{obj: obj, revision: int64(revision), data: data}, nil
}

// refresh replaces a state that a check has failed on by what is stored, so that the check can be repeated. It
// returns the failure if the state was up to date after all.
func (r stateReader) refresh(ctx context.Context, state *objectState, failure error) (*objectState, error) {
	if state.current {
		return nil, failure
	}
	fresh, err := r.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if fresh.revision == state.revision {
		return nil, failure
	}
	return fresh, nil
}
