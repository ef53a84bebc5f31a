package server_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/storage/redis/local"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// deadline bounds whatever a test waits for.
const deadline = 30 * time.Second

// fixture is an API server on a Redis of its own.
type fixture struct {
	*server.Server
	url        string
	kubeconfig string
	redis      *redis.Store
	stop       func()
}

// startRedis runs a redis-server until the test ends and opens it.
func startRedis(t *testing.T) *redis.Store {
	t.Helper()
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	instance, err := local.Start(ctx, local.Options{Dir: t.TempDir(), Logger: log})
	if err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	t.Cleanup(func() {
		if err := instance.Stop(ctx); err != nil {
			t.Errorf("stopping redis-server: %v", err)
		}
	})
	store, err := redis.Open(ctx, redis.Config{URL: instance.URL(), Logger: log})
	if err != nil {
		t.Fatalf("opening Redis: %v", err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// start runs a server on store until the test ends, or stop is called.
func start(t *testing.T, store *redis.Store, change func(*server.Config)) *fixture {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	directory := certs.Directory(t.TempDir())
	if err := directory.Ensure(nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{url: "https://" + listener.Addr().String(), kubeconfig: filepath.Join(string(directory), "kubeconfig"), redis: store}
	if err := directory.WriteKubeconfig(f.kubeconfig, f.url); err != nil {
		t.Fatal(err)
	}
	config := server.Config{
		RESTOptions: store.RESTOptionsGetter(redis.RESTOptions{
			Codec: scheme.StorageCodec(), PathPrefix: "/registry", Uncached: scheme.Uncached(),
		}),
		Listener: listener, Certificates: directory, ShutdownTimeout: 5 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&config)
	}
	if f.Server, err = server.New(config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stopped := false
	f.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(f.stop)
	ready, cancelReady := context.WithTimeout(ctx, deadline)
	defer cancelReady()
	if err := f.AwaitReady(ready); err != nil {
		t.Fatal(err)
	}
	return f
}

// clientScheme is what controllers have: our types and Kubernetes', without server defaults.
func clientScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, clientscheme.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// client returns an in-process client.
func (f *fixture) client(t *testing.T) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(f.LoopbackConfig(), client.Options{Scheme: clientScheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// restClients returns REST clients for our group: over the socket, and in process.
func restClients(t *testing.T, f *fixture) map[string]rest.Interface {
	t.Helper()
	remote, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
	must(t, err)
	clients := map[string]rest.Interface{}
	for name, config := range map[string]*rest.Config{"Socket": remote, "InProcess": f.LoopbackConfig()} {
		gv := v1alpha1.SchemeGroupVersion
		config.APIPath, config.GroupVersion, config.NegotiatedSerializer = "/apis", &gv, scheme.Codecs.WithoutConversion()
		clients[name], err = rest.RESTClientFor(config)
		must(t, err)
	}
	return clients
}

// lease is a small good one.
func lease(name string) *v1alpha1.ContainerLease {
	return &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "ubuntu"},
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// must ends the test for an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within runs f until it is true, or fails the test.
func within(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
