package logs

import (
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// skipBytes is less than an engine passes over at once, which is a file of several megabytes. recordBytes
	// is what a record takes in it beside its text.
	skipBytes   = 5 << 20
	recordBytes = 70
	// behind is how late the records before a leap must come, and onTime how late the next one: an engine that passes
	// nothing over is on time again after a pause of the container.
	behind = 50 * time.Millisecond
	onTime = 10 * time.Millisecond
	// rateInterval is what the rate at which a container writes is measured over.
	rateInterval = 250 * time.Millisecond
	// skipInterval is how often a log is read again on suspicion. A container that always writes more than the
	// engine can read back is not worth more.
	skipInterval = 10 * time.Second
)

// skipDetector notices when an engine passes over a part of a log. Docker does: whoever follows a log, and is
// more than a file behind when the engine rotates, goes on with the newest file. What shows is that the times of records
// that come late make a leap, as long as it takes to write a file. A pause of the container looks the same, so it is
// no more than a suspicion: reading on from before the leap brings what was missing, if anything.
type skipDetector struct {
	at time.Time // the latest time of a record
	// late is by how much longer the last record took to arrive than the quickest, which took least.
	late, least time.Duration
	// rate is how many bytes a second were written before since, and written how many since then.
	rate    float64
	since   time.Time
	written int
	// checked is the record that was suspected last, and when that was.
	checked, checkedAt time.Time
}

// suspect reports whether records before this one, which arrived now, may be missing.
func (d *skipDetector) suspect(now time.Time, r driver.LogRecord) bool {
	took := now.Sub(r.At) // and what the engine's clock and ours differ by
	if d.at.IsZero() || took < d.least {
		d.least = took
	}
	late := took - d.least
	missing := d.rate * r.At.Sub(d.at).Seconds()
	if missing >= skipBytes && d.late >= behind && late >= onTime &&
		!r.At.Equal(d.checked) && now.Sub(d.checkedAt) >= skipInterval {
		d.checked, d.checkedAt = r.At, now
		return true
	}
	d.late = late
	d.written += len(r.Text) + recordBytes
	if r.At.After(d.at) {
		d.at = r.At
	}
	if elapsed := d.at.Sub(d.since); elapsed >= rateInterval {
		d.rate = float64(d.written) / elapsed.Seconds()
		d.since, d.written = d.at, 0
	}
	return false
}
