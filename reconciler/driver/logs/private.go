package logs

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerlease/containerlease/reconciler/driver"
)

var (
	errStalled = errors.New("the viewer is slow")
	errEnough  = errors.New("enough was read")
)

// reading is how a viewer reads from the engine.
type reading struct {
	// tail is how many records from the end to try first.
	tail int
	// enough ends the reading once it returns true. It is asked after each batch; nil never ends it.
	enough func() bool
	// ends makes the reading hand over a line that is open where the log ends.
	ends bool
	// until is the last position wanted, if not 0.
	until int64
}

// read serves a viewer who does not follow.
func (v *viewer) read(ctx context.Context, tail int) error {
	r := reading{tail: leastTail, ends: true}
	if tail >= 0 {
		position, err := v.hub.locate(ctx, v.uid, tail)
		if err != nil {
			return err
		}
		v.position = max(v.position, position)
		r.tail = tailFor(tail + leastTail)
	}
	if v.position == 0 {
		r.tail = wholeLog
	}
	return v.readEngine(ctx, r)
}

// readEngine hands over what the engine has after the viewer's position.
func (v *viewer) readEngine(ctx context.Context, r reading) error {
	for {
		err := v.readOnce(ctx, r)
		switch {
		case v.failure != nil:
			return v.failure
		case errors.Is(err, errEnough):
			return nil
		case errors.Is(err, errUnfit):
			r.tail = widen(r.tail)
		case errors.Is(err, errStalled):
			if r.until == 0 && r.enough == nil {
				// What comes from now on was not there when it was asked for.
				if r.until, err = v.hub.locate(ctx, v.uid, 0); err != nil {
					return err
				}
			}
		default:
			return err
		}
	}
}

// readOnce does one read of the engine. It fails with errUnfit if the tail is too short to have the viewer's position,
// with errStalled if the viewer took too long, with errEnough if there is no need to go on.
func (v *viewer) readOnce(ctx context.Context, r reading) error {
	release, err := v.hub.takeSlot(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	w := windowOf(r.tail)
	var lines []Line
	err = v.hub.engine.Logs(ctx, v.uid, driver.LogOptions{Tail: r.tail}, func(records []driver.LogRecord) (err error) {
		lines = lines[:0]
		for _, record := range records {
			if lines, err = w.add(lines, record); err != nil {
				return err
			}
		}
		return v.hand(r, w, lines, cancel)
	})
	if err == nil && r.ends {
		err = v.hand(r, w, w.endAll(nil), cancel)
	}
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// hand hands over those of the lines that are wanted. If that takes too long, it cancels the read that they are of.
func (v *viewer) hand(r reading, w *window, lines []Line, cancel context.CancelCauseFunc) error {
	for len(lines) > 0 && lines[0].position() <= v.position {
		lines = lines[1:]
	}
	if len(lines) > 0 && !w.covers(v.position) {
		return errUnfit
	}
	wanted := lines
	for r.until > 0 && len(wanted) > 0 && wanted[len(wanted)-1].position() > r.until {
		wanted = wanted[:len(wanted)-1]
	}
	if len(wanted) > 0 {
		overdue := v.hub.clock.AfterFunc(v.hub.opts.Patience, func() { cancel(errStalled) })
		err := v.deliver(Batch{Lines: wanted})
		overdue.Stop()
		if err != nil {
			return err
		}
	}
	if len(wanted) < len(lines) || r.enough != nil && r.enough() {
		return errEnough
	}
	return nil
}

// locate returns the position before the last n lines.
func (h *Hub) locate(ctx context.Context, uid string, n int) (int64, error) {
	release, err := h.takeSlot(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	for tail := tailFor(n + leastTail); ; tail = widen(tail) {
		w := windowOf(tail)
		var positions []int64 // of the last n+1 lines, and some before them
		var lines []Line
		err := h.engine.Logs(ctx, uid, driver.LogOptions{Tail: tail}, func(records []driver.LogRecord) (err error) {
			for _, record := range records {
				if lines, err = w.add(lines[:0], record); err != nil {
					return err
				}
				for _, l := range lines {
					positions = append(positions, l.position())
				}
			}
			if excess := len(positions) - n - 1; excess > n+leastTail {
				positions = append(positions[:0], positions[excess:]...)
			}
			return nil
		})
		if errors.Is(err, errUnfit) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("looking for the end of the log: %w", err)
		}
		begin := len(positions) - n - 1
		switch {
		case w.whole || w.records < tail:
			if begin < 0 {
				return 0, nil
			}
			return positions[begin], nil
		case begin >= 0 && w.covers(positions[begin]):
			return positions[begin], nil
		}
	}
}

// takeSlot waits for leave to read from the engine.
func (h *Hub) takeSlot(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
