package logs

import (
	"strconv"
	"time"
)

// The streams that a frame comes from.
const (
	streamStdout = "stdout"
	streamStderr = "stderr"
	// streamSystem is this server, speaking of the container.
	streamSystem = "system"
)

// appendFrame appends the frame of a record of output.
func appendFrame(dst []byte, r record, level level) []byte {
	dst = append(dst, `{"timestamp":"`...)
	dst = append(dst, r.timestamp...)
	dst = append(dst, `","level":"`...)
	dst = append(dst, level...)
	dst = append(dst, `","message":"`...)
	dst = append(dst, r.text...)
	dst = append(dst, `","stream":"`...)
	if r.stderr {
		dst = append(dst, streamStderr...)
	} else {
		dst = append(dst, streamStdout...)
	}
	dst = append(dst, '"')
	if r.partial {
		dst = append(dst, `,"partial":true`...)
	}
	return append(dst, '}')
}

// note is what the server itself has to say.
type note struct {
	level   level
	message string
	// dropped is how many lines are missing here.
	dropped int64
	// reason is why the stream ended, for programs; exitCode is that of the command, if it has one.
	reason   string
	exitCode *int32
}

// appendNote appends the frame of a note. at is the timestamp of the line before it, so that
// the timestamp of any frame is good for ?since=: nothing behind it is lost.
func appendNote(dst, at []byte, n note) []byte {
	dst = append(dst, `{"timestamp":"`...)
	dst = append(dst, at...)
	dst = append(dst, `","level":"`...)
	dst = append(dst, n.level...)
	dst = append(dst, `","message":"`...)
	dst = appendEscaped(dst, n.message)
	dst = append(dst, `","stream":"`+streamSystem+`"`...)
	if n.dropped > 0 {
		dst = strconv.AppendInt(append(dst, `,"dropped":`...), n.dropped, 10)
	}
	if n.reason != "" {
		dst = append(dst, `,"reason":"`...)
		dst = append(appendEscaped(dst, n.reason), '"')
	}
	if n.exitCode != nil {
		dst = strconv.AppendInt(append(dst, `,"exitCode":`...), int64(*n.exitCode), 10)
	}
	return append(dst, '}')
}

// appendTime appends a timestamp as frames have it: RFC 3339 with all nine decimals, as the API writes it.
func appendTime(dst []byte, at time.Time) []byte {
	return at.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
}
