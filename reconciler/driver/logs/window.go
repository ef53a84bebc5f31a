package logs

import (
	"errors"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// disorder bounds by how much of a later time than the records after it a record can be.
	disorder = time.Second
	// settledAfter records the same is taken for granted: the engine has been writing for longer than one
	// of its streams can be kept from it.
	settledAfter = 4096
)

// errUnfit means that a window began too late for what is asked of it: it takes a longer one.
var errUnfit = errors.New("the part of the log that was read is too short")

// window makes lines of the last records of a log. Until it has settled, their timestamps may be others than from the
// beginning of the log, and the first of each stream may be the rest of a line.
type window struct {
	assembler
	// whole says that there is nothing before the first record that matters.
	whole   bool
	records int
	// first is the time of the first record that is known to begin a line, 0 before it. So it is about when the window
	// begins, and what is before the window cannot be much later; the rest of a line may be much older.
	first int64
	// settled is set from the line on for which it does not matter what was before the window, and floor is the last position before it.
	settled bool
	floor   int64
	// aligned streams are known to begin a line with their next record, or to have begun one.
	aligned [2]bool
}

// covers reports whether the window has every line after a position, as it is.
func (w *window) covers(position int64) bool {
	return w.whole || w.settled && w.floor <= position
}

// add appends lines as an assembler does. It fails with errUnfit if a line after the settled one has begun
// before the window.
func (w *window) add(lines []Line, r driver.LogRecord) ([]Line, error) {
	w.records++
	if w.whole {
		return w.assembler.add(lines, r), nil
	}
	at, stream := r.At.UnixNano(), streamOf(r.Stderr)
	// What was written before the window, or begun, bears no time that is later.
	late := w.first != 0 && at > w.first+int64(disorder)
	aligned := w.aligned[stream] || late && !w.open[stream].open
	if w.settled && !aligned {
		return lines, errUnfit
	}
	if w.first == 0 && aligned {
		w.first = at
	}
	count, last := len(lines), w.last
	lines = w.assembler.add(lines, r)
	w.aligned[stream] = aligned || late || !r.Partial
	if aligned && len(lines) == count+1 && at > last {
		w.settle(at, late)
	}
	return lines, nil
}

// settle is called for a line that has the time of its record. If nothing before the window can be later, so have
// those that follow the time that they are known by.
func (w *window) settle(at int64, late bool) {
	if !w.settled && (late || w.records > settledAfter) {
		w.settled, w.floor = true, at-1
	}
}

// amidLine reports whether the window ends in a line that has begun before it.
func (w *window) amidLine() bool {
	return w.open[0].open && !w.aligned[0] || w.open[1].open && !w.aligned[1]
}

// The sizes of windows, in records. An engine finds the last few thousand at once; beyond mostTail it may as well
// read all it has.
const (
	leastTail = 1000
	mostTail  = 200_000
	tailStep  = 16
	wholeLog  = -1
)

// windowOf returns the window of a read with this tail.
func windowOf(tail int) *window { return &window{whole: tail < 0} }

// widen is the tail to try next if one was too short.
func widen(tail int) int { return tailFor(max(leastTail, tail) * tailStep) }

// tailFor is a tail of at least n records.
func tailFor(n int) int {
	if n > mostTail {
		return wholeLog
	}
	return max(n, leastTail)
}
