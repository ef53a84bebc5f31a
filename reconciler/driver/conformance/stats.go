package conformance

import (
	"context"
	"errors"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// errEnough ends a stream from within.
var errEnough = errors.New("enough")

// measure returns so many measurements of a container.
func (f *fixture) measure(uid string, count int) []driver.Usage {
	f.Helper()
	var all []driver.Usage
	err := f.Stats(f.ctx(), uid, func(u driver.Usage) error {
		all = append(all, u)
		if len(all) == count {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		f.Fatalf("Stats: %v", err)
	}
	return all
}

// tolerance is how far above its limit the CPU in use may be found: the kernel's periods and the engine's
// measurements don't begin together.
const tolerance = 1.2

func testStats(f *fixture) {
	c := f.run(Program{Busy: true})
	const count = 4
	all := f.measure(c.Owner.UID, count)
	var sum int64
	for i, u := range all {
		sum += u.NanoCPU
		switch {
		case u.NanoCPU < 0, u.MemoryBytes < 0, u.MemoryBytes > c.Limits.MemoryBytes:
			f.Errorf("impossible: %+v", u)
		case u.Pids < 1:
			f.Errorf("a running container without a process: %+v", u)
		case u.Limits != c.Limits:
			f.Errorf("got limits %+v, want %+v", u.Limits, c.Limits)
		case i > 0 && !u.At.After(all[i-1].At):
			f.Errorf("at %v, after %v", u.At, all[i-1].At)
		}
		if !u.At.After(c.StartedAt) {
			f.Errorf("measured at %v, started at %v", u.At, c.StartedAt)
		}
	}
	if mean, limit := float64(sum)/count, float64(c.Limits.MilliCPU*1e6); mean <= 0 || mean > tolerance*limit {
		f.Errorf("a busy container uses %.0f of %.0f billionths of a core", mean, limit)
	}
}

func testStatsResize(f *fixture) {
	c := f.run(Program{})
	want := driver.Limits{MilliCPU: 100, MemoryBytes: 32 << 20}
	resized := false
	err := f.Stats(f.ctx(), c.Owner.UID, func(u driver.Usage) error {
		switch {
		case resized && u.Limits == want:
			return errEnough
		case resized:
			f.Errorf("got limits %+v, want %+v", u.Limits, want)
			return errEnough
		}
		resized = true
		return f.Resize(f.ctx(), c.Owner.UID, want)
	})
	if !errors.Is(err, errEnough) {
		f.Errorf("Stats: %v", err)
	}
}

// watchUsage runs Stats in the background and waits for the first measurement.
func (f *fixture) watchUsage(ctx context.Context, uid string) <-chan error {
	f.Helper()
	first, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		done <- f.Stats(ctx, uid, func(driver.Usage) error {
			select {
			case first <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	f.eventually("something is measured", func() bool { return len(first) > 0 })
	return done
}

func testStatsEnd(f *fixture) {
	for name, end := range map[string]func(uid string) error{
		"Stop":   func(uid string) error { return f.Stop(f.ctx(), uid, patience) },
		"Remove": func(uid string) error { return f.Remove(f.ctx(), uid) },
	} {
		uid := f.run(Program{}).Owner.UID
		done := f.watchUsage(f.ctx(), uid)
		if err := end(uid); err != nil {
			f.Fatalf("%s: %v", name, err)
		}
		if err := f.ends("Stats", done); err != nil {
			f.Errorf("%s: Stats: %v", name, err)
		}
	}
}

func testStatsIdle(f *fixture) {
	never := func(u driver.Usage) error {
		f.Errorf("measured %+v", u)
		return nil
	}
	spec := f.spec(Program{Exits: true})
	if err := f.Stats(f.ctx(), spec.Owner.UID, never); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("Stats of nothing: got %v, want ErrNotFound", err)
	}
	f.create(spec)
	if err := f.Stats(f.ctx(), spec.Owner.UID, never); err != nil {
		f.Errorf("Stats of a container that never ran: %v", err)
	}
	f.start(spec.Owner.UID)
	f.exited(spec.Owner.UID)
	if err := f.Stats(f.ctx(), spec.Owner.UID, never); err != nil {
		f.Errorf("Stats of a container that has ended: %v", err)
	}
}

func testStatsCancel(f *fixture) {
	uid := f.run(Program{}).Owner.UID
	ctx, cancel := context.WithCancel(f.ctx())
	defer cancel()
	done := f.watchUsage(ctx, uid)
	cancel()
	if err := f.ends("Stats", done); !errors.Is(err, context.Canceled) {
		f.Errorf("Stats: got %v, want context.Canceled", err)
	}
}

func testStatsHandlerFails(f *fixture) {
	uid := f.run(Program{}).Owner.UID
	gone := errors.New("the reader went away")
	err := f.Stats(f.ctx(), uid, func(driver.Usage) error { return gone })
	if !errors.Is(err, gone) || errors.Is(err, driver.ErrUnavailable) {
		f.Errorf("Stats: got %v, want the handler's own error", err)
	}
}
