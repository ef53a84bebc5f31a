package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestInstanceIsClaimedByOneAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := claimInstance(t.Context(), dir, time.Minute, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claimInstance(t.Context(), dir, time.Millisecond, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Fatalf("a second claim: %v, want an error that says what to do", err)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := claimInstance(stopped, dir, time.Minute, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
		t.Errorf("a claim by a server that is told to stop: %v, want an end", err)
	}

	claimed := make(chan error, 1)
	go func() {
		second, err := claimInstance(t.Context(), dir, time.Minute, slog.New(slog.DiscardHandler))
		if err == nil {
			err = second.Close()
		}
		claimed <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-claimed; err != nil {
		t.Errorf("a claim that waited: %v", err)
	}
}

func TestInstanceIDIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "instance-id")
	first, err := instanceID(file)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := instanceID(file); err != nil || second != first {
		t.Errorf("got %q, %v; want %q again", second, err, first)
	}
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := instanceID(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a broken file: %v, want an error that names it", err)
	}
}

func TestReachable(t *testing.T) {
	for listening, want := range map[string]string{
		"127.0.0.1:8443": "127.0.0.1:8443",
		"[::1]:8443":     "[::1]:8443",
		"192.0.2.7:8443": "192.0.2.7:8443",
		"0.0.0.0:8443":   "127.0.0.1:8443",
		// What the kernel says of 0.0.0.0, too, where it has IPv6.
		"[::]:8443": "127.0.0.1:8443",
	} {
		if got := reachable(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(listening))); got != want {
			t.Errorf("reachable(%s) = %s, want %s", listening, got, want)
		}
	}
}
