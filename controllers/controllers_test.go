package controllers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/storage/redis/local"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

// patience is the deadline of whatever a test waits for.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	m.Run()
}

// world is a real API on a real Redis, and an engine in memory, in real time.
type world struct {
	t      *testing.T
	api    *server.Server
	redis  *local.Server
	dir    string
	engine *fake.Engine
	client client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), engine: fake.New(clock.RealClock{})}
	t.Cleanup(func() {
		if err := w.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	w.engine.AddImage(controllertest.Image)
	w.startRedis()
	t.Cleanup(w.stopRedis)
	quiet := slog.New(slog.DiscardHandler)
	store, err := redis.Open(t.Context(), redis.Config{URL: w.redis.URL(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificates := certs.Directory(t.TempDir())
	if err := certificates.Ensure(nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.api, err = server.New(server.Config{
		RESTOptions: store.RESTOptionsGetter(redis.RESTOptions{
			Codec: scheme.StorageCodec(), PathPrefix: "/registry", Uncached: scheme.Uncached(),
		}),
		Listener: listener, Certificates: certificates, ShutdownTimeout: 5 * time.Second, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "API", w.api.Run)
	ready, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.api.AwaitReady(ready); err != nil {
		t.Fatal(err)
	}
	types := newScheme(t)
	if w.client, err = client.New(w.api.LoopbackConfig(), client.Options{Scheme: types}); err != nil {
		t.Fatal(err)
	}
	class := controllertest.NewClass()
	class.Name = "test"
	w.create(class)
	return w
}

// background runs something until the test ends, and returns how to stop it before.
func background(t *testing.T, what string, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	types := runtime.NewScheme()
	if err := controllers.AddToScheme(types); err != nil {
		t.Fatal(err)
	}
	return types
}

func (w *world) startRedis() {
	w.t.Helper()
	var err error
	if w.redis, err = local.Start(context.Background(), local.Options{Dir: w.dir, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		w.t.Fatalf("starting redis-server (apt-get install redis-server): %v", err)
	}
}

func (w *world) stopRedis() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.redis.Stop(ctx); err != nil {
		w.t.Errorf("stopping redis-server: %v", err)
	}
}

// startControllers runs the controllers as the server does.
func (w *world) startControllers() (stop func()) {
	w.t.Helper()
	mgr, err := reconciler.NewManager(w.api.LoopbackConfig(), reconciler.ManagerOptions{
		Scheme: newScheme(w.t), Logger: logr.Discard(), ByObject: controllers.CacheByObject(), SkipNameValidation: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := controllers.Register(mgr, w.engine, controllers.Options{OrphanInterval: time.Second}); err != nil {
		w.t.Fatal(err)
	}
	return background(w.t, "controllers", mgr.Start)
}

func (w *world) create(obj client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), obj); err != nil {
		w.t.Fatalf("creating %T: %v", obj, err)
	}
}

func (w *world) lease(name string, ttl v1alpha1.Duration) *v1alpha1.ContainerLease {
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", ClassName: "test", TTL: ttl},
	}
	w.create(lease)
	return lease
}

// await waits until a condition holds of an object. wanted gets nil once the object is gone.
func await[T client.Object](w *world, obj T, what string, wanted func(obj T, gone bool) bool) T {
	w.t.Helper()
	key := client.ObjectKeyFromObject(obj)
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		err := w.client.Get(ctx, key, obj)
		if client.IgnoreNotFound(err) != nil {
			w.t.Logf("reading %s: %v", key, err)
			return false, nil
		}
		return wanted(obj, err != nil), nil
	})
	if err != nil {
		w.t.Fatalf("%s: %s is not %s: %+v", err, key, what, obj)
	}
	return obj
}

func inPhase(phase v1alpha1.LeasePhase) func(*v1alpha1.ContainerLease, bool) bool {
	return func(lease *v1alpha1.ContainerLease, gone bool) bool { return !gone && lease.Status.Phase == phase }
}

func gone[T client.Object](_ T, gone bool) bool { return gone }

func (w *world) record(lease *v1alpha1.ContainerLease) *v1alpha1.BillingRecord {
	w.t.Helper()
	record := &v1alpha1.BillingRecord{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: lease.Namespace, Name: string(lease.UID)}, record); err != nil {
		w.t.Fatalf("reading the record of %s: %v", lease.Name, err)
	}
	return record
}

func TestLeasesOnARealAPI(t *testing.T) {
	w := newWorld(t)
	before := goleak.IgnoreCurrent()
	stop := w.startControllers()

	var leases []*v1alpha1.ContainerLease
	for i := range 10 {
		leases = append(leases, w.lease(fmt.Sprintf("lease-%d", i), "2s"))
	}
	for _, lease := range leases {
		await(w, lease, "finished", inPhase(v1alpha1.LeaseFinished))
		if lag := lease.Status.FinishTime.Sub(lease.Status.ExpirationTime.Time); lag < 0 || lag > time.Second {
			t.Errorf("%s ended %v after its expiration, want at most 1s", lease.Name, lag)
		}
		record := w.record(lease)
		if record.Spec.FinishReason != v1alpha1.FinishExpired || record.Spec.Amount != lease.Status.Cost.Final {
			t.Errorf("record of %s is %+v", lease.Name, record.Spec)
		}
	}
	if left, err := w.engine.List(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("containers left: %v (%v)", left, err)
	}

	deleted := w.lease("deleted", "30m")
	await(w, deleted, "running", inPhase(v1alpha1.LeaseRunning))
	if err := w.client.Delete(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	await(w, deleted, "gone", gone[*v1alpha1.ContainerLease])
	if got := w.record(deleted).Spec.FinishReason; got != v1alpha1.FinishDeleted {
		t.Errorf("finish reason is %s, want Deleted", got)
	}

	stop()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestStoreAway stops Redis under running leases: they expire on time, and are billed once it is
// back.
func TestStoreAway(t *testing.T) {
	w := newWorld(t)
	w.startControllers()
	lease := w.lease("demo", "10s") // Long enough to take Redis away before it is over.
	await(w, lease, "running", inPhase(v1alpha1.LeaseRunning))

	w.stopRedis()
	var exited *driver.Container
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		exited, err = w.engine.Observe(ctx, string(lease.UID))
		return err == nil && exited.State == driver.StateExited, nil
	})
	if err != nil {
		t.Fatalf("the container still runs: %v", err)
	}
	if lag := exited.FinishedAt.Sub(lease.Status.ExpirationTime.Time); lag < 0 || lag > time.Second {
		t.Errorf("it ended %v after its expiration, want at most 1s", lag)
	}

	w.startRedis()
	await(w, lease, "finished", inPhase(v1alpha1.LeaseFinished))
	record := w.record(lease)
	if segment := record.Spec.Segments[0]; len(record.Spec.Segments) != 1 || !segment.FinishedAt.Time.Equal(exited.FinishedAt) {
		t.Errorf("billed %+v, want the end at %v", record.Spec.Segments, exited.FinishedAt)
	}
}

// TestEngineCrash takes the engine away under a running lease, and its event stream with it.
func TestEngineCrash(t *testing.T) {
	w := newWorld(t)
	w.startControllers()
	lease := w.lease("demo", "30m")
	await(w, lease, "running", inPhase(v1alpha1.LeaseRunning))
	w.engine.CrashEngine()
	await(w, lease, "failed", inPhase(v1alpha1.LeaseFailed))
	if record := w.record(lease); record.Spec.FinishReason != v1alpha1.FinishLost || !record.Spec.Estimated {
		t.Errorf("record is %+v, want an estimate for a lost lease", record.Spec)
	}
}

// TestDriftAndBehindOurBack changes limits and kills a container under the controllers: the
// engine's events are what tells them.
func TestDriftAndBehindOurBack(t *testing.T) {
	w := newWorld(t)
	w.startControllers()
	lease := w.lease("demo", "30m")
	await(w, lease, "running", inPhase(v1alpha1.LeaseRunning))
	uid := string(lease.UID)
	w.engine.SetLimitsBehind(uid, driver.Limits{MilliCPU: 2000, MemoryBytes: 2 << 30})
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		c, err := w.engine.Observe(ctx, uid)
		return err == nil && c.Limits == driver.Limits{MilliCPU: 500, MemoryBytes: 512 << 20}, nil
	})
	if err != nil {
		t.Errorf("the limits are not put right: %v", err)
	}
	w.engine.OOM(uid)
	await(w, lease, "failed", inPhase(v1alpha1.LeaseFailed))
	if got := lease.Status.FinishReason; got != v1alpha1.FinishOOMKilled {
		t.Errorf("finish reason is %s, want OOMKilled", got)
	}
}

func TestNamespaceTermination(t *testing.T) {
	w := newWorld(t)
	w.startControllers()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
	w.create(namespace)
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "demo"},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", ClassName: "test", TTL: "30m"},
	}
	w.create(lease)
	await(w, lease, "running", inPhase(v1alpha1.LeaseRunning))
	if err := w.client.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	await(w, namespace, "gone", gone[*corev1.Namespace])
	if got := w.record(lease).Spec.FinishReason; got != v1alpha1.FinishDeleted {
		t.Errorf("finish reason is %s, want Deleted", got)
	}
	if _, err := w.engine.Observe(t.Context(), string(lease.UID)); err == nil {
		t.Error("the container is still there")
	}
}
