package tokens

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// deadline bounds whatever a test waits for.
const deadline = 10 * time.Second

var (
	start = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	alice = Grant{User: "alice", Groups: []string{"containerlease.dev:editor"}}
)

// fixture is a store with a clock of its own.
type fixture struct {
	*Store
	clock *clocktesting.FakeClock
	log   *logged
	dir   string
}

func open(t *testing.T, dir string) *fixture {
	t.Helper()
	f := &fixture{clock: clocktesting.NewFakeClock(start), log: &logged{}, dir: dir}
	var err error
	f.Store, err = Open(dir, Options{Clock: f.clock, Logger: slog.New(slog.NewTextHandler(f.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) create(t *testing.T, grant Grant, lifetime time.Duration) (string, Entry) {
	t.Helper()
	secret, entry, err := f.Create(t.Context(), grant, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return secret, entry
}

func (f *fixture) signIn(t *testing.T, secret string) (string, Entry) {
	t.Helper()
	session, entry, err := f.SignIn(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return session, entry
}

// user returns who a secret makes its holder; "" if it is refused.
func (f *fixture) user(t *testing.T, secret string) string {
	t.Helper()
	response, ok, err := f.AuthenticateToken(t.Context(), secret)
	if err != nil || !ok {
		return ""
	}
	return response.User.GetName()
}

func (f *fixture) path() string { return filepath.Join(f.dir, FileName) }

// overwrite puts something else into the file, as an editor would.
func (f *fixture) overwrite(t *testing.T, content string, mode os.FileMode) {
	t.Helper()
	must(t, os.WriteFile(f.path(), []byte(content), mode))
	must(t, os.Chmod(f.path(), mode))
}

// logged is a log to look into.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wait waits for a channel to be closed.
func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(deadline):
		t.Fatalf("waited in vain: %s", what)
	}
}

// within runs f until it is true, or fails the test.
func within(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
