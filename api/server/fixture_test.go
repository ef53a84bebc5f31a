package server_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/storage/redis/local"
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
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
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
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
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
