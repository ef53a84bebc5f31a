package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// redisServer is a redis-server of the test's own, for tests that take it away from the server.
type redisServer struct {
	dir string
	cmd *exec.Cmd
}

// startRedis starts one with the durability that containerlease asks for.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	// Not t.TempDir: a socket's path may be 108 bytes long at most.
	dir, err := os.MkdirTemp("", "e2e-redis-")
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{dir: dir}
	t.Cleanup(func() {
		r.kill(t)
		_ = os.RemoveAll(dir)
	})
	r.start(t)
	return r
}

func (r *redisServer) socket() string { return filepath.Join(r.dir, "s") }

func (r *redisServer) url() string { return "unix://" + r.socket() }

func (r *redisServer) start(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket(), "--dir", r.dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("these tests need redis-server (apt-get install redis-server): %v", err)
	}
	client := goredis.NewClient(&goredis.Options{Network: "unix", Addr: r.socket()})
	defer func() { _ = client.Close() }()
	deadline := time.Now().Add(eventually)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := client.Ping(ctx).Err()
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(pollInterval)
	}
}

// signal sends a signal, such as SIGSTOP.
func (r *redisServer) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatalf("sending %s to redis-server: %v", s, err)
	}
}

// kill ends it as a crash does, if it runs.
func (r *redisServer) kill(t *testing.T) {
	t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatalf("killing redis-server: %v", err)
	}
	_ = r.cmd.Wait()
}

// childrenOf returns the processes with this name whose parent is pid.
func childrenOf(pid int, name string) ([]int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, entry := range entries {
		data, err := os.ReadFile(entry)
		if err != nil {
			continue // it has ended
		}
		var child, parent int
		var comm, state string
		if _, err := fmt.Sscanf(string(data), "%d %s %s %d", &child, &comm, &state, &parent); err == nil && parent == pid && comm == "("+name+")" {
			found = append(found, child)
		}
	}
	return found, nil
}
