package logs

import (
	"errors"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// skipGap is the least that can be missing between two records; a file takes longer to fill.
	skipGap = 50 * time.Millisecond
	// skipBytes must have come before a part can have been passed over again.
	skipBytes = 1 << 20
	// skipInterval is how often a log is read again on suspicion. A container that always writes more than the
	// engine can read back is not worth more.
	skipInterval = 10 * time.Second
)

// errSkipped means that the engine may have passed over a part of the log.
var errSkipped = errors.New("a part of the log may be missing")

// skipDetector notices when an engine passes over a part of a log. Docker does: whoever follows a log, and is
// more than a file behind when the engine rotates, goes on with the newest file. What shows is that the time of the
// records makes a leap while they arrive without one. A pause of the container during a backlog looks the same, so it is
// no more than a suspicion: reading on from before the leap brings what was missing, if anything.
type skipDetector struct {
	from    int64     // what is not after this position was there before
	at      time.Time // the latest time of a record
	arrived time.Time // when it did
	bytes   int
	// checked is the record that was suspected last, and when that was.
	checked, checkedAt time.Time
}

// begin is called before a log is read on from a position.
func (d *skipDetector) begin(now time.Time, from int64) {
	d.from, d.at, d.arrived = from, time.Time{}, now
}

// suspect reports whether records before this one, which arrived now, may be missing.
func (d *skipDetector) suspect(now time.Time, r driver.LogRecord) bool {
	d.bytes += len(r.Text)
	gap := r.At.Sub(d.at)
	if !d.at.IsZero() && r.At.UnixNano() > d.from && gap >= skipGap && 2*now.Sub(d.arrived) < gap &&
		d.bytes >= skipBytes && !r.At.Equal(d.checked) && now.Sub(d.checkedAt) >= skipInterval {
		d.bytes, d.checked, d.checkedAt = 0, r.At, now
		return true
	}
	if r.At.After(d.at) {
		d.at = r.At
	}
	d.arrived = now
	return false
}
