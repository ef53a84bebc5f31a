package redis

import (
	"context"
	"time"
)

// compactRegularly trims history to the configured age and number of entries, until ctx ends. Every process does, which
// is harmless: compaction only moves forward.
func (s *Store) compactRegularly(ctx context.Context) {
	ticker := s.clock.NewTicker(s.config.CompactionInterval)
	defer ticker.Stop()
	aging := aging{limit: s.config.HistoryAge}
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C():
		}
		head, _ := s.hub.position()
		if err := s.compact(ctx, aging.observe(head, now)); err != nil && ctx.Err() == nil {
			s.log.Warn("History was not trimmed", "error", err)
		}
	}
}

// aging knows how old revisions are: at least as old as when they were the head.
type aging struct {
	limit time.Duration
	heads []headAt // oldest first
}

type headAt struct {
	revision int64
	at       time.Time
}

// observe takes note of the head and returns the latest revision that is older than the limit, 0 if none is.
func (a *aging) observe(head int64, now time.Time) (old int64) {
	a.heads = append(a.heads, headAt{head, now})
	for len(a.heads) > 0 && now.Sub(a.heads[0].at) >= a.limit {
		old, a.heads = a.heads[0].revision, a.heads[1:]
	}
	return old
}

// compact forgets history up to a revision, 0 for none in particular, and beyond the configured number of entries.
func (s *Store) compact(ctx context.Context, target int64) error {
	r, err := s.query(ctx, compactScript, target, s.config.HistoryEntries)
	if err != nil {
		return err
	}
	compacted, err := r.number(2)
	if err != nil {
		return err
	}
	s.hub.compactedTo(compacted)
	return nil
}
