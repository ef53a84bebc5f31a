package redis

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/api/storage/redis/local"
)

// ownRedis is a Redis that a test may break.
type ownRedis struct {
	t      *testing.T
	dir    string
	server *local.Server
}

func startRedis(t *testing.T) *ownRedis {
	t.Helper()
	dir, err := os.MkdirTemp("", "cl")
	if err != nil {
		t.Fatal(err)
	}
	r := &ownRedis{t: t, dir: dir}
	r.start()
	t.Cleanup(func() {
		r.stop()
		os.RemoveAll(dir)
	})
	return r
}

func (r *ownRedis) start() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	server, err := local.Start(ctx, local.Options{Dir: r.dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = server
}

func (r *ownRedis) stop() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.server.Stop(ctx); err != nil {
		r.t.Error(err)
	}
}

// backUp copies the data as it is now.
func (r *ownRedis) backUp() (backup string) {
	r.t.Helper()
	backup = r.t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(r.data())); err != nil {
		r.t.Fatal(err)
	}
	return backup
}

// restore replaces the data; with "" by nothing. Redis must be stopped.
func (r *ownRedis) restore(backup string) {
	r.t.Helper()
	if err := os.RemoveAll(r.data()); err != nil {
		r.t.Fatal(err)
	}
	if backup == "" {
		return
	}
	if err := os.CopyFS(r.data(), os.DirFS(backup)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *ownRedis) data() string { return filepath.Join(r.dir, "appendonlydir") }

// config counts as a server in production does.
func (r *ownRedis) config() Config {
	return Config{URL: r.server.URL(), Prefix: "{own}", Logger: slog.New(slog.DiscardHandler)}
}

// TestLossIsFenced is about a Redis that comes back older than it was.
func TestLossIsFenced(t *testing.T) {
	tests := map[string]struct {
		lose func(r *ownRedis, backup string)
		left []string
	}{
		"OlderCopy": {
			func(r *ownRedis, backup string) { r.stop(); r.restore(backup); r.start() },
			[]string{"kept"},
		},
		"Everything": {
			func(r *ownRedis, _ string) { r.stop(); r.restore(""); r.start() },
			[]string{},
		},
		"FlushedWhileRunning": {
			func(r *ownRedis, _ string) {
				if err := connect(r.t, r.server.URL()).FlushAll(r.t.Context()).Err(); err != nil {
					r.t.Fatal(err)
				}
			},
			[]string{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			raw := newPods(t, openStore(t, r.config()), podsOptions{})
			c := startCache(t, raw, cachedOptions{})
			create(t, c, "kept")
			backup := r.backUp()
			lost := create(t, c, "lost")
			last, err := touch(t.Context(), c, "kept", "lost")
			if err != nil {
				t.Fatal(err)
			}
			direct, through := startWatch(t, raw, last.ResourceVersion), startWatch(t, c, last.ResourceVersion)
			if got := names(t, c, ""); len(got) != 2 {
				t.Fatalf("got %v before the loss, want both pods", got)
			}

			test.lose(r, backup)

			expectExpired(t, direct)
			for open := true; open; { // the watch cache ends its watches without a word
				_, open = <-through.ResultChan()
			}
			if got := names(t, raw, ""); strings.Join(got, " ") != strings.Join(test.left, " ") {
				t.Errorf("Redis has %v, want %v", got, test.left)
			}
			eventually(t, "the watch cache has started over", func() bool {
				list := &example.PodList{}
				err := c.GetList(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: "0", Predicate: storage.Everything, Recursive: true}, list)
				return err == nil && len(list.Items) == len(test.left) && list.ResourceVersion > last.ResourceVersion
			})
			if fresh := create(t, c, "fresh"); revisionOf(t, fresh) <= revisionOf(t, last) {
				t.Errorf("revision %s was given out after %s", fresh.ResourceVersion, last.ResourceVersion)
			}
			// No revision of the lost history is honoured.
			for _, ghost := range []*example.Pod{lost, last} {
				expectExpired(t, startWatch(t, raw, ghost.ResourceVersion))
				expectExpired(t, startWatch(t, c, ghost.ResourceVersion))
			}
		})
	}
}

// TestLossIsFencedForNewProcess is about a process that starts after the loss and cannot know of it.
func TestLossIsFencedForNewProcess(t *testing.T) {
	for name, wipe := range map[string]bool{"OlderCopy": false, "Everything": true} {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			before := openStore(t, r.config())
			raw := newPods(t, before, podsOptions{})
			kept := create(t, raw, "kept")
			backup := r.backUp()
			ghost := create(t, raw, "lost")
			if err := before.Close(); err != nil {
				t.Fatal(err)
			}
			r.stop()
			if wipe {
				backup = ""
			}
			r.restore(backup)
			r.start()

			after := newPods(t, openStore(t, r.config()), podsOptions{})
			if fresh := create(t, after, "fresh"); revisionOf(t, fresh) <= revisionOf(t, ghost) {
				t.Errorf("revision %s was given out after %s", fresh.ResourceVersion, ghost.ResourceVersion)
			}
			expectExpired(t, startWatch(t, after, ghost.ResourceVersion))
			if !wipe {
				// What survived is still good: no need to start over.
				expectPod(t, startWatch(t, after, kept.ResourceVersion), "ADDED", "fresh")
			}
		})
	}
}

// TestLossIsFencedThoughClockIsBehind is about a process that starts after the loss, on a machine whose clock is wrong.
func TestLossIsFencedThoughClockIsBehind(t *testing.T) {
	r := startRedis(t)
	config := r.config()
	config.Clock = testingclock.NewFakeClock(time.Now().Add(time.Hour))
	before := openStore(t, config)
	raw := newPods(t, before, podsOptions{})
	create(t, raw, "kept")
	backup := r.backUp()
	ghost := create(t, raw, "lost")
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.restore(backup)
	r.start()

	after := newPods(t, openStore(t, r.config()), podsOptions{})
	if fresh := create(t, after, "fresh"); revisionOf(t, fresh) <= revisionOf(t, ghost) {
		t.Errorf("revision %s was given out after %s", fresh.ResourceVersion, ghost.ResourceVersion)
	}
	expectExpired(t, startWatch(t, after, ghost.ResourceVersion))
}

// TestRestartWithoutLoss is about a Redis that is killed and restarted with all that it acknowledged.
func TestRestartWithoutLoss(t *testing.T) {
	r := startRedis(t)
	raw := newPods(t, openStore(t, r.config()), podsOptions{})
	first := create(t, raw, "first")
	w := startWatch(t, raw, first.ResourceVersion)
	create(t, raw, "second")
	if err := syscall.Kill(r.server.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var created *example.Pod
	eventually(t, "writes work again", func() bool {
		out := &example.Pod{}
		err := raw.Create(t.Context(), podKey("third"), pod("third"), out, 0)
		created = out
		return err == nil
	})
	expectPod(t, w, "ADDED", "second")
	if got := expectPod(t, w, "ADDED", "third"); got.ResourceVersion != created.ResourceVersion {
		t.Errorf("the event has revision %s, the write %s", got.ResourceVersion, created.ResourceVersion)
	}
	if got := raw.store.fence.where().generation; got != 0 {
		t.Errorf("history was started over %d times, want none", got)
	}
}

// TestMissedHistoryIsReported is about a process that was cut off for longer than history lasts.
func TestMissedHistoryIsReported(t *testing.T) {
	raw, proxy := openThrough(t)
	w := startWatch(t, raw, create(t, raw, "first").ResourceVersion)
	proxy.down()
	config := testConfig()
	config.Prefix = raw.store.config.Prefix
	other := newPods(t, openStore(t, config), podsOptions{prefix: "/registry"})
	create(t, other, "missed")
	last := create(t, other, "last")
	compactTo(other.store)(t.Context(), t, last.ResourceVersion)
	proxy.up()
	expectExpired(t, w)
	if got := names(t, raw, ""); len(got) != 3 {
		t.Errorf("got %v, want all three pods", got)
	}
	next := startWatch(t, raw, last.ResourceVersion)
	create(t, raw, "next")
	expectPod(t, next, "ADDED", "next")
}

// TestLossIsFencedAmongProcesses is about one process that finds the loss, and another that learns of it.
func TestLossIsFencedAmongProcesses(t *testing.T) {
	r := startRedis(t)
	a := newPods(t, openStore(t, r.config()), podsOptions{})
	b := newPods(t, openStore(t, r.config()), podsOptions{})
	create(t, a, "kept")
	backup := r.backUp()
	ghost := create(t, a, "lost")
	watches := []*pods{a, b}
	for _, p := range watches {
		awaitHub(t, p.store, revisionOf(t, ghost))
	}
	wa, wb := startWatch(t, a, ghost.ResourceVersion), startWatch(t, b, ghost.ResourceVersion)
	r.stop()
	r.restore(backup)
	r.start()
	expectExpired(t, wa)
	expectExpired(t, wb)
	for _, p := range watches {
		if got := names(t, p, ""); strings.Join(got, " ") != "kept" {
			t.Errorf("got %v, want only what was kept", got)
		}
	}
	x, y := create(t, a, "from-a"), create(t, b, "from-b")
	if revisionOf(t, x) <= revisionOf(t, ghost) || revisionOf(t, y) != revisionOf(t, x)+1 {
		t.Errorf("after %s came %s and %s", ghost.ResourceVersion, x.ResourceVersion, y.ResourceVersion)
	}
}

func TestEvictingRedisIsRefused(t *testing.T) {
	r := startRedis(t)
	client := connect(t, r.server.URL())
	if err := client.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), r.config())
	var unsuitable *UnsuitableError
	if !errors.As(err, &unsuitable) || !strings.Contains(err.Error(), "CONFIG SET maxmemory-policy noeviction") {
		t.Fatalf("got %v, want an UnsuitableError that says what to change", err)
	}
	if err := client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	openStore(t, r.config())
}

func TestServerCheck(t *testing.T) {
	good := server{version: "7.0.15", role: "master", eviction: "noeviction", aof: "1", fsync: "always", asked: true}
	tests := map[string]struct {
		change  func(*server)
		refused string
		warned  string
	}{
		"Good":           {func(*server) {}, "", ""},
		"Evicts":         {func(s *server) { s.eviction = "volatile-lru" }, "maxmemory-policy volatile-lru", ""},
		"Replica":        {func(s *server) { s.role = "slave" }, "must point to the primary", ""},
		"Old":            {func(s *server) { s.version = "6.0.16" }, "6.2 or newer", ""},
		"OldButNewMajor": {func(s *server) { s.version = "10.0" }, "", ""},
		"NoAOF":          {func(s *server) { s.aof = "0" }, "", "NOT DURABLE"},
		"EverySecond":    {func(s *server) { s.fsync = "everysec" }, "", "MAY LOSE"},
		"ConfigDenied":   {func(s *server) { s.asked, s.fsync = false, "" }, "", "does not allow CONFIG"},
		"InfoDenied":     {func(s *server) { *s = server{} }, "", "does not allow INFO"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := good
			test.change(&s)
			var logged strings.Builder
			err := s.check(slog.New(slog.NewTextHandler(&logged, nil)))
			if (err != nil) != (test.refused != "") || (err != nil && !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("got error %v, want it to mention %q", err, test.refused)
			}
			if (logged.Len() > 0) != (test.warned != "") || !strings.Contains(logged.String(), test.warned) {
				t.Errorf("logged %q, want it to mention %q", logged.String(), test.warned)
			}
		})
	}
}

// TestRestrictedUser is about managed services that forbid INFO and CONFIG.
func TestRestrictedUser(t *testing.T) {
	r := startRedis(t)
	err := connect(t, r.server.URL()).Do(t.Context(), "ACL", "SETUSER", "app", "on", ">pw", "~{own}*", "+@all", "-config", "-info").Err()
	if err != nil {
		t.Fatal(err)
	}
	config := r.config()
	config.URL = strings.Replace(config.URL, "unix://", "unix://app:pw@", 1)
	p := newPods(t, openStore(t, config), podsOptions{})
	create(t, p, "first")
	if got := names(t, p, ""); len(got) != 1 {
		t.Errorf("got %v, want the pod", got)
	}
}
