package redis

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keyValue is a key with its value as of the revision that wrote it.
type keyValue struct {
	key      string
	revision int64
	value    []byte
}

// parseStored splits what the data hash holds for a key, "<revision> <value>"; nothing stored gives nil.
func parseStored(key, stored string) (*keyValue, error) {
	if stored == "" {
		return nil, nil
	}
	prefix, value, ok := strings.Cut(stored, " ")
	revision, err := strconv.ParseInt(prefix, 10, 64)
	if !ok || err != nil {
		return nil, fmt.Errorf("what is stored for %q does not start with a revision", key)
	}
	return &keyValue{key: key, revision: revision, value: []byte(value)}, nil
}

// An event is one entry of the history. It is shared by all watches and not changed once made.
type event struct {
	revision int64
	key      string    // "" for a marker
	value    []byte    // nil: the key was deleted
	previous *keyValue // nil: the key was created
	deadline int64     // when the key's lifetime ends in milliseconds of Redis' clock; 0 for never
	received time.Time

	// Of a marker: how the counter got here.
	marker   marker
	markFrom int64 // the head before

	shared sharedDecoding
}

type marker int

const (
	notMarker marker = iota
	gapMarker        // the counter was moved on, nothing is missing
	newMarker        // history starts here
)

func (e *event) deleted() bool { return e.marker == notMarker && e.value == nil }
func (e *event) created() bool { return e.previous == nil }

// follows reports whether nothing can be missing between a revision and this event.
func (e *event) follows(revision int64) bool {
	if e.marker != notMarker {
		return e.marker == gapMarker && e.markFrom == revision
	}
	return e.revision == revision+1
}

// parseEvent makes an event of a stream entry.
func parseEvent(id string, fields map[string]string, received time.Time) (*event, error) {
	revision, err := strconv.ParseInt(strings.TrimSuffix(id, "-0"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("entry %q of the history is not named by a revision", id)
	}
	e := &event{revision: revision, key: fields["k"], received: received}
	if e.key == "" {
		return e, e.parseMarker(fields)
	}
	if value, ok := fields["v"]; ok {
		e.value = []byte(value)
	}
	if previous, ok := fields["p"]; ok {
		if e.previous, err = parseStored(e.key, previous); err != nil {
			return nil, err
		}
	}
	if deadline, ok := fields["x"]; ok {
		if e.deadline, err = strconv.ParseInt(deadline, 10, 64); err != nil {
			return nil, fmt.Errorf("entry %d of the history has no readable deadline: %w", revision, err)
		}
	}
	if e.value == nil && e.previous == nil {
		return nil, fmt.Errorf("entry %d of the history deletes nothing", revision)
	}
	return e, nil
}

func (e *event) parseMarker(fields map[string]string) error {
	from, ok := fields["j"]
	e.marker = gapMarker
	if !ok {
		from = fields["f"]
		e.marker = newMarker
	}
	var err error
	if e.markFrom, err = strconv.ParseInt(from, 10, 64); err != nil {
		return fmt.Errorf("entry %d of the history is neither an event nor a marker", e.revision)
	}
	return nil
}

// parseEntries reads stream entries as a script returns them: [[id, [field, value, …]], …].
func parseEntries(entries []any, received time.Time) ([]*event, error) {
	events := make([]*event, 0, len(entries))
	for _, entry := range entries {
		pair, ok := entry.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("history entry %v has an unexpected shape", entry)
		}
		id, _ := pair[0].(string)
		list, _ := pair[1].([]any)
		fields := make(map[string]string, len(list)/2)
		for i := 0; i+1 < len(list); i += 2 {
			name, _ := list[i].(string)
			value, _ := list[i+1].(string)
			fields[name] = value
		}
		e, err := parseEvent(id, fields, received)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// entryID is the stream entry of a revision.
func entryID(revision int64) string {
	return strconv.FormatInt(revision, 10) + "-0"
}
