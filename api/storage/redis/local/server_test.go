package local

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

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// shortDir makes a directory whose path fits a socket, which that of t.TempDir may not.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func start(t *testing.T, options Options) *Server {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := Start(ctx, options)
	if err != nil {
		t.Fatalf("redis-server is needed for this test (apt-get install redis-server): %v", err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, s *Server) *goredis.Client {
	t.Helper()
	options, err := goredis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestServerIsDurableAndPrivate(t *testing.T) {
	dir := filepath.Join(shortDir(t), "data")
	s := start(t, Options{Dir: dir})
	client := connect(t, s)
	for setting, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "port": "0", "dir": dir,
	} {
		got, err := client.ConfigGet(t.Context(), setting).Result()
		if err != nil {
			t.Fatal(err)
		}
		if got[setting] != want {
			t.Errorf("%s is %q, want %q", setting, got[setting], want)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has mode %v, want 0700", info.Mode().Perm())
	}
}

func TestDataSurvivesStop(t *testing.T) {
	dir := shortDir(t)
	first := start(t, Options{Dir: dir})
	if err := connect(t, first).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	stop(t, first) // again, to no effect

	second := start(t, Options{Dir: dir})
	if got := connect(t, second).Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("got %q after a restart, want %q", got, "v")
	}
}

func TestDeadServerIsRestarted(t *testing.T) {
	s := start(t, Options{Dir: shortDir(t)})
	client := connect(t, s)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	pid := s.Pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, err := client.Get(t.Context(), "k").Result()
		if err == nil && got == "v" && s.Pid() != pid {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not restarted with its data: %q, %v", got, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := shortDir(t)
	start(t, Options{Dir: dir})
	_, err := Start(t.Context(), Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want %v", err, ErrInUse)
	}
}

// TestLeftoverIsShutDown stands in for a parent that was killed: its lock is gone, its child is not.
func TestLeftoverIsShutDown(t *testing.T) {
	dir := shortDir(t)
	orphan := start(t, Options{Dir: dir})
	if err := connect(t, orphan).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	orphan.stop() // nobody restarts it
	if err := syscall.Flock(int(orphan.lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}

	next := start(t, Options{Dir: dir})
	if next.Pid() == orphan.Pid() {
		t.Error("the orphan was not replaced")
	}
	if got := connect(t, next).Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("got %q, want what the orphan held", got)
	}
}

func TestStartExplainsItself(t *testing.T) {
	tests := map[string]struct {
		options Options
		want    string
	}{
		"NotInstalled": {Options{Dir: t.TempDir(), Binary: "no-such-redis-server"}, "apt-get install redis-server"},
		"PathTooLong":  {Options{Dir: filepath.Join(t.TempDir(), strings.Repeat("x", 120))}, "choose a shorter one"},
		"NoDirectory":  {Options{}, "none was given"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.options.Logger = slog.New(slog.DiscardHandler)
			_, err := Start(t.Context(), test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to mention %q", err, test.want)
			}
		})
	}
}

func TestBrokenDataIsReported(t *testing.T) {
	dir := shortDir(t)
	files := filepath.Join(dir, "appendonlydir")
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(files, "appendonly.aof.manifest"), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := Start(ctx, Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "last words") || ctx.Err() != nil {
		t.Errorf("got %v, want it to report what Redis said, without waiting for the deadline", err)
	}
}

func TestUnresponsiveServerIsKilled(t *testing.T) {
	s := start(t, Options{Dir: shortDir(t)})
	if err := syscall.Kill(s.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to say that time ran out", err)
	}
	if s.Pid() != 0 {
		t.Error("the server is still there")
	}
}

func TestParseLogLine(t *testing.T) {
	tests := map[string]struct {
		line    string
		level   slog.Level
		message string
	}{
		"Notice":   {"42:M 22 Nov 2025 10:00:00.123 * Ready to accept connections", slog.LevelInfo, "Ready to accept connections"},
		"Warning":  {"42:M 22 Nov 2025 10:00:00.123 # Out of memory", slog.LevelWarn, "Out of memory"},
		"Verbose":  {"42:M 22 Nov 2025 10:00:00.123 - Accepted", slog.LevelDebug, "Accepted"},
		"FreeForm": {"*** FATAL CONFIG FILE ERROR ***", slog.LevelInfo, "*** FATAL CONFIG FILE ERROR ***"},
		"Empty":    {"", slog.LevelInfo, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			level, message := parseLogLine(test.line)
			if level != test.level || message != test.message {
				t.Errorf("got %v %q, want %v %q", level, message, test.level, test.message)
			}
		})
	}
}
