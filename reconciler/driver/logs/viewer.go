package logs

import (
	"context"
	"errors"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// pace is the least time between two small batches. It lets a busy log come in batches that are worth a
	// packet, and adds nothing to the first line after a pause.
	pace = 2 * time.Millisecond
	// smallBatch is how many lines are worth being handed over at once.
	smallBatch = 64
)

// viewer is who reads a log: a position in it.
type viewer struct {
	hub    *Hub
	uid    string
	lossy  bool
	handle func(Batch) error

	position int64
	// next is the number of the line that comes next, as long as it is counted: while lines come from the ring.
	next    int64
	counted bool
	handled time.Time
	// failure is the handler's error.
	failure error
}

func (v *viewer) deliver(b Batch) error {
	if n := len(b.Lines); n > 0 {
		v.position = b.Lines[n-1].position()
	}
	v.failure = v.handle(b)
	v.handled = v.hub.clock.Now()
	return v.failure
}

// follow serves the viewer from the container's feed.
func (v *viewer) follow(ctx context.Context, tail int) error {
	f, err := v.hub.join(v.uid, tail)
	if err != nil {
		return err
	}
	defer v.hub.leave(f)
	select {
	case <-f.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f.failed(); err != nil {
		return err
	}
	if err := v.place(ctx, f, tail); err != nil {
		return err
	}
	if err := v.deliver(Batch{}); err != nil {
		return err
	}
	for {
		more, err := v.step(ctx, f)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !more {
			return err
		}
	}
}

// step hands over what there is, or waits until there is something. It reports false at the end of the log.
func (v *viewer) step(ctx context.Context, f *feed) (more bool, err error) {
	seen, err := f.look(v.position)
	switch {
	case err != nil:
		return false, err
	case seen.behind:
		return true, v.catchUp(ctx, f, seen)
	case len(seen.lines) > 0:
		if len(seen.lines) < smallBatch && v.wait(ctx, pace-v.hub.clock.Since(v.handled)) {
			return true, nil // there may be more by now
		}
		v.next, v.counted = seen.number+int64(len(seen.lines)), true
		return true, v.deliver(Batch{Lines: seen.lines})
	case seen.changed == nil:
		return false, nil
	}
	select {
	case <-seen.changed:
	case <-ctx.Done():
	}
	return true, nil
}

// place finds the position to begin at.
func (v *viewer) place(ctx context.Context, f *feed, tail int) error {
	if tail >= 0 {
		position, ok := f.tail(tail)
		if !ok {
			var err error
			if position, err = v.hub.locate(ctx, v.uid, tail); err != nil {
				return err
			}
		}
		v.position = max(v.position, position)
	}
	if seen, err := f.look(v.position); err == nil && !seen.behind {
		v.next, v.counted = seen.number, true
	}
	return nil
}

// wait waits for a while, if it is one, and reports whether it was.
func (v *viewer) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return false
	}
	timer := v.hub.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
	return true
}

// catchUp brings a viewer that the ring has left behind back to it: by passing over lines, or by reading them from
// the engine. It may take several times.
func (v *viewer) catchUp(ctx context.Context, f *feed, seen view) error {
	if v.lossy && v.counted {
		dropped := seen.number - v.next
		v.position, v.next = seen.floor, seen.number
		return v.deliver(Batch{Dropped: dropped})
	}
	tail := leastTail
	switch {
	case v.position == 0:
		tail = wholeLog
	case v.counted:
		tail = tailFor(int(f.count()-v.next) + leastTail)
	}
	v.counted = false
	before := v.position
	r := reading{tail: tail, enough: func() bool { return f.covers(v.position) }}
	for delay := reconnectFirst; ; delay = min(2*delay, reconnectLongest) {
		err := v.readEngine(ctx, r)
		if v.failure == nil && errors.Is(err, driver.ErrUnavailable) {
			if v.wait(ctx, delay); ctx.Err() == nil {
				continue
			}
		}
		if err == nil && v.position == before {
			// The engine has none of them any more.
			v.position = seen.floor
		}
		return err
	}
}
