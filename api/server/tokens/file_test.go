package tokens

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func owner(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// TestDamage: a server does not start on a damaged file; one that runs goes on with what it knew, says so
// once, overwrites nothing, and takes what is put in its place.
func TestDamage(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	entry := `{"id":"a","kind":"token","user":"u","created":"2025-03-01T12:00:00Z","sha256":"` + sum + `"%s}`
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"Empty":         {"", 0o600, "EOF"},
		"NotJSON":       {"tokens", 0o600, "invalid character"},
		"Half":          {`{"version": 1, "entries": [`, 0o600, "EOF"},
		"Trailing":      {`{"version": 1} x`, 0o600, "behind the document"},
		"LaterVersion":  {`{"version": 2}`, 0o600, "version: 2"},
		"UnknownField":  {`{"version": 1, "tokens": []}`, 0o600, `"tokens"`},
		"NoID":          {`{"version": 1, "entries": [{}]}`, 0o600, "entries[0]: id"},
		"Kind":          {`{"version": 1, "entries": [{"id": "a", "kind": "key"}]}`, 0o600, `kind: "key"`},
		"NoHash":        {`{"version": 1, "entries": [{"id": "a", "kind": "token"}]}`, 0o600, "sha256"},
		"ShortHash":     {`{"version": 1, "entries": [{"id": "a", "kind": "token", "sha256": "abcd"}]}`, 0o600, "64 hexadecimal digits"},
		"SameID":        {`{"version": 1, "entries": [` + fmt.Sprintf(entry, "") + "," + fmt.Sprintf(entry, "") + `]}`, 0o600, "there is another"},
		"SystemMasters": {`{"version": 1, "entries": [` + fmt.Sprintf(entry, `,"groups":["system:masters"]`) + `]}`, 0o600, "reserved"},
		"TokenParent":   {`{"version": 1, "entries": [` + fmt.Sprintf(entry, `,"parent":"a"`) + `]}`, 0o600, "only sessions"},
		"ReadableByAll": {`{"version": 1}`, 0o644, "chmod 600"},
		"WritableGroup": {`{"version": 1}`, 0o660, "mode 0660"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, t.TempDir())
			secret, _ := f.create(t, alice, 0)
			good, err := os.ReadFile(f.path())
			must(t, err)

			f.overwrite(t, tc.content, tc.mode)
			for range 3 {
				if f.user(t, secret) != "alice" {
					t.Fatal("a damaged file locks out who was in")
				}
			}
			if n := f.log.count("level=ERROR"); n != 1 || f.log.count(f.path()) == 0 {
				t.Errorf("logged %d times: %s", n, f.log.text.String())
			}
			_, openErr := Open(f.dir, Options{})
			_, _, writeErr := f.Create(t.Context(), alice, 0)
			_, listErr := f.List()
			for what, err := range map[string]error{"opening": openErr, "writing": writeErr, "listing": listErr} {
				if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), f.path()) {
					t.Errorf("%s: %v, want %q and the path", what, err, tc.want)
				}
			}
			if now, err := os.ReadFile(f.path()); err != nil || string(now) != tc.content {
				t.Errorf("the damaged file became %q, %v", now, err)
			}

			f.overwrite(t, string(good), 0o600)
			if _, err := f.Revoke(t.Context(), secret); err != nil || f.user(t, secret) != "" {
				t.Errorf("after it was repaired: %v, still %q", err, f.user(t, secret))
			}
		})
	}
}

func TestNoDirectory(t *testing.T) {
	f := open(t, t.TempDir())
	must(t, os.Remove(f.dir))
	if _, _, err := f.Create(t.Context(), alice, 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), f.dir) {
		t.Errorf("got %v", err)
	}
}

// TestLockedOut: a write does not wait for ever for a process that hangs with the lock.
func TestLockedOut(t *testing.T) {
	f := open(t, t.TempDir())
	unlock, err := f.file.lock(t.Context())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := f.Create(ctx, alice, 0); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("while it is locked: %v", err)
	}
	created := make(chan error, 1)
	go func() {
		_, _, err := f.Create(t.Context(), alice, 0)
		created <- err
	}()
	unlock()
	if err := <-created; err != nil {
		t.Errorf("once it is not: %v", err)
	}
}

// TestNoRegularFile: whatever stands in the file's place, nobody waits for it, and who was in stays.
func TestNoRegularFile(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"Pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"Directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, t.TempDir())
			secret, _ := f.create(t, alice, 0)
			// By one step, as whoever looks in between would take it for removed.
			other := f.path() + ".other"
			must(t, replace(other))
			must(t, unix.Renameat2(unix.AT_FDCWD, other, unix.AT_FDCWD, f.path(), unix.RENAME_EXCHANGE))
			user := make(chan string, 1)
			go func() { user <- f.user(t, secret) }()
			select {
			case got := <-user:
				if got != "alice" {
					t.Errorf("it locks out who was in: %q", got)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it is waited for")
			}
			if _, err := Open(f.dir, Options{}); err == nil || !strings.Contains(err.Error(), "is no file") {
				t.Errorf("opening: %v", err)
			}
		})
	}
}
