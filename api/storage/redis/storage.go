package redis

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

// resourceStore is the storage.Interface of one resource: the keys under one prefix, with one codec.
type resourceStore struct {
	store          *Store
	codec          *codec
	pathPrefix     string // of all resources, with a slash at both ends
	resourcePrefix string // of this one, with a slash at the beginning
	resource       schema.GroupResource
	newFunc        func() runtime.Object

	// sized is set once someone wants to know how large objects are.
	sized atomic.Bool

	// watchers counts open watches: with several, it pays to share decoded events.
	watchers atomic.Int64

	// onPage, if set, is told of each page of a recursive list. Tests count them.
	onPage func(ctx context.Context, key string, revision, limit int64)
}

var _ storage.Interface = (*resourceStore)(nil)

func newResourceStore(s *Store, c *codec, resource schema.GroupResource, prefix, resourcePrefix string, newFunc func() runtime.Object) (*resourceStore, error) {
	if resourcePrefix == "/" || !strings.HasPrefix(resourcePrefix, "/") {
		return nil, fmt.Errorf("resource prefix %q of %s must start with a slash and have a name", resourcePrefix, resource)
	}
	pathPrefix := path.Join("/", prefix)
	if !strings.HasSuffix(pathPrefix, "/") {
		pathPrefix += "/"
	}
	return &resourceStore{
		store:          s,
		codec:          c,
		pathPrefix:     pathPrefix,
		resourcePrefix: resourcePrefix,
		resource:       resource,
		newFunc:        newFunc,
	}, nil
}

// Versioner implements storage.Interface.
func (s *resourceStore) Versioner() storage.Versioner {
	return s.codec.versioner
}

// prepareKey checks a key of the resource and makes it one of the store.
func (s *resourceStore) prepareKey(key string, recursive bool) (string, error) {
	key, err := storage.PrepareKey(s.resourcePrefix, key, recursive)
	if err != nil {
		return "", err
	}
	return s.pathPrefix + strings.TrimPrefix(key, "/"), nil
}

// Create implements storage.Interface.
func (s *resourceStore) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	if version, err := s.codec.versioner.ObjectResourceVersion(obj); err == nil && version != 0 {
		return storage.ErrResourceVersionSetOnCreate
	}
	if err := s.codec.versioner.PrepareObjectForStorage(obj); err != nil {
		return fmt.Errorf("preparing the object for storage: %w", err)
	}
	data, err := runtime.Encode(s.codec.serializer, obj)
	if err != nil {
		return err
	}
	sealed, err := s.codec.seal(ctx, key, data)
	if err != nil {
		return err
	}
	result, err := s.store.mutate(ctx, mutation{
		key:      key,
		value:    sealed,
		lifetime: lifetime{set: true, ttl: time.Duration(ttl) * time.Second},
	})
	if err != nil {
		return err
	}
	if !result.applied {
		return storage.NewKeyExistsError(key, 0)
	}
	if out == nil {
		return nil
	}
	return s.codec.decode(data, out, result.revision)
}

// Get implements storage.Interface.
func (s *resourceStore) Get(ctx context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	found, head, err := s.store.get(ctx, key)
	if err != nil {
		return err
	}
	if err := s.checkNotOlderThan(opts.ResourceVersion, head); err != nil {
		return err
	}
	if found == nil {
		if opts.IgnoreNotFound {
			return runtime.SetZeroValue(out)
		}
		return storage.NewKeyNotFoundError(key, 0)
	}
	data, _, err := s.codec.open(ctx, found)
	if err != nil {
		return reportCorrupt(key, storage.NewInternalError(err), err)
	}
	if err := s.codec.decode(data, out, found.revision); err != nil {
		return reportCorrupt(key, err, err)
	}
	return nil
}

// reportCorrupt tells the registry, which then may offer the unsafe deletion, that an object is corrupt.
func reportCorrupt(key string, plain, cause error) error {
	var corrupt *corruptObjectError
	if errors.As(cause, &corrupt) && utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion) {
		return storage.NewCorruptObjError(key, corrupt)
	}
	return plain
}

// checkNotOlderThan enforces that a read is at least as new as asked for.
func (s *resourceStore) checkNotOlderThan(resourceVersion string, head int64) error {
	if resourceVersion == "" {
		return nil
	}
	minimum, err := s.codec.versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %v", err))
	}
	if minimum > uint64(head) {
		return storage.NewTooLargeResourceVersionError(minimum, uint64(head), 0)
	}
	return nil
}

// GetCurrentResourceVersion implements storage.Interface. A watch cache asks right before it waits to be that fresh, so
// its watch is promised a bookmark as soon as the hub gets there: otherwise the cache would have to poll for one, and a
// consistent list would take a hundred milliseconds after a write to any other resource.
func (s *resourceStore) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	head, err := s.store.head(ctx)
	if err != nil {
		return 0, err
	}
	s.store.hub.requestProgress(s, head)
	return uint64(head), nil
}

// RequestWatchProgress implements storage.Interface: watches that asked for bookmarks get one now.
func (s *resourceStore) RequestWatchProgress(context.Context) error {
	s.store.hub.requestProgress(s, 0)
	return nil
}

// CompactRevision implements storage.Interface. Compactions by other processes are heard of within seconds.
func (s *resourceStore) CompactRevision() int64 {
	return s.store.hub.compactedRevision()
}

// ReadinessCheck implements storage.Interface.
func (s *resourceStore) ReadinessCheck() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.store.config.Timeout)
	defer cancel()
	if err := s.store.Ready(ctx); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrStorageNotReady, err)
	}
	return nil
}

// EnableResourceSizeEstimation implements storage.Interface. Stats finds the keys in its own index, so it has no use
// for a function that lists them.
func (s *resourceStore) EnableResourceSizeEstimation(keys storage.KeysFunc) error {
	if keys == nil {
		return errors.New("KeysFunc cannot be nil")
	}
	if s.sized.Swap(true) {
		return errors.New("resource size estimation is already enabled")
	}
	return nil
}

// statsSample is how many objects are measured to estimate their size.
const statsSample = 512

// Stats implements storage.Interface. Sizes are exact up to statsSample objects, and an even sample beyond.
func (s *resourceStore) Stats(ctx context.Context) (storage.Stats, error) {
	prefix, err := s.prepareKey(s.resourcePrefix, true)
	if err != nil {
		return storage.Stats{}, err
	}
	sample := 0
	if s.sized.Load() {
		sample = statsSample
	}
	r, err := s.store.query(ctx, statsScript, prefix, endOfPrefix(prefix), sample)
	if err != nil {
		return storage.Stats{}, err
	}
	count, err := r.number(2)
	if err != nil {
		return storage.Stats{}, err
	}
	sampled, err := r.number(3)
	if err != nil {
		return storage.Stats{}, err
	}
	bytes, err := r.number(4)
	if err != nil {
		return storage.Stats{}, err
	}
	stats := storage.Stats{ObjectCount: count}
	if sampled > 0 {
		stats.EstimatedAverageObjectSizeBytes = bytes / sampled
	}
	return stats, nil
}

// newObjectLike makes an empty object of the type that v is a value of.
func newObjectLike(v reflect.Value) runtime.Object {
	if u, ok := v.Addr().Interface().(runtime.Unstructured); ok {
		return u.NewEmptyInstance()
	}
	return reflect.New(v.Type()).Interface().(runtime.Object)
}
