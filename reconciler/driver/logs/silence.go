package logs

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// DefaultSilence is how long the engine's stream may be silent before it is asked whether it should be.
	DefaultSilence = 3 * time.Second
	// silenceStep is how much longer it may be silent each time that there was nothing to say, up to longestSilence.
	silenceStep    = 2
	longestSilence = time.Minute
	// slowStart is how many times as long a stream may take to begin: the engine may have to read through the whole
	// log.
	slowStart = 10
	// silencePatience bounds the question.
	silencePatience = 10 * time.Second
)

// hearing is what has been heard of a stream of the engine.
type hearing struct {
	records atomic.Int64
	newest  atomic.Int64 // the latest time of a record
}

func (h *hearing) note(records []driver.LogRecord) {
	h.records.Add(int64(len(records)))
	for i := range records {
		h.newest.Store(max(h.newest.Load(), records[i].At.UnixNano()))
	}
}

// watchSilence ends a stream with errDoubt if it is silent although there is more in the log. Docker's streams can be,
// and stay so, when their file is rotated under them. It returns when ctx ends, or when it has ended the stream.
func (f *feed) watchSilence(ctx context.Context, heard *hearing, end context.CancelCauseFunc) {
	patience := f.hub.opts.Silence
	for {
		before := heard.records.Load()
		wait := patience
		if before == 0 {
			wait = slowStart * f.hub.opts.Silence
		}
		if !f.hub.sleep(ctx, wait) {
			return
		}
		if heard.records.Load() != before {
			patience = f.hub.opts.Silence
			continue
		}
		patience = min(silenceStep*patience, longestSilence)
		if !f.hasNewer(ctx, heard.newest.Load()) {
			continue
		}
		// It may have been on its way.
		if !f.hub.sleep(ctx, f.hub.opts.Silence/2) {
			return
		}
		if heard.records.Load() == before {
			end(errDoubt)
			return
		}
	}
}

// hasNewer reports whether the engine is known to have a record that is newer than a time.
func (f *feed) hasNewer(ctx context.Context, than int64) bool {
	ctx, cancel := context.WithTimeout(ctx, silencePatience)
	defer cancel()
	release, err := f.hub.takeSlot(ctx)
	if err != nil {
		return false
	}
	defer release()
	var last hearing
	err = f.hub.engine.Logs(ctx, f.uid, driver.LogOptions{Tail: 1}, func(records []driver.LogRecord) error {
		last.note(records)
		return nil
	})
	return err == nil && last.newest.Load() > than
}

// sleep waits, and reports whether it did to the end.
func (h *Hub) sleep(ctx context.Context, d time.Duration) bool {
	timer := h.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}
