package redis

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/cacher"
	"k8s.io/apiserver/pkg/storage/feature"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/cache"
)

// RESTOptions says how resources are kept.
type RESTOptions struct {
	// Codec serializes the objects of all resources. JSON, please: people will read it with redis-cli.
	Codec runtime.Codec

	// PathPrefix precedes all keys; "/registry" by convention.
	PathPrefix string

	// Uncached resources are read from Redis for each request. Good for those that are written often and
	// watched rarely, like events.
	Uncached sets.Set[schema.GroupResource]

	// ResourcePrefixes overrides under which prefix a resource is kept, "/<group>/<resource>" by default. Two resources
	// with the same one show the same objects.
	ResourcePrefixes map[schema.GroupResource]string

	// CountMetricPollPeriod is how often objects are counted for metrics; 0 for a minute.
	CountMetricPollPeriod time.Duration
}

// RESTOptionsGetter returns what generic registries need to keep their objects in this store. The storage of each
// resource ends with the DestroyFunc that goes with it; destroy all before closing the store.
//
// It teaches the process-wide feature checker of k8s.io/apiserver, which only knows etcd, that watches report progress.
func (s *Store) RESTOptionsGetter(options RESTOptions) generic.RESTOptionsGetter {
	claimWatchProgress()
	if options.CountMetricPollPeriod == 0 {
		options.CountMetricPollPeriod = time.Minute
	}
	return &restOptionsGetter{store: s, options: options}
}

type restOptionsGetter struct {
	store   *Store
	options RESTOptions
}

// GetRESTOptions implements generic.RESTOptionsGetter.
func (g *restOptionsGetter) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	if g.options.Codec == nil {
		return generic.RESTOptions{}, fmt.Errorf("no codec for %s", resource)
	}
	prefix, ok := g.options.ResourcePrefixes[resource]
	if !ok {
		prefix = "/" + resource.Resource
		if resource.Group != "" {
			prefix = "/" + resource.Group + prefix
		}
	}
	config := storagebackend.NewDefaultConfig(g.options.PathPrefix, g.options.Codec)
	config.EventsHistoryWindow = cacher.DefaultEventFreshDuration
	return generic.RESTOptions{
		StorageConfig:           config.ForResource(resource),
		Decorator:               g.decorate,
		EnableGarbageCollection: false,
		DeleteCollectionWorkers: 1,
		ResourcePrefix:          prefix,
		CountMetricPollPeriod:   g.options.CountMetricPollPeriod,
	}, nil
}

// decorate is a generic.StorageDecorator.
func (g *restOptionsGetter) decorate(
	config *storagebackend.ConfigForResource,
	resourcePrefix string,
	keyFunc func(obj runtime.Object) (string, error),
	newFunc func() runtime.Object,
	newListFunc func() runtime.Object,
	getAttrs storage.AttrFunc,
	triggers storage.IndexerFuncs,
	indexers *cache.Indexers) (storage.Interface, factory.DestroyFunc, error) {
	raw, err := newResourceStore(g.store, newCodec(config), config.GroupResource, config.Prefix, resourcePrefix, newFunc)
	if err != nil {
		return nil, nil, err
	}
	if g.options.Uncached.Has(config.GroupResource) {
		return raw, func() {}, nil
	}
	watchCache, err := cacher.NewCacherFromConfig(cacher.Config{
		Storage:             raw,
		Versioner:           raw.Versioner(),
		GroupResource:       config.GroupResource,
		EventsHistoryWindow: config.EventsHistoryWindow,
		ResourcePrefix:      resourcePrefix,
		KeyFunc:             keyFunc,
		NewFunc:             newFunc,
		NewListFunc:         newListFunc,
		GetAttrsFunc:        getAttrs,
		IndexerFuncs:        triggers,
		Indexers:            indexers,
		Codec:               config.Codec,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("starting the watch cache of %s: %w", config.GroupResource, err)
	}
	delegator := cacher.NewCacheDelegator(watchCache, raw)
	destroy := sync.OnceFunc(func() {
		delegator.Stop()
		watchCache.Stop()
	})
	return availableReads{delegator}, destroy, nil
}

func newCodec(config *storagebackend.ConfigForResource) *codec {
	c := &codec{
		serializer:  config.Codec,
		transformer: config.Transformer,
		versioner:   storage.APIObjectVersioner{},
	}
	if c.transformer == nil {
		c.transformer = identity.NewEncryptCheckTransformer()
	}
	if utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion) {
		c.markCorrupt = true
		c.transformer = corruptMarkingTransformer{c.transformer}
	}
	return c
}

// claimWatchProgress makes the watch cache use the bookmarks that our watches send on request.
var claimWatchProgress = sync.OnceFunc(func() {
	feature.DefaultFeatureSupportChecker = watchProgressSupported{feature.DefaultFeatureSupportChecker}
})

type watchProgressSupported struct {
	feature.FeatureSupportChecker
}

func (c watchProgressSupported) Supports(f storage.Feature) bool {
	return f == storage.RequestWatchProgress || c.FeatureSupportChecker.Supports(f)
}
