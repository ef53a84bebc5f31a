package logs

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// MaxLine bounds the text of a line, in bytes, without its line end; longer ones are cut. As JSON, a cut line is
// still smaller than the megabyte that many a WebSocket client takes for the most.
const MaxLine = 64 << 10

// Line is a line of output, or a part of one that is longer than MaxLine.
type Line struct {
	// At identifies the line; it grows from each line to the next.
	At time.Time
	// Stderr tells standard error from standard output.
	Stderr bool
	// Partial means that the line goes on in the next one of its stream.
	Partial bool
	// Text is what was written, with its line end if it has one.
	Text []byte
}

// assembler makes lines of records: it joins what the engine cut, cuts what is too long, and gives each line its
// timestamp. What it does depends on the records alone.
type assembler struct {
	open [2]openLine // of standard output and of standard error
	last int64       // timestamp of the last line
}

// openLine is a line that goes on in the next record of its stream.
type openLine struct {
	open bool
	at   int64
	text []byte
}

func streamOf(stderr bool) int {
	if stderr {
		return 1
	}
	return 0
}

// add appends the lines that end, or get too long, with this record. Their text may be the record's own.
func (a *assembler) add(lines []Line, r driver.LogRecord) []Line {
	o, at := &a.open[streamOf(r.Stderr)], r.At.UnixNano()
	if o.open && o.at != at {
		lines = a.end(lines, r.Stderr)
	}
	if !o.open && !r.Partial && bodyOf(r.Text) <= MaxLine {
		return append(lines, a.line(at, r.Stderr, false, r.Text))
	}
	o.open, o.at = true, at
	o.text = append(o.text, r.Text...)
	for bodyOf(o.text) > MaxLine {
		cut := MaxLine
		for cut > MaxLine-utf8.UTFMax && !utf8.RuneStart(o.text[cut]) {
			cut--
		}
		lines = append(lines, a.line(at, r.Stderr, true, o.text[:cut:cut]))
		o.text = bytes.Clone(o.text[cut:])
	}
	if !r.Partial {
		lines = a.end(lines, r.Stderr)
	}
	return lines
}

// endAll ends the lines that are open where the log ends.
func (a *assembler) endAll(lines []Line) []Line { return a.end(a.end(lines, false), true) }

// end ends the open line of a stream, if there is one.
func (a *assembler) end(lines []Line, stderr bool) []Line {
	o := a.open[streamOf(stderr)]
	if !o.open {
		return lines
	}
	a.open[streamOf(stderr)] = openLine{}
	return append(lines, a.line(o.at, stderr, false, o.text))
}

func (a *assembler) line(at int64, stderr, partial bool, text []byte) Line {
	a.last = max(at, a.last+1)
	return Line{At: time.Unix(0, a.last).UTC(), Stderr: stderr, Partial: partial, Text: text}
}

// bodyOf is the length of a text without its line end.
func bodyOf(text []byte) int {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		return n - 1
	}
	return len(text)
}
