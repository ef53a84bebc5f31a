package redis

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/apitesting"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/containerlease/containerlease/api/storage/redis/local"
)

var (
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme)

	// shared is the Redis that tests use unless they break it; each has a key prefix of its own there.
	shared *local.Server
	stores atomic.Int64
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	utilruntime.Must(example.AddToScheme(scheme))
	utilruntime.Must(examplev1.AddToScheme(scheme))
	claimWatchProgress()

	dir, err := os.MkdirTemp("", "cl")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shared, err = local.Start(ctx, local.Options{Dir: dir, Fsync: local.FsyncNever, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Fprintln(os.Stderr, "These tests need a redis-server:", err)
		return 1
	}
	code := m.Run()
	ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := shared.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(knownLeaks()...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "Goroutines were left behind:", err)
		code = 1
	}
	return code
}

// knownLeaks are goroutines of libraries that end with the process, or by themselves after a while.
func knownLeaks() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"),
		// The watch cache lets its timer for a read run on for up to three seconds.
		goleak.IgnoreAnyFunction("k8s.io/apiserver/pkg/storage/cacher.(*watchCache).waitUntilFreshLocked.func2"),
	}
}

// testConfig suits the suite: it counts revisions from 1, on a prefix of its own.
func testConfig() Config {
	return Config{
		URL:             shared.URL(),
		Prefix:          fmt.Sprintf("{test%d}", stores.Add(1)),
		InitialRevision: 1,
		Logger:          slog.New(slog.DiscardHandler),
	}
}

// openStore opens a store that is closed with the test.
func openStore(t testing.TB, config Config) *Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// connect opens a plain connection to the Redis of a config.
func connect(t testing.TB, url string) *goredis.Client {
	t.Helper()
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func newPod() runtime.Object     { return &example.Pod{} }
func newPodList() runtime.Object { return &example.PodList{} }

func podCodec() runtime.Codec {
	return apitesting.TestCodec(codecs, examplev1.SchemeGroupVersion)
}

const testValuePrefix = "test!"

// pods is a store of pods whose transformer can be exchanged, as the suite wants.
type pods struct {
	*resourceStore
	transformer *exchangeable
}

type podsOptions struct {
	codec       runtime.Codec
	transformer value.Transformer
	prefix      string
}

func newPods(t testing.TB, s *Store, options podsOptions) *pods {
	t.Helper()
	if options.codec == nil {
		options.codec = podCodec()
	}
	if options.transformer == nil {
		options.transformer = storagetesting.NewPrefixTransformer([]byte(testValuePrefix), false)
	}
	transformer := newExchangeable(options.transformer)
	c := &codec{serializer: options.codec, transformer: transformer, versioner: storage.APIObjectVersioner{}}
	raw, err := newResourceStore(s, c, schema.GroupResource{Resource: "pods"}, options.prefix, "/pods/", newPod)
	if err != nil {
		t.Fatal(err)
	}
	return &pods{resourceStore: raw, transformer: transformer}
}

// openPods opens a store of pods on the shared Redis.
func openPods(t testing.TB, options podsOptions) (context.Context, *pods) {
	t.Helper()
	return t.Context(), newPods(t, openStore(t, testConfig()), options)
}

// UpdatePrefixTransformer implements storagetesting.InterfaceWithPrefixTransformer.
func (p *pods) UpdatePrefixTransformer(modify storagetesting.PrefixTransformerModifier) func() {
	// A new one, since the one in use counts its reads while it would be copied.
	return p.transformer.exchange(modify(storagetesting.NewPrefixTransformer([]byte(testValuePrefix), false)))
}

// UpdateTransformer implements storagetesting.InterfaceWithTransformerOverride.
func (p *pods) UpdateTransformer(modify storagetesting.TransformerModifier) func() {
	return p.transformer.exchange(modify(p.transformer.get()))
}

// exchangeable is a transformer that can be replaced while the store runs.
type exchangeable struct {
	current atomic.Pointer[value.Transformer]
}

func newExchangeable(t value.Transformer) *exchangeable {
	e := &exchangeable{}
	e.current.Store(&t)
	return e
}

func (e *exchangeable) get() value.Transformer { return *e.current.Load() }

// exchange replaces the transformer and returns how to undo that.
func (e *exchangeable) exchange(with value.Transformer) func() {
	before := e.current.Swap(&with)
	return func() { e.current.Store(before) }
}

func (e *exchangeable) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	return e.get().TransformFromStorage(ctx, data, dataCtx)
}

func (e *exchangeable) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	return e.get().TransformToStorage(ctx, data, dataCtx)
}

// increaseRevision writes something that is no pod.
func increaseRevision(s *Store) storagetesting.IncreaseRVFunc {
	return func(ctx context.Context, t *testing.T) int64 {
		t.Helper()
		return writeElsewhere(ctx, t, s)
	}
}

func writeElsewhere(ctx context.Context, t testing.TB, s *Store) int64 {
	t.Helper()
	found, _, err := s.get(ctx, "/elsewhere/key")
	if err != nil {
		t.Fatal(err)
	}
	change := mutation{key: "/elsewhere/key", value: []byte("{}")}
	if found != nil {
		change.expected = found.revision
	}
	result, err := s.mutate(ctx, change)
	if err != nil || !result.applied {
		t.Fatalf("writing elsewhere: %+v, %v", result, err)
	}
	return result.revision
}

// compactTo compacts as the suite expects it of etcd, where the compactor's own record takes a revision.
func compactTo(s *Store) storagetesting.Compaction {
	return func(ctx context.Context, t *testing.T, resourceVersion string) {
		t.Helper()
		revision, err := strconv.ParseInt(resourceVersion, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		awaitHub(t, s, revision)
		if err := s.compact(ctx, revision); err != nil {
			t.Fatal(err)
		}
		writeElsewhere(ctx, t, s)
	}
}

// awaitHub waits until the hub has read up to a revision. Trimming what it has not read would make all watches start
// over; history is never that short outside of tests.
func awaitHub(t testing.TB, s *Store, revision int64) {
	t.Helper()
	eventually(t, "the hub has read everything", func() bool { head, _ := s.hub.position(); return head >= revision })
}

// checkStored checks what the suite wants to be true of a stored pod.
func checkStored(p *pods) storagetesting.KeyValidation {
	return func(ctx context.Context, t *testing.T, key string) {
		t.Helper()
		stored, err := p.store.client.HGet(ctx, p.store.keys.data, key).Result()
		if err != nil {
			t.Fatalf("reading %s: %v", key, err)
		}
		_, stored, _ = strings.Cut(stored, " ")
		decoded, err := runtime.Decode(p.codec.serializer, []byte(strings.TrimPrefix(stored, testValuePrefix)))
		if err != nil {
			t.Fatalf("decoding %q: %v", stored, err)
		}
		pod := decoded.(*example.Pod)
		if pod.ResourceVersion != "" {
			t.Errorf("resource version %q is stored", pod.ResourceVersion)
		}
	}
}

// eventually waits for a condition that concurrent work brings about.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after 30 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
