package docker_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
)

// calls are all methods that have a deadline of their own.
func calls(d driver.Driver) map[string]func(context.Context) error {
	const uid = "6a7a1a3c"
	spec := driver.ContainerSpec{
		Owner: driver.Identity{Namespace: "test", Name: "lease", UID: uid},
		Image: "x", Limits: driver.Limits{MilliCPU: 1, MemoryBytes: 1}, PidsLimit: 1, Network: driver.NetworkNone,
	}
	return map[string]func(context.Context) error{
		"Info":        func(ctx context.Context) error { _, err := d.Info(ctx); return err },
		"Observe":     func(ctx context.Context) error { _, err := d.Observe(ctx, uid); return err },
		"List":        func(ctx context.Context) error { _, err := d.List(ctx); return err },
		"ImageExists": func(ctx context.Context) error { _, err := d.ImageExists(ctx, "x"); return err },
		"PullImage":   func(ctx context.Context) error { _, err := d.PullImage(ctx, "x", nil); return err },
		"Create":      func(ctx context.Context) error { _, err := d.Create(ctx, spec); return err },
		"Start":       func(ctx context.Context) error { return d.Start(ctx, uid) },
		"Resize":      func(ctx context.Context) error { return d.Resize(ctx, uid, spec.Limits) },
		"Stop":        func(ctx context.Context) error { return d.Stop(ctx, uid, time.Second) },
		"Remove":      func(ctx context.Context) error { return d.Remove(ctx, uid) },
		"LastExit":    func(ctx context.Context) error { _, err := d.LastExit(ctx, uid, time.Time{}); return err },
		"Logs":        func(ctx context.Context) error { return d.Logs(ctx, uid, driver.LogOptions{}, nil) },
		"Stats":       func(ctx context.Context) error { return d.Stats(ctx, uid, nil) },
		"Watch":       func(ctx context.Context) error { return d.Watch(ctx, nil, func(driver.Event) {}) },
		"ListStrays":  func(ctx context.Context) error { _, err := d.ListStrays(ctx); return err },
		"RemoveStray": func(ctx context.Context) error {
			return d.RemoveStray(ctx, driver.Stray{Kind: "volume", ID: "x", Owner: spec.Owner})
		},
	}
}

// impatient makes a driver give up soon.
func impatient(host string) docker.Options {
	const timeout = 150 * time.Millisecond
	return docker.Options{Host: host, Timeout: timeout, SlowTimeout: timeout, PullIdleTimeout: timeout}
}

// serve answers at a unix socket, as an engine does, until the test ends.
func serve(t *testing.T, handler http.HandlerFunc) (host string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return "unix://" + path
}

// hang answers nothing until the caller hangs up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// onlyPing is an engine that is well enough for a version and no more.
func onlyPing(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/_ping" {
		hang(w, r)
		return
	}
	w.Header().Set("Api-Version", "1.41")
}

// dying cuts the connection in the middle of an answer.
func dying(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_ping" {
		w.Header().Set("Api-Version", "1.41")
		return
	}
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"Id": "`))
}

func TestEngineThatDoesNotAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		engine func(*testing.T) string
	}{
		{"Hanging", func(t *testing.T) string { return serve(t, hang) }},
		{"HangingAfterPing", func(t *testing.T) string { return serve(t, onlyPing) }},
		{"Dying", func(t *testing.T) string { return serve(t, dying) }},
		{"Absent", func(t *testing.T) string { return "unix://" + filepath.Join(t.TempDir(), "engine.sock") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDriver(t, impatient(test.engine(t)))
			// All at once: none may wait for another's deadline.
			var all sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for name, call := range calls(d) {
				all.Go(func() {
					started := time.Now()
					if err := call(ctx); !errors.Is(err, driver.ErrUnavailable) {
						t.Errorf("%s: got %v, want ErrUnavailable", name, err)
					}
					if took := time.Since(started); took > 5*time.Second {
						t.Errorf("%s took %v", name, took)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestCallerGivesUpBeforeTheDeadline(t *testing.T) {
	d := newDriver(t, docker.Options{Host: serve(t, hang)})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := d.Observe(ctx, "6a7a1a3c")
		result <- err
	}()
	cancel()
	select {
	case err := <-result:
		if !errors.Is(err, context.Canceled) || errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("Observe: got %v, want context.Canceled alone", err)
		}
	case <-time.After(patience):
		t.Fatal("Observe didn't return")
	}
}

// TestHostThatCannotConfine covers what the engine takes and shows but doesn't do.
func TestHostThatCannotConfine(t *testing.T) {
	for _, test := range []struct{ name, info, want string }{
		{"NoBridgeFilter", `{"BridgeNfIptables": false, "SecurityOptions": ["name=seccomp,profile=default"]}`, "br_netfilter"},
		{"NoSeccomp", `{"BridgeNfIptables": true, "SecurityOptions": ["name=apparmor"]}`, "seccomp"},
		{"SeccompUnconfined", `{"BridgeNfIptables": true, "SecurityOptions": ["name=seccomp,profile=unconfined"]}`, "seccomp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDriver(t, docker.Options{Host: serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/_ping":
					w.Header().Set("Api-Version", "1.41")
				case strings.HasSuffix(r.URL.Path, "/info"):
					_, _ = w.Write([]byte(test.info))
				case strings.HasSuffix(r.URL.Path, "/containers/json"):
					_, _ = w.Write([]byte(`[]`))
				case strings.HasSuffix(r.URL.Path, "/json"):
					w.WriteHeader(http.StatusNotFound)
					_, _ = w.Write([]byte(`{"message": "no such container"}`))
				default:
					t.Errorf("%s %s: the engine was asked to do something", r.Method, r.URL)
				}
			})})
			_, err := d.Create(t.Context(), driver.ContainerSpec{
				Owner: driver.Identity{Namespace: "test", Name: "lease", UID: "6a7a1a3c"},
				Image: "x", Limits: driver.Limits{MilliCPU: 1, MemoryBytes: 1}, PidsLimit: 1, Network: driver.NetworkIsolated,
			})
			if !errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Create: got %v, want ErrInvalid about %s", err, test.want)
			}
		})
	}
}

func TestPullThatStalls(t *testing.T) {
	h := newHarness(t)
	d := newDriver(t, docker.Options{PullIdleTimeout: 300 * time.Millisecond})
	_, err := d.PullImage(t.Context(), h.StalledImage(t), nil)
	if err == nil || errors.Is(err, driver.ErrUnavailable) || !strings.Contains(err.Error(), "no progress") {
		t.Errorf("PullImage: got %v, want the registry's silence, not the engine's", err)
	}
}

// TestStatsFallSilent: an engine that measures no longer is found out, and one that ends the stream of a
// container that runs is not mistaken for the container's end.
func TestStatsFallSilent(t *testing.T) {
	const (
		inspected = `{"Id": "abc", "State": {"Running": true, "Status": "running"}, "HostConfig": {"NanoCpus": 500000000, "Memory": 1048576},
			"Config": {"Labels": {"containerlease.dev/namespace": "n", "containerlease.dev/name": "m", "containerlease.dev/uid": "6a7a1a3c"}}}`
		first  = `{"read": "2026-01-02T03:04:05Z", "cpu_stats": {"cpu_usage": {"total_usage": 1000}}}`
		second = `{"read": "2026-01-02T03:04:07Z", "cpu_stats": {"cpu_usage": {"total_usage": 600001000}},
			"memory_stats": {"usage": 1000, "stats": {"inactive_file": 400}}, "pids_stats": {"current": 3}}`
	)
	want := driver.Usage{
		At: time.Date(2026, 1, 2, 3, 4, 7, 0, time.UTC), NanoCPU: 300_000_000, MemoryBytes: 600, Pids: 3,
		Limits: driver.Limits{MilliCPU: 500, MemoryBytes: 1 << 20},
	}
	for name, after := range map[string]func(*http.Request){
		"Silent": func(r *http.Request) { <-r.Context().Done() },
		"CutOff": func(*http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, impatient(serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/_ping":
					w.Header().Set("Api-Version", "1.41")
				case strings.HasSuffix(r.URL.Path, "/stats"):
					_, _ = w.Write([]byte(first + "\n" + second + "\n"))
					_ = http.NewResponseController(w).Flush()
					after(r)
				default:
					_, _ = w.Write([]byte(inspected))
				}
			})))
			var got []driver.Usage
			err := d.Stats(t.Context(), "6a7a1a3c", func(u driver.Usage) error {
				got = append(got, u)
				return nil
			})
			if !errors.Is(err, driver.ErrUnavailable) {
				t.Errorf("Stats: got %v, want ErrUnavailable", err)
			}
			if diff := cmp.Diff([]driver.Usage{want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
