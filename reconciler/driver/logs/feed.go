package logs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// The delay before a stream of the engine that broke is opened again doubles from the first to the longest, and
// starts anew once lines came.
const (
	reconnectFirst   = 100 * time.Millisecond
	reconnectLongest = 5 * time.Second
)

// feed reads the log of a container into a ring.
type feed struct {
	hub  *Hub
	uid  string
	want int // lines to begin with
	stop context.CancelFunc

	// Guarded by the hub's lock.
	viewers int
	idle    clock.Timer

	// ready is closed once the ring holds the end of the log, or the feed has ended.
	ready chan struct{}

	// resume is from when on the engine has to be read for nothing to be missed. Only run touches it.
	resume time.Time
	skips  skipDetector

	mu   sync.Mutex
	ring ring
	// changed is closed, and made anew, when there are lines or the feed ends; nil if nobody waits.
	changed chan struct{}
	ended   bool
	err     error
}

func newFeed(h *Hub, uid string, want int) *feed {
	return &feed{hub: h, uid: uid, want: want, ready: make(chan struct{})}
}

// run reads until the container ends (nil), or ctx does. It fails if the log can't be read to begin with.
func (f *feed) run(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	close(f.ready)
	delay := reconnectFirst
	for {
		before := f.last()
		err := f.follow(ctx)
		ended := false
		if err == nil {
			ended, err = f.complete(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ended, errors.Is(err, driver.ErrNotFound):
			return nil
		case errors.Is(err, errSkipped):
			f.hub.log.Info("the engine passed over a part of a log; reading it", "uid", f.uid)
			continue
		case f.last() != before:
			delay = reconnectFirst
		}
		if err != nil {
			f.hub.log.Info("the engine's log stream ended; opening it again", "uid", f.uid, "after", delay.String(), "cause", err.Error())
		}
		timer := f.hub.clock.NewTimer(delay)
		select {
		case <-timer.C():
		case <-ctx.Done():
		}
		timer.Stop()
		delay = min(2*delay, reconnectLongest)
	}
}

// begin fills the ring with the last lines.
func (f *feed) begin(ctx context.Context) error {
	for tail := tailFor(2 * f.want); ; tail = widen(tail) {
		w := windowOf(tail)
		var filled ring
		var lines []Line
		err := f.hub.engine.Logs(ctx, f.uid, driver.LogOptions{Tail: tail}, func(records []driver.LogRecord) (err error) {
			lines = lines[:0]
			for _, r := range records {
				if lines, err = w.add(lines, r); err != nil {
					return err
				}
			}
			for _, l := range lines {
				filled.add(l)
			}
			return nil
		})
		if errors.Is(err, errUnfit) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the end of the log: %w", err)
		}
		if !w.whole && w.records == tail {
			full := filled.floor > 0
			if !w.settled {
				continue
			}
			filled.discard(w.floor)
			if filled.lines < f.want && !full {
				continue
			}
		}
		f.mu.Lock()
		f.ring = filled
		f.mu.Unlock()
		f.setResume(w)
		return nil
	}
}

// follow appends what comes after the last line, until the engine's stream ends.
func (f *feed) follow(ctx context.Context) error {
	return f.readOn(ctx, true, &window{whole: true})
}

// complete is called when the stream has ended by itself. If that is since the container has, it reads what the stream
// may have left out, and reports the end.
func (f *feed) complete(ctx context.Context) (ended bool, err error) {
	container, err := f.hub.engine.Observe(ctx, f.uid)
	if err != nil {
		return false, err
	}
	if container.State == driver.StateRunning {
		return false, nil
	}
	w := &window{whole: true}
	if err := f.readOn(ctx, false, w); err != nil {
		return false, err
	}
	f.append(w.end(nil))
	return true, nil
}

// readOn appends what the engine has after the last line.
func (f *feed) readOn(ctx context.Context, follow bool, w *window) error {
	var lines []Line
	f.skips.begin(f.hub.clock.Now(), f.last())
	opts := driver.LogOptions{Follow: follow, Tail: -1, Since: f.resume}
	return f.hub.engine.Logs(ctx, f.uid, opts, func(records []driver.LogRecord) error {
		lines = lines[:0]
		skipped := false
		now := f.hub.clock.Now()
		for _, r := range records {
			if skipped = follow && f.skips.suspect(now, r); skipped {
				break
			}
			lines, _ = w.add(lines, r) // a whole window fits
		}
		f.append(lines)
		f.setResume(w)
		if skipped {
			return errSkipped
		}
		return nil
	})
}

// setResume notes where to go on: early enough for the order to have settled, and for lines that have begun.
func (f *feed) setResume(w *window) {
	last := w.last
	if last == 0 {
		return
	}
	if last-w.raw > int64(disorder) {
		f.resume = time.Time{} // The clock was set back: only from the beginning are positions the same.
		return
	}
	from := w.raw
	for _, o := range w.open {
		if o.open {
			from = min(from, o.at)
		}
	}
	f.resume = time.Unix(0, from).Add(-2 * disorder)
}

// append adds the lines that are not there yet, and wakes those who wait.
func (f *feed) append(lines []Line) {
	if len(lines) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range lines {
		if lines[i].position() > f.ring.last {
			f.ring.add(lines[i])
		}
	}
	f.wake()
}

func (f *feed) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

func (f *feed) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ring.last
}

// finish tells everybody that nothing more comes.
func (f *feed) finish(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.err = true, err
	f.wake()
	select {
	case <-f.ready:
	default:
		close(f.ready)
	}
}

// view is what a feed has for a viewer at a position: lines that follow it, or else a channel that is closed when there may
// be some; neither, at the end of the log.
type view struct {
	lines []Line
	// number is the first line's; without lines, the next line's.
	number  int64
	changed <-chan struct{}
	// behind says that the ring does not go back so far. Then number is the first line's that it has, which follows
	// the position floor.
	behind bool
	floor  int64
}

// look returns what there is after a position, or why the feed ended.
func (f *feed) look(position int64) (view, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if position < f.ring.floor {
		return view{behind: true, number: f.ring.first(), floor: f.ring.floor}, nil
	}
	lines, number := f.ring.after(position)
	if len(lines) > 0 {
		return view{lines: lines, number: number}, nil
	}
	if f.ended {
		return view{number: number}, f.err
	}
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return view{number: number, changed: f.changed}, nil
}

// failed returns why the feed could not begin.
func (f *feed) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended && f.ring.next == 0 {
		return f.err
	}
	return nil
}

// covers reports whether every line after a position is in the ring.
func (f *feed) covers(position int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return position >= f.ring.floor
}

// tail returns the position before the last n lines, if the ring goes back so far.
func (f *feed) tail(n int) (int64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ring.tail(n)
}

// count is how many lines the feed has seen, from its first on.
func (f *feed) count() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ring.next
}
