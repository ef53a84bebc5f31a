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

	// What has been read so far. Only run touches it.
	order     order
	assembler assembler
	skips     skipDetector
	doubted   time.Time

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
		before := f.assembler.last
		err := f.readOn(ctx, true)
		ended := false
		if err == nil {
			ended, err = f.complete(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ended, errors.Is(err, driver.ErrNotFound):
			return nil
		case errors.Is(err, errDoubt):
			f.hub.log.Debug("the engine's log stream is in doubt; opening it again", "uid", f.uid)
			continue
		case f.assembler.last != before:
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
		var read order
		var lines []Line
		err := f.hub.engine.Logs(ctx, f.uid, driver.LogOptions{Tail: tail}, func(records []driver.LogRecord) (err error) {
			lines = lines[:0]
			for _, r := range records {
				read.trust(r)
				read.next(r)
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
			if !w.settled || w.amidLine() {
				continue
			}
			filled.discard(w.floor)
			if filled.lines < f.want && !full {
				continue
			}
		}
		f.order, f.assembler = read, w.assembler
		f.mu.Lock()
		f.ring = filled
		f.mu.Unlock()
		return nil
	}
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
	if err := f.readOn(ctx, false); err != nil {
		return false, err
	}
	f.append(f.assembler.endAll(nil))
	return true, nil
}

// doubtInterval is how often a log is read again since records go back in time. If they go on doing so, that is how the
// engine keeps them.
const doubtInterval = 10 * time.Second

// errDoubt means that the engine's stream may leave out or repeat a part of the log. To read on from the last record
// clears that up.
var errDoubt = errors.New("the engine's log stream is in doubt")

// readOn appends what the engine has after the last record.
func (f *feed) readOn(ctx context.Context, follow bool) error {
	f.order.rewind()
	var lines []Line
	opts := driver.LogOptions{Follow: follow, Tail: -1, Since: f.since()}
	ctx, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end(nil)
	var heard hearing
	if follow {
		heard.newest.Store(f.order.at())
		watching.Go(func() { f.watchSilence(ctx, &heard, end) })
	}
	err := f.hub.engine.Logs(ctx, f.uid, opts, func(records []driver.LogRecord) (err error) {
		heard.note(records)
		lines = lines[:0]
		now := f.hub.clock.Now()
		for _, r := range records {
			if lines, err = f.add(lines, r, now, follow); err != nil {
				break
			}
		}
		f.append(lines)
		return err
	})
	if errors.Is(context.Cause(ctx), errDoubt) {
		return errDoubt
	}
	return err
}

// add appends the lines that a record completes, unless it has been read before. It fails with errDoubt if that can't
// be told, or if records before it may be missing.
func (f *feed) add(lines []Line, r driver.LogRecord, now time.Time, follow bool) ([]Line, error) {
	if follow && !f.order.skipping && f.skips.suspect(now, r) {
		return lines, errDoubt
	}
	judged := f.order.next(r)
	if judged == doubtful {
		f.append(lines)
		lines = lines[:0]
		if f.knows(r) {
			f.order.rewind()
		} else {
			f.order.trust(r)
			if now.Sub(f.doubted) >= doubtInterval {
				f.doubted = now
				return lines, errDoubt
			}
		}
		judged = f.order.next(r)
	}
	if judged == seen {
		return lines, nil
	}
	return f.assembler.add(lines, r), nil
}

// since is from when on the engine has to be read to find what has not been read: also the rest of lines that are open, whose
// parts bear the time of the first.
func (f *feed) since() time.Time {
	from := f.order.at()
	for _, o := range f.assembler.open {
		if o.open {
			from = min(from, o.at)
		}
	}
	if f.order.trusted != 0 {
		from = min(from, f.order.trusted)
	}
	if from < int64(disorder) {
		return time.Time{}
	}
	return time.Unix(0, from).Add(-disorder)
}

// append adds lines, and wakes those who wait.
func (f *feed) append(lines []Line) {
	if len(lines) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range lines {
		f.ring.add(lines[i])
	}
	f.wake()
}

func (f *feed) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// knows reports whether the ring has the line that a record is.
func (f *feed) knows(r driver.LogRecord) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ring.has(r)
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
