package logs

import (
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

// skipDetector notices when an engine passes over a part of a log. Docker does: whoever follows a log, and is
// more than a file behind when the engine rotates, goes on with the newest file. What shows is that records come late, and
// then their times make a leap. A pause of the container during a backlog looks the same, so it is
// no more than a suspicion: reading on from before the leap brings what was missing, if anything.
type skipDetector struct {
	at time.Time // the latest time of a record
	// late is by how much longer the last record took to arrive than the quickest, which took least.
	late, least time.Duration
	bytes       int
	// checked is the record that was suspected last, and when that was.
	checked, checkedAt time.Time
}

// suspect reports whether records before this one, which arrived now, may be missing.
func (d *skipDetector) suspect(now time.Time, r driver.LogRecord) bool {
	d.bytes += len(r.Text)
	if !d.at.IsZero() && r.At.Sub(d.at) >= skipGap && d.late >= skipGap &&
		d.bytes >= skipBytes && !r.At.Equal(d.checked) && now.Sub(d.checkedAt) >= skipInterval {
		d.bytes, d.checked, d.checkedAt = 0, r.At, now
		return true
	}
	took := now.Sub(r.At) // and what the engine's clock and ours differ by
	if d.at.IsZero() || took < d.least {
		d.least = took
	}
	d.late = took - d.least
	if r.At.After(d.at) {
		d.at = r.At
	}
	return false
}
