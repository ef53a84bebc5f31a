package docker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// stampLayout is the engine's time before each record: always as long.
	stampLayout = "2006-01-02T15:04:05.000000000Z"
	// engineCut is where the engine cuts lines.
	engineCut = 16 << 10
	// mostFrame is more than any engine puts into one frame: a length beyond it is no length.
	mostFrame = 16 << 20

	frameHeader = 8
	stdoutFrame = 1
	stderrFrame = 2
	errorFrame  = 3
)

var errMalformed = errors.New("the engine's log stream is malformed")

// nextFrame is the splitter for containers without a TTY: each record comes in a frame that says which
// stream it is of, and how long it is.
func nextFrame(data []byte, _ bool) (int, driver.LogRecord, error) {
	if len(data) < frameHeader {
		return 0, driver.LogRecord{}, nil
	}
	length := binary.BigEndian.Uint32(data[4:])
	if length > mostFrame {
		return 0, driver.LogRecord{}, fmt.Errorf("%w: a frame of %d bytes", errMalformed, length)
	}
	end := frameHeader + int(length)
	if len(data) < end {
		return 0, driver.LogRecord{}, nil
	}
	payload := data[frameHeader:end]
	switch data[0] {
	case stdoutFrame, stderrFrame:
	case errorFrame:
		return 0, driver.LogRecord{}, fmt.Errorf("the engine failed to read the log: %s", bytes.TrimSpace(payload))
	default:
		return 0, driver.LogRecord{}, fmt.Errorf("%w: a frame of stream %d", errMalformed, data[0])
	}
	at, text, ok := cutStamp(payload)
	if !ok {
		return 0, driver.LogRecord{}, fmt.Errorf("%w: a record without its time", errMalformed)
	}
	return end, newRecord(at, data[0] == stderrFrame, text), nil
}

func newRecord(at time.Time, stderr bool, text []byte) driver.LogRecord {
	unfinished := len(text) == 0 || text[len(text)-1] != '\n'
	return driver.LogRecord{At: at, Stderr: stderr, Text: text, Partial: unfinished && len(text) >= engineCut}
}

// cutStamp takes the engine's time off a record.
func cutStamp(data []byte) (at time.Time, rest []byte, ok bool) {
	if len(data) <= len(stampLayout) || data[len(stampLayout)] != ' ' || data[len(stampLayout)-1] != 'Z' {
		return time.Time{}, nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(data[:len(stampLayout)]))
	return at, data[len(stampLayout)+1:], err == nil
}

// nextTTYRecord is the splitter for containers with a TTY, whose records are put one after the other with
// nothing but the time before each. So where a record ends without a line end, the next one's
// time is in the middle of the line: the same one if the engine cut a long line, a later one if a
// prompt was the last that a container wrote before it was started again.
func nextTTYRecord(data []byte, atEOF bool) (int, driver.LogRecord, error) {
	at, text, ok := cutStamp(data)
	if !ok {
		if atEOF || len(data) > len(stampLayout) {
			return 0, driver.LogRecord{}, fmt.Errorf("%w: a line without its time", errMalformed)
		}
		return 0, driver.LogRecord{}, nil
	}
	end := bytes.IndexByte(text, '\n') + 1
	if end == 0 && atEOF {
		end = len(text)
	}
	line := text
	if end > 0 {
		line = text[:end]
	}
	if cut := nextStamp(line, at); cut > 0 {
		end = cut
	}
	if end == 0 {
		if len(text) > mostFrame {
			return 0, driver.LogRecord{}, fmt.Errorf("%w: a record without an end", errMalformed)
		}
		return 0, driver.LogRecord{}, nil
	}
	return len(stampLayout) + 1 + end, newRecord(at, false, text[:end]), nil
}

// nextStamp returns where in a line the time of another record stands, 0 if nowhere. A program may write
// times too, but hardly in this form and no earlier than the engine received them.
func nextStamp(line []byte, at time.Time) int {
	for from := 0; ; {
		z := bytes.Index(line[from:], []byte("Z "))
		if z < 0 {
			return 0
		}
		start := from + z + 1 - len(stampLayout)
		from += z + 2
		if start <= 0 {
			continue
		}
		other, _, ok := cutStamp(line[start:])
		if ok && (other.After(at) || other.Equal(at) && start >= engineCut) {
			return start
		}
	}
}
