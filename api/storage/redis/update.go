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
	state, err := reader.begin(ctx, suggestion)
	if err != nil {
		return err
	}
	for {
		data, life, err := s.propose(key, state, preconditions, tryUpdate)
		if err != nil {
			if state, err = reader.refresh(ctx, state, err); err != nil {
				return err
			}
			continue
		}
		if !state.stale && bytes.Equal(data, state.data) {
			if !state.current {
				// Before calling it unchanged, make sure of what it is the same as.
				if state, err = reader.fetch(ctx); err != nil {
					return err
				}
			}
			if !bytes.Equal(data, state.data) {
				continue
			}
			if !state.stale {
				return s.codec.decode(state.data, destination, state.revision)
			}
		}
		if state, err = s.replace(ctx, reader, state, data, life, destination); state == nil {
			return err
		}
	}
}

// propose asks tryUpdate what is to become of a state, and serializes it.
func (s *resourceStore) propose(
	key string, state *objectState, preconditions *storage.Preconditions, tryUpdate storage.UpdateFunc) ([]byte, lifetime, error) {
	if err := preconditions.Check(key, state.obj); err != nil {
		return nil, lifetime{}, err
	}
	updated, ttl, err := tryUpdate(state.obj, state.meta())
	if err != nil {
		return nil, lifetime{}, err
	}
	if err := s.codec.versioner.PrepareObjectForStorage(updated); err != nil {
		return nil, lifetime{}, fmt.Errorf("preparing the object for storage: %w", err)
	}
	var life lifetime
	if ttl != nil {
		life = lifetime{set: true, ttl: time.Duration(*ttl) * time.Second}
	}
	data, err := runtime.Encode(s.codec.serializer, updated)
	return data, life, err
}

// replace writes data over a state and sets destination to it. If the key has changed meanwhile, it
// returns the state to try again from; otherwise nil.
func (s *resourceStore) replace(
	ctx context.Context, reader stateReader, state *objectState, data []byte, life lifetime, destination runtime.Object) (*objectState, error) {
	sealed, err := s.codec.seal(ctx, reader.key, data)
	if err != nil {
		return nil, err
	}
	result, err := s.store.mutate(ctx, mutation{key: reader.key, expected: state.revision, value: sealed, lifetime: life})
	if err != nil {
		return nil, err
	}
	if result.applied {
		return nil, s.codec.decode(data, destination, result.revision)
	}
	return reader.after(ctx, result)
}
