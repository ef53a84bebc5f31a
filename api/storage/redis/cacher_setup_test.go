package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/etcd/client/v3/kubernetes"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/cacher"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// cached is a store of pods behind the upstream watch cache.
type cached struct {
	storage.Interface // the watch cache's
	raw               *pods
	recorder          *storagetesting.KubernetesRecorder
}

type cachedOptions struct {
	pods          podsOptions
	clusterScoped bool
	indexed       bool
	config        func(*Config)
	clock         clock.WithTicker
}

// openCached opens a store of pods on the shared Redis, behind a watch cache that is ready.
func openCached(t testing.TB, options cachedOptions) (context.Context, *cached) {
	t.Helper()
	config := testConfig()
	// The suite wants to see a cache that knows no more than it was asked to.
	config.ProgressInterval = time.Hour
	if options.config != nil {
		options.config(&config)
	}
	if options.pods.prefix == "" {
		options.pods.prefix = "/registry"
	}
	return t.Context(), startCache(t, newPods(t, openStore(t, config), options.pods), options)
}

// startCache puts a watch cache before a store.
func startCache(t testing.TB, raw *pods, options cachedOptions) *cached {
	t.Helper()
	recorder := storagetesting.NewKubernetesRecorder(noEtcd{})
	raw.onPage = func(ctx context.Context, key string, revision, limit int64) {
		_, _ = recorder.List(ctx, key, kubernetes.ListOptions{Revision: revision, Limit: limit})
	}
	keyFunc := storage.NamespaceKeyFunc
	if options.clusterScoped {
		keyFunc = storage.NoNamespaceKeyFunc
	}
	if options.clock == nil {
		options.clock = quickClock{}
	}
	config := cacher.Config{
		Storage:             raw,
		Versioner:           raw.Versioner(),
		GroupResource:       schema.GroupResource{Resource: "pods"},
		EventsHistoryWindow: cacher.DefaultEventFreshDuration,
		ResourcePrefix:      "/pods/",
		KeyFunc:             func(obj runtime.Object) (string, error) { return keyFunc("/pods/", obj) },
		GetAttrsFunc:        podAttributes,
		NewFunc:             newPod,
		NewListFunc:         newPodList,
		Codec:               raw.codec.serializer,
		Clock:               options.clock,
	}
	if options.indexed {
		config.IndexerFuncs = storage.IndexerFuncs{"spec.nodeName": func(obj runtime.Object) string { return obj.(*example.Pod).Spec.NodeName }}
		config.Indexers = &cache.Indexers{
			"f:spec.nodeName":      func(obj any) ([]string, error) { return []string{obj.(*example.Pod).Spec.NodeName}, nil },
			"f:metadata.namespace": func(obj any) ([]string, error) { return []string{obj.(*example.Pod).Namespace}, nil },
		}
	}
	watchCache, err := cacher.NewCacherFromConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	delegator := cacher.NewCacheDelegator(watchCache, raw)
	t.Cleanup(func() {
		delegator.Stop()
		watchCache.Stop()
	})
	// Until then it answers 429.
	if err := watchCache.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &cached{Interface: delegator, raw: raw, recorder: recorder}
}

// compactTo compacts, and waits until the watch cache has forgotten as much.
func (c *cached) compactTo(ctx context.Context, t *testing.T, resourceVersion string) {
	t.Helper()
	compactTo(c.raw.store)(ctx, t, resourceVersion)
	revision, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the watch cache is compacted", func() bool { return c.CompactRevision() == revision })
}

// restartAfterCompaction compacts and replaces the watch cache by a new one. A watch cache keeps its own history, which
// compaction does not touch, and forgets it when its process ends.
func (c *cached) restartAfterCompaction(ctx context.Context, t *testing.T, resourceVersion string) {
	t.Helper()
	compactTo(c.raw.store)(ctx, t, resourceVersion)
	c.Interface = startCache(t, newPods(t, c.raw.store, podsOptions{prefix: "/registry"}), cachedOptions{}).Interface
}

func (c *cached) UpdatePrefixTransformer(modify storagetesting.PrefixTransformerModifier) func() {
	return c.raw.UpdatePrefixTransformer(modify)
}

// creationSeen is a store whose Create returns once the watch cache has the object.
type creationSeen struct {
	*cached
}

func (c creationSeen) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	if err := c.Interface.Create(ctx, key, obj, out, ttl); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, wait.ForeverTestTimeout, true, func(ctx context.Context) (bool, error) {
		seen := newPod()
		err := c.Get(ctx, key, storage.GetOptions{ResourceVersion: "0"}, seen)
		if storage.IsNotFound(err) {
			return false, nil
		}
		return err == nil && apiequality.Semantic.DeepEqual(seen, out), err
	})
}

func podAttributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	pod, ok := obj.(*example.Pod)
	if !ok {
		return nil, nil, fmt.Errorf("%T is not a pod", obj)
	}
	return pod.Labels, fields.Set{
		"metadata.name":      pod.Name,
		"metadata.namespace": pod.Namespace,
		"spec.nodeName":      pod.Spec.NodeName,
		"spec.restartPolicy": string(pod.Spec.RestartPolicy),
		"status.phase":       string(pod.Status.Phase),
	}, nil
}

// quickClock is the real clock, except that the watch cache looks for compactions at once rather than every 15 s.
type quickClock struct {
	clock.RealClock
}

func (c quickClock) NewTimer(d time.Duration) clock.Timer {
	return &quickTimer{c.RealClock.NewTimer(quicker(d))}
}

type quickTimer struct {
	clock.Timer
}

func (t *quickTimer) Reset(d time.Duration) bool { return t.Timer.Reset(quicker(d)) }

func quicker(d time.Duration) time.Duration {
	if d == 15*time.Second {
		return 10 * time.Millisecond
	}
	return d
}

// noEtcd stands where the suite's recorder of list requests expects etcd.
type noEtcd struct {
	kubernetes.Interface
}

func (noEtcd) List(context.Context, string, kubernetes.ListOptions) (kubernetes.ListResponse, error) {
	return kubernetes.ListResponse{}, errors.New("there is no etcd")
}
