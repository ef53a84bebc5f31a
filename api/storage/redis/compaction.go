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
	// heads are the revisions at earlier ticks, oldest first: what is old is what was there long ago.
	var heads []headAt
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C():
		}
		head, _ := s.hub.position()
		heads = append(heads, headAt{head, now})
		var target int64
		for len(heads) > 0 && now.Sub(heads[0].at) >= s.config.HistoryAge {
			target, heads = heads[0].revision, heads[1:]
		}
		if err := s.compact(ctx, target); err != nil && ctx.Err() == nil {
			s.log.Warn("History was not trimmed", "error", err)
		}
	}
}

type headAt struct {
	revision int64
	at       time.Time
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
