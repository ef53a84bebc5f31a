package logs

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Bounds of a ring. What a quiet container costs is one segment; a ring that is full, 4 MiB of text and 2 MiB to keep it
// in order.
const (
	ringBytes    = 4 << 20
	ringLines    = 32 << 10
	segmentBytes = 32 << 10
	segmentLines = 256
)

// ring holds the last lines of a container. Lines are never changed once they are in it: a slice of them can be
// read without the lock that guards the ring, and is freed with its last reader.
type ring struct {
	segments []*segment
	lines    int
	bytes    int
	// next is the number of the next line.
	next int64
	// floor is the position after which every line is in the ring.
	floor int64
	// last is the position of the last line ever added.
	last int64
}

type segment struct {
	number int64 // of the first line
	lines  []Line
	text   []byte
	bytes  int
}

// position is the timestamp of a line as a number.
func (l *Line) position() int64 { return l.At.UnixNano() }

// add puts a copy of a line into the ring.
func (r *ring) add(l Line) {
	s := r.writable(len(l.Text))
	begin := len(s.text)
	s.text = append(s.text, l.Text...)
	l.Text = s.text[begin:len(s.text):len(s.text)]
	s.lines = append(s.lines, l)
	s.bytes += len(l.Text)
	r.bytes += len(l.Text)
	r.lines++
	r.next++
	r.last = l.position()
	for len(r.segments) > 1 && (r.bytes > ringBytes || r.lines > ringLines) {
		r.evict()
	}
}

// writable returns a segment with space for a line of n bytes.
func (r *ring) writable(n int) *segment {
	if len(r.segments) > 0 {
		s := r.segments[len(r.segments)-1]
		if len(s.lines) < segmentLines && len(s.text)+n <= cap(s.text) {
			return s
		}
	}
	s := &segment{
		number: r.next,
		lines:  make([]Line, 0, segmentLines),
		text:   make([]byte, 0, max(n, segmentBytes)),
	}
	r.segments = append(r.segments, s)
	return s
}

// evict drops the oldest segment.
func (r *ring) evict() {
	s := r.segments[0]
	r.segments[0] = nil
	r.segments = r.segments[1:]
	r.bytes -= s.bytes
	r.lines -= len(s.lines)
	if n := len(s.lines); n > 0 {
		r.floor = s.lines[n-1].position()
	}
}

// discard drops the lines up to a position.
func (r *ring) discard(position int64) {
	for len(r.segments) > 0 {
		s := r.segments[0]
		if s.lines[len(s.lines)-1].position() > position {
			i := s.find(position)
			for _, l := range s.lines[:i] {
				s.bytes -= len(l.Text)
				r.bytes -= len(l.Text)
			}
			s.lines, s.number = s.lines[i:], s.number+int64(i)
			r.lines -= i
			break
		}
		r.evict()
	}
	r.floor = max(r.floor, position)
}

// find returns the index of the first line after a position.
func (s *segment) find(position int64) int {
	i, _ := slices.BinarySearchFunc(s.lines, position+1, func(l Line, p int64) int {
		return cmp.Compare(l.position(), p)
	})
	return i
}

// after returns lines that follow a position, as many as are in one piece, and the number of the first. None
// if there are none.
func (r *ring) after(position int64) (lines []Line, number int64) {
	i, _ := slices.BinarySearchFunc(r.segments, position+1, func(s *segment, p int64) int {
		return cmp.Compare(s.lines[len(s.lines)-1].position(), p)
	})
	if i == len(r.segments) {
		return nil, r.next
	}
	s := r.segments[i]
	from := s.find(position)
	return s.lines[from:len(s.lines):len(s.lines)], s.number + int64(from)
}

// has reports whether a record is among the lines, whose times may have become a little later than it is.
func (r *ring) has(record driver.LogRecord) bool {
	at := record.At.UnixNano()
	for position := at - 1; ; {
		lines, _ := r.after(position)
		if len(lines) == 0 {
			return false
		}
		for i := range lines {
			l := &lines[i]
			if position = l.position(); position > at+int64(disorder) {
				return false
			}
			if l.Stderr == record.Stderr && bytes.Equal(l.Text, record.Text) {
				return true
			}
		}
	}
}

// first is the number of the first line.
func (r *ring) first() int64 { return r.next - int64(r.lines) }

// tail returns the position before the last n lines; false if the ring doesn't go back so far. One that begins with
// the log has all there are.
func (r *ring) tail(n int) (position int64, ok bool) {
	if n >= r.lines {
		return r.floor, n == r.lines || r.floor == 0
	}
	skip := r.lines - n - 1
	for _, s := range r.segments {
		if skip < len(s.lines) {
			return s.lines[skip].position(), true
		}
		skip -= len(s.lines)
	}
	return r.last, true
}
