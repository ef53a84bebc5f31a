package redis

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

// Delete implements storage.Interface. With a suggestion that is current, it takes one round trip.
func (s *resourceStore) Delete(
	ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validate storage.ValidateObjectFunc, suggestion runtime.Object, opts storage.DeleteOptions) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	like, err := conversion.EnforcePtr(out)
	if err != nil {
		return fmt.Errorf("unable to convert output object to pointer: %w", err)
	}
	unsafe := opts.ExpectTransformOrDecodeError && utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion)
	reader := stateReader{store: s, key: key, like: like, expectCorrupt: unsafe}
	if unsafe {
		suggestion = nil
	}
	state, err := reader.begin(ctx, suggestion)
	if err != nil {
		return err
	}
	for {
		err := preconditions.Check(key, state.obj)
		if err == nil {
			err = validate(ctx, state.obj)
		}
		if err != nil {
			if state, err = reader.refresh(ctx, state, err); err != nil {
				return err
			}
			continue
		}
		result, err := s.store.mutate(ctx, mutation{key: key, expected: state.revision})
		if err != nil {
			return err
		}
		if result.applied {
			if unsafe {
				return nil
			}
			return s.codec.decode(state.data, out, result.revision)
		}
		if state, err = reader.after(ctx, result); err != nil {
			return err
		}
	}
}
