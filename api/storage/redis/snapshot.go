package redis

import (
	"context"
	"slices"
	"strings"
)

// undo is what later events have done to a range since a revision.
type undo struct {
	// before holds each changed key as it was at the revision; nil if it was not there.
	before map[string]*keyValue
	// exists tells whether each changed key is there at the head the range was counted at.
	exists map[string]bool
}

// snapshot reads up to limit keys of [from, end) as they were at a revision: the present state, with later events
// undone. The error is errExpired if that revision, or the number of events since, is out of reach.
func (s *Store) snapshot(ctx context.Context, from, end string, limit, revision int64) (page, error) {
	result := page{revision: revision}
	for first := true; ; first = false {
		want := limit
		if limit > 0 {
			want = limit - int64(len(result.items))
		}
		read, err := s.readRange(ctx, from, end, want)
		if err != nil {
			return page{}, err
		}
		if revision > read.head {
			return page{}, &futureRevisionError{head: read.head}
		}
		changes, err := s.changesSince(ctx, revision, read.head, from, end)
		if err != nil {
			return page{}, err
		}
		if first {
			result.count = read.count + changes.missing()
		}
		// Everything before this key is decided by what was read now.
		boundary := end
		if last := len(read.items) - 1; last >= 0 && read.count > int64(len(read.items)) {
			boundary = read.items[last].key + "\x00"
		}
		result.items = append(result.items, changes.apply(read.items, from, boundary)...)
		if limit > 0 && int64(len(result.items)) >= limit {
			result.items = result.items[:limit]
			return result, nil
		}
		if boundary == end {
			return result, nil
		}
		from = boundary
	}
}

// undoBatch is how many entries are read at a time to be undone.
const undoBatch = 1000

// changesSince gathers what happened to the keys of [from, end) after a revision; at least up to head, where the range
// was read.
func (s *Store) changesSince(ctx context.Context, revision, head int64, from, end string) (undo, error) {
	changes := undo{before: make(map[string]*keyValue), exists: make(map[string]bool)}
	total := 0
	for position := revision; ; {
		// Even if nothing is to be undone, Redis is asked whether the revision is still good.
		events, reached, err := s.eventsAfter(ctx, position, undoBatch)
		if err != nil {
			return undo{}, err
		}
		if total += len(events); total > s.config.MaxUndo {
			return undo{}, errExpired
		}
		for _, e := range events {
			if e.marker != notMarker || e.key < from || e.key >= end {
				continue
			}
			if _, known := changes.before[e.key]; !known {
				changes.before[e.key] = e.previous
			}
			if e.revision <= head {
				changes.exists[e.key] = !e.deleted()
			}
		}
		if position = reached; position >= head {
			return changes, nil
		}
	}
}

// missing is how many keys more there were at the revision than at the head.
func (u undo) missing() int64 {
	var missing int64
	for key, exists := range u.exists {
		existed := u.before[key] != nil
		if existed && !exists {
			missing++
		}
		if exists && !existed {
			missing--
		}
	}
	return missing
}

// apply returns the keys of [from, boundary) as they were, given what is there now.
func (u undo) apply(now []*keyValue, from, boundary string) []*keyValue {
	result := make([]*keyValue, 0, len(now))
	for _, kv := range now {
		if _, changed := u.before[kv.key]; !changed {
			result = append(result, kv)
		}
	}
	unchanged := len(result)
	for key, before := range u.before {
		if before != nil && key >= from && key < boundary {
			result = append(result, before)
		}
	}
	if len(result) > unchanged {
		slices.SortFunc(result, func(a, b *keyValue) int { return strings.Compare(a.key, b.key) })
	}
	return result
}
