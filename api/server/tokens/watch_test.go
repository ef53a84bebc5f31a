package tokens

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// run runs a store's watch until the test ends.
func (f *fixture) run(t *testing.T) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		wait(t, "Run ends", done)
		goleak.VerifyNone(t, ignore)
	})
	within(t, "Run waits", f.clock.HasWaiters)
}

// TestChangedByAnotherProcess: without a lookup, and without the clock.
func TestChangedByAnotherProcess(t *testing.T) {
	f := open(t, t.TempDir())
	f.run(t)
	cli := open(t, f.dir)
	for range 3 {
		changed := f.Changed()
		_, entry := cli.create(t, alice, 0)
		wait(t, "the watch sees a new token", changed)

		changed = f.Changed()
		_, err := cli.Revoke(t.Context(), entry.ID)
		must(t, err)
		wait(t, "the watch sees a revocation", changed)
	}
}

func TestChangedByOwnWrites(t *testing.T) {
	f := open(t, t.TempDir())
	changed := f.Changed()
	f.create(t, alice, 0)
	wait(t, "an own write", changed)
	select {
	case <-f.Changed():
		t.Error("without a change there is one")
	default:
	}
}

// TestChangedByExpiry: exactly when something expires, and not before.
func TestChangedByExpiry(t *testing.T) {
	f := open(t, t.TempDir())
	f.create(t, alice, poll/2)
	f.create(t, alice, time.Hour)
	f.run(t)
	changed := f.Changed()
	f.clock.Step(poll/2 - time.Millisecond)
	select {
	case <-changed:
		t.Fatal("too early")
	default:
	}
	f.clock.Step(time.Millisecond)
	wait(t, "the first expires", changed)
	within(t, "Run waits again", f.clock.HasWaiters)
	changed = f.Changed()
	f.clock.Step(time.Hour)
	wait(t, "the second expires", changed)
}
