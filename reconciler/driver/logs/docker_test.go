package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
)

// dockerFixture is a hub on a real engine, with a proxy between them.
type dockerFixture struct {
	*testing.T
	driver *docker.Driver
	hub    *logs.Hub

	// opened counts the requests that follow a log.
	opened atomic.Int64
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
}

func newDockerFixture(t *testing.T) *dockerFixture {
	t.Helper()
	cli := drivertest.Client(t)
	drivertest.EnsureTestImage(t, cli)
	f := &dockerFixture{T: t, conns: map[net.Conn]struct{}{}}
	d, err := docker.New(docker.Options{Host: f.proxy(cli), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f.driver = d
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	f.hub = newHub(t, d, nil)
	return f
}

// proxy returns the address of a proxy whose connections cut breaks.
func (f *dockerFixture) proxy(cli *client.Client) string {
	f.Helper()
	engine, err := client.ParseHostURL(cli.DaemonHost())
	if err != nil {
		f.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, engine.Scheme, engine.Host)
	}}
	forward := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
	}
	path := filepath.Join(f.TempDir(), "engine.sock")
	listener, err := (&net.ListenConfig{}).Listen(f.Context(), "unix", path)
	if err != nil {
		f.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("follow") == "1" {
				f.opened.Add(1)
			}
			forward.ServeHTTP(w, r)
		}),
		ConnState: func(c net.Conn, state http.ConnState) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if state == http.StateClosed || state == http.StateHijacked {
				delete(f.conns, c)
			} else {
				f.conns[c] = struct{}{}
			}
		},
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	f.Cleanup(func() {
		_ = server.Close()
		<-served
		transport.CloseIdleConnections()
	})
	return "unix://" + path
}

// cut breaks every connection with the engine.
func (f *dockerFixture) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func (f *dockerFixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 4*deadline)
	f.Cleanup(cancel)
	return ctx
}

// run starts a container that is removed with the test.
func (f *dockerFixture) run(tty bool, script string) (uid string) {
	f.Helper()
	uid = uuid.NewString()
	f.Cleanup(func() {
		if err := f.driver.Remove(f.ctx(), uid); err != nil {
			f.Error(err)
		}
	})
	_, err := f.driver.Create(f.ctx(), driver.ContainerSpec{
		Owner:     driver.Identity{Namespace: "logs", Name: "test", UID: uid},
		Image:     drivertest.Image,
		Command:   []string{"/bin/sh", "-c", script},
		TTY:       tty,
		Limits:    driver.Limits{MilliCPU: 1000, MemoryBytes: 64 << 20},
		PidsLimit: 64,
		Network:   driver.NetworkNone,
	})
	if err != nil {
		f.Fatal(err)
	}
	if err := f.driver.Start(f.ctx(), uid); err != nil {
		f.Fatal(err)
	}
	return uid
}

// chatty writes numbered lines to both streams, some of them long, in bursts with short pauses.
const (
	chattyLines = 4000
	chatty      = `awk 'BEGIN {
		long = sprintf("%40000s", ""); gsub(/ /, "x", long)
		for (i = 0; i < 4000; i++) {
			print "o", i
			if (i % 3 == 0) print "e", i > "/dev/stderr"
			if (i % 400 == 0) print "o", i, long
			if (i % 400 == 200) print "e", i, long > "/dev/stderr"
			if (i % 1000 == 999) { fflush(); system("sleep 0.1") }
		}
	}'`
)

// checkChatty checks that each stream has all its lines in order, each once and whole.
func checkChatty(t *testing.T, texts []string) {
	t.Helper()
	want := map[string][]string{}
	long := " " + strings.Repeat("x", 40_000) + "\n"
	for i := range chattyLines {
		want["o"] = append(want["o"], fmt.Sprintf("o %d\n", i))
		if i%3 == 0 {
			want["e"] = append(want["e"], fmt.Sprintf("e %d\n", i))
		}
		if i%400 == 0 {
			want["o"] = append(want["o"], fmt.Sprintf("o %d%s", i, long))
		}
		if i%400 == 200 {
			want["e"] = append(want["e"], fmt.Sprintf("e %d%s", i, long))
		}
	}
	got := map[string][]string{}
	for _, text := range texts {
		got[text[:1]] = append(got[text[:1]], text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%.3000s", diff)
	}
}

// TestDockerGoingOn: readers that are cut off again and again, one that stays, and one that comes in the end all have
// the same lines with the same times, while the connection with the engine breaks, too.
func TestDockerGoingOn(t *testing.T) {
	for name, breaks := range map[string]bool{"Healthy": false, "StreamBreaks": true} {
		t.Run(name, func(t *testing.T) {
			f := newDockerFixture(t)
			uid := f.run(false, "sleep 0.3; "+chatty)
			stays := newViewer()
			stayed := make(chan error, 1)
			go func() { stayed <- f.hub.Stream(f.ctx(), uid, following(-1), stays.handle) }()

			// Hubs of their own find no ring: all they have is the engine and the time they were at.
			goes := newViewer()
			for round := 0; ; round++ {
				hub := f.hub
				if round%2 == 1 {
					hub = newHub(t, f.driver, nil)
				}
				ctx, cancel := context.WithCancel(f.ctx())
				enough := goes.count() + 200 + 100*(round%7)
				goes.each = func(logs.Batch) error {
					if goes.count() >= enough {
						cancel()
					}
					return nil
				}
				if breaks && round%3 == 0 {
					f.cut()
				}
				err := hub.Stream(ctx, uid, logs.Request{Follow: true, Tail: -1, After: goes.last()}, goes.handle)
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) && !errors.Is(err, driver.ErrUnavailable) {
					t.Fatal(err)
				}
			}
			if err := <-stayed; err != nil {
				t.Fatal(err)
			}
			after := newViewer()
			if err := f.hub.Stream(f.ctx(), uid, everything, after.handle); err != nil {
				t.Fatal(err)
			}
			for _, v := range []*viewer{stays, goes, after} {
				checkChatty(t, v.lines())
				v.increasing(t)
			}
			for name, v := range map[string]*viewer{"that stayed": stays, "that came and went": goes} {
				if diff := cmp.Diff(after.at, v.at); diff != "" {
					t.Errorf("times of the viewer %s (-want +got):\n%.2000s", name, diff)
				}
			}
		})
	}
}

// TestDockerOneStream: however many follow a container, the engine has one stream to serve.
func TestDockerOneStream(t *testing.T) {
	f := newDockerFixture(t)
	uid := f.run(false, "i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); done; sleep 60")
	viewers := make([]*viewer, 200)
	ends := make(chan error, len(viewers))
	for i := range viewers {
		viewers[i] = newViewer()
		go func() { ends <- f.hub.Stream(f.ctx(), uid, following(-1), viewers[i].handle) }()
	}
	for _, v := range viewers {
		v.await(t, "what it wrote", numbers(0, 200))
	}
	if opened := f.opened.Load(); opened > 1 {
		t.Errorf("the engine serves %d streams for %d viewers", opened, len(viewers))
	}
	if err := f.driver.Stop(f.ctx(), uid, 0); err != nil {
		t.Fatal(err)
	}
	for range viewers {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

// TestDockerRotation: what Docker repeats or passes over when it rotates a log that is followed is neither repeated nor lost.
func TestDockerRotation(t *testing.T) {
	const lines = 24_000
	f := newDockerFixture(t)
	uid := f.run(false, fmt.Sprintf(`sleep 0.5; awk 'BEGIN {
		pad = sprintf("%%990s", ""); gsub(/ /, "x", pad)
		for (i = 0; i < %d; i++) { print i, pad; if (i %% 400 == 399) { fflush(); system("sleep 0.03") } }
	}'; sleep 0.5`, lines))
	next, wrong := 0, 0
	err := f.hub.Stream(f.ctx(), uid, following(-1), func(b logs.Batch) error {
		for _, l := range b.Lines {
			var i int
			if _, err := fmt.Sscan(string(l.Text[:8]), &i); err != nil {
				return err
			}
			if i != next {
				wrong++
				t.Logf("line %d comes where %d should", i, next)
			}
			next = i + 1
		}
		return nil
	})
	if err != nil || wrong > 0 || next != lines {
		t.Errorf("the last of %d lines is %d, %d times one was lost or repeated (%v)", lines, next, wrong, err)
	}
}

// TestDockerTerminal: with a TTY there is one stream, with the terminal's line ends, escapes, and prompts without a line end
// that a second run follows.
func TestDockerTerminal(t *testing.T) {
	f := newDockerFixture(t)
	uid := f.run(true, `printf '\033[1mbold\033[0m\n'; awk 'BEGIN { s = sprintf("%40000s", ""); gsub(/ /, "x", s); print s }'; printf 'prompt$ '`)
	var want []string
	for run := range 2 {
		want = append(want, "\x1b[1mbold\x1b[0m\r\n", strings.Repeat("x", 40_000)+"\r\n", "prompt$ ")
		v := newViewer()
		if err := f.hub.Stream(f.ctx(), uid, following(-1), v.handle); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, v.lines()); diff != "" {
			t.Fatalf("run %d (-want +got):\n%.2000s", run, diff)
		}
		v.increasing(t)
		if run == 0 {
			if err := f.driver.Start(f.ctx(), uid); err != nil {
				t.Fatal(err)
			}
		}
	}
}
