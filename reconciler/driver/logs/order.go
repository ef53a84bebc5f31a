package logs

import (
	"hash/maphash"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// order knows which records have been read, so that a stream can be opened again, and trusted no more than it deserves.
//
// Within one of the two streams of a container times never go back, unless the clock is set back. Where they
// do, the engine most likely repeats itself: Docker does, whenever it rotates a log that is followed.
type order struct {
	streams [2]progress
	last    int   // the stream of the last record
	begun   bool  // there has been one
	latest  int64 // time of any record

	// skipping says that records were read before, up to the last one; met counts those of its time.
	skipping bool
	met      int
	// trusted is the time of a record to believe in, although it goes back.
	trusted int64
}

// progress is the last record of a stream.
type progress struct {
	at      int64
	nth     int // of this time
	partial bool
	sum     uint64
}

var orderSeed = maphash.MakeSeed()

// verdict is what order says of a record.
type verdict int

const (
	fresh    verdict = iota // it comes next
	seen                    // it has been read
	doubtful                // it goes back in time
)

// rewind is called where the records that come begin before the last one.
func (o *order) rewind() { o.skipping, o.met = o.begun, 0 }

// next judges a record, and takes note of one that is fresh.
func (o *order) next(r driver.LogRecord) verdict {
	at, stream := r.At.UnixNano(), streamOf(r.Stderr)
	if o.skipping {
		last := &o.streams[o.last]
		if stream == o.last && at == last.at {
			o.met++
			o.skipping = o.met < last.nth
			return seen
		}
		if at <= o.latest+int64(disorder) {
			return seen
		}
		o.skipping = false // The engine has dropped the last record.
	}
	s := &o.streams[stream]
	sum := maphash.Bytes(orderSeed, r.Text)
	// Only the parts of a line have the same time.
	again := s.nth > 0 && (at < s.at || at == s.at && !s.partial && sum == s.sum)
	if again && at != o.trusted {
		return doubtful
	}
	o.trusted = 0
	if at != s.at {
		s.nth = 0
	}
	*s = progress{at: at, nth: s.nth + 1, partial: r.Partial, sum: sum}
	o.last, o.begun, o.latest = stream, true, max(o.latest, at)
	return fresh
}

// trust makes next believe in a record.
func (o *order) trust(r driver.LogRecord) { o.trusted = r.At.UnixNano() }

// at is the time of the last record; 0 without one.
func (o *order) at() int64 { return o.streams[o.last].at }
