package logs

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// defaultTail is how many lines a viewer first gets who asks for no number and no time: some
// screens. Who asks for a time gets all lines since.
const defaultTail = 1000

// query is what of a log a viewer asked for.
type query struct {
	// tail is how many of the last lines are wanted; nil means all.
	tail *int64
	// after leaves out lines of this moment and before; zero means none.
	after time.Time
}

// parseQuery reads ?tail= and ?since=. It fails with problem.Invalid, naming each that is wrong.
func parseQuery(values url.Values, now time.Time) (query, error) {
	var q query
	var wrong []problem.FieldError
	switch text := values.Get("tail"); text {
	case "":
		if values.Get("since") == "" {
			tail := int64(defaultTail)
			q.tail = &tail
		}
	case "all":
	default:
		lines, err := strconv.ParseInt(text, 10, 64)
		if err != nil || lines < 0 {
			wrong = append(wrong, problem.FieldError{Field: "?tail",
				Message: fmt.Sprintf("%s must be a number of lines, 0 or more, or all", quote(text))})
		}
		q.tail = &lines
	}
	if text := values.Get("since"); text != "" {
		after, ok := parseSince(text, now)
		if !ok {
			wrong = append(wrong, problem.FieldError{Field: "?since",
				Message: fmt.Sprintf("%s must be a time such as 2006-01-02T15:04:05.999999999Z, or how long ago, such as 10m", quote(text))})
		}
		q.after = after
	}
	if wrong != nil {
		return query{}, problem.Invalid.With("the query says what can't be shown", wrong...)
	}
	return q, nil
}

// parseSince reads a moment, or how long before now it was.
func parseSince(text string, now time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UTC(), true
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago <= 0 {
		return time.Time{}, false
	}
	return now.Add(-ago).UTC(), true
}

// quote quotes what a client sent, or the beginning of it.
func quote(text string) string {
	const enough = 40
	if len(text) > enough {
		return strconv.Quote(text[:enough]) + "…"
	}
	return strconv.Quote(text)
}
