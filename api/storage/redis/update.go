package redis

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
)

// GuaranteedUpdate implements storage.Interface. With a suggestion that is current, it takes one round trip. Without
// a lifetime from tryUpdate, the key keeps the one it has.
func (s *resourceStore) GuaranteedUpdate(
	ctx context.Context, key string, destination runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, tryUpdate storage.UpdateFunc, suggestion runtime.Object) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	like, err := conversion.EnforcePtr(destination)
	if err != nil {
		return fmt.Errorf("unable to convert output object to pointer: %w", err)
	}
	reader := stateReader{store: s, key: key, like: like, ignoreNotFound: ignoreNotFound}

	var state *objectState
	if suggestion != nil {
		state, err = reader.suggested(suggestion)
	} else {
		state, err = reader.fetch(ctx)
	}
	if err != nil {
		return err
	}
	for {
		if err := preconditions.Check(key, state.obj); err != nil {
			if state, err = reader.refresh(ctx, state, err); err != nil {
				return err
			}
			continue
		}
		updated, ttl, err := tryUpdate(state.obj, state.meta())
		if err != nil {
			if state, err = reader.refresh(ctx, state, err); err != nil {
				return err
			}
			continue
		}
		if err := s.codec.versioner.PrepareObjectForStorage(updated); err != nil {
			return fmt.Errorf("preparing the object for storage: %w", err)
		}
		data, err := runtime.Encode(s.codec.serializer, updated)
		if err != nil {
			return err
		}
		if !state.stale && bytes.Equal(data, state.data) {
			if !state.current {
				// Before calling it unchanged, make sure of what it is the same as.
				if state, err = reader.fetch(ctx); err != nil {
					return err
				}
				if !bytes.Equal(data, state.data) {
					continue
				}
			}
			if !state.stale {
				return s.codec.decode(state.data, destination, state.revision)
			}
		}
		sealed, err := s.codec.seal(ctx, key, data)
		if err != nil {
			return err
		}
		change := mutation{key: key, expected: state.revision, value: sealed}
		if ttl != nil {
			change.lifetime = lifetime{set: true, ttl: time.Duration(*ttl) * time.Second}
		}
		result, err := s.store.mutate(ctx, change)
		if err != nil {
			return err
		}
		if result.applied {
			return s.codec.decode(data, destination, result.revision)
		}
		if err := ctx.Err(); err != nil {
			return asAPIError(err)
		}
		if state, err = reader.of(ctx, result.current); err != nil {
			return err
		}
	}
}
