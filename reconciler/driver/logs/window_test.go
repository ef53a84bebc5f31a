package logs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func record(after time.Duration, text string) driver.LogRecord {
	return driver.LogRecord{At: epoch.Add(after), Text: []byte(text)}
}

func part(after time.Duration, text string) driver.LogRecord {
	r := record(after, text)
	r.Partial = true
	return r
}

func stderr(r driver.LogRecord) driver.LogRecord {
	r.Stderr = true
	return r
}

// plain is a line for comparison.
type plain struct {
	At              time.Duration
	Stderr, Partial bool
	Text            string
}

func plainOf(lines []Line) []plain {
	var out []plain
	for _, l := range lines {
		out = append(out, plain{l.At.Sub(epoch), l.Stderr, l.Partial, string(l.Text)})
	}
	return out
}

func TestAssembler(t *testing.T) {
	x := strings.Repeat("x", 16<<10)
	most := strings.Repeat("x", MaxLine)
	for name, tc := range map[string]struct {
		records []driver.LogRecord
		want    []plain
	}{
		"Lines":      {[]driver.LogRecord{record(1, "a\n"), stderr(record(3, "b\n"))}, []plain{{At: 1, Text: "a\n"}, {At: 3, Stderr: true, Text: "b\n"}}},
		"EqualTimes": {[]driver.LogRecord{record(1, "a\n"), record(1, "b\n"), record(2, "c\n")}, []plain{{At: 1, Text: "a\n"}, {At: 2, Text: "b\n"}, {At: 3, Text: "c\n"}}},
		"Inverted":   {[]driver.LogRecord{record(9, "a\n"), stderr(record(5, "b\n")), record(20, "c\n")}, []plain{{At: 9, Text: "a\n"}, {At: 10, Stderr: true, Text: "b\n"}, {At: 20, Text: "c\n"}}},
		"Joined": {[]driver.LogRecord{part(1, x), stderr(record(2, "b\n")), part(1, x), record(1, "end\n")},
			[]plain{{At: 2, Stderr: true, Text: "b\n"}, {At: 3, Text: x + x + "end\n"}}},
		"NoLineEnd":      {[]driver.LogRecord{record(1, "$ "), record(2, "b\n")}, []plain{{At: 1, Text: "$ "}, {At: 2, Text: "b\n"}}},
		"CutAtAnEnd":     {[]driver.LogRecord{part(1, x), record(2, "b\n")}, []plain{{At: 1, Text: x}, {At: 2, Text: "b\n"}}},
		"OpenAtTheEnd":   {[]driver.LogRecord{part(1, x)}, []plain{{At: 1, Text: x}}},
		"LongestInOne":   {[]driver.LogRecord{record(1, most+"\n")}, []plain{{At: 1, Text: most + "\n"}}},
		"LongestInParts": {[]driver.LogRecord{part(1, most[:MaxLine/2]), part(1, most[MaxLine/2:]), record(1, "\n")}, []plain{{At: 1, Text: most + "\n"}}},
		"TooLong": {[]driver.LogRecord{part(1, most), part(1, most), record(1, "xyz\n")},
			[]plain{{At: 1, Partial: true, Text: most}, {At: 2, Partial: true, Text: most}, {At: 3, Text: "xyz\n"}}},
		"CutBetweenCharacters": {[]driver.LogRecord{record(1, most[1:]+"é\n")}, []plain{{At: 1, Partial: true, Text: most[1:]}, {At: 2, Text: "é\n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := windowOf(wholeLog)
			var lines []Line
			for _, r := range tc.records {
				lines, _ = w.add(lines, r)
			}
			if diff := cmp.Diff(tc.want, plainOf(w.endAll(lines))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// randomLog is a log such as an engine writes: two streams, times that are equal or out of order by up to half a
// second, lines in parts, pauses.
func randomLog(r *rand.Rand, n int) []driver.LogRecord {
	var log []driver.LogRecord
	now := time.Duration(0)
	var open [2]*driver.LogRecord
	for i := range n {
		switch r.IntN(10) {
		case 0: // the same time
		case 1:
			now += time.Duration(r.IntN(3))
		case 2:
			now += time.Duration(r.IntN(int(time.Second)))
		default:
			now += time.Duration(r.IntN(int(2 * time.Millisecond)))
		}
		at := now
		if r.IntN(4) == 0 {
			at -= time.Duration(r.IntN(int(disorder / 2)))
		}
		stream := r.IntN(2)
		next := record(at, fmt.Sprintf("%d\n", i))
		next.Stderr = stream == 1
		if o := open[stream]; o != nil {
			next.At = o.At
			next.Text = fmt.Appendf(nil, "...%d\n", i)
			open[stream] = nil
		}
		if r.IntN(8) == 0 {
			next.Partial = true
			next.Text = bytes.TrimSuffix(next.Text, []byte("\n"))
			open[stream] = &next
		}
		log = append(log, next)
	}
	return log
}

// TestWindowsAgree: wherever a reading begins, what it covers is the same.
func TestWindowsAgree(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		log := randomLog(r, 600)
		whole := windowOf(wholeLog)
		var all []Line
		for _, rec := range log {
			all, _ = whole.add(all, rec)
		}
		want := plainOf(all)
		fit := 0
		for from := 1; from < len(log); from += 1 + r.IntN(60) {
			w := windowOf(len(log) - from)
			var lines []Line
			var err error
			for _, rec := range log[from:] {
				if lines, err = w.add(lines, rec); err != nil {
					break
				}
			}
			if err != nil && !errors.Is(err, errUnfit) {
				t.Fatal(err)
			}
			if err != nil || !w.settled {
				continue
			}
			fit++
			var got, expected []plain
			for _, l := range plainOf(lines) {
				if w.covers(l.At.Nanoseconds() + epoch.UnixNano() - 1) {
					got = append(got, l)
				}
			}
			for _, l := range want {
				if int64(l.At)+epoch.UnixNano() > w.floor {
					expected = append(expected, l)
				}
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Fatalf("seed %d, from record %d of %d (-want +got):\n%s", seed, from, len(log), diff)
			}
		}
		if fit < 3 {
			t.Errorf("seed %d: %d windows were fit, too few for a test", seed, fit)
		}
	}
}

func TestRing(t *testing.T) {
	var r ring
	const n = 3 * ringLines
	for i := range n {
		r.add(Line{At: epoch.Add(time.Duration(i) * time.Second), Text: fmt.Appendf(nil, "line %d\n", i)})
		if r.lines > ringLines+segmentLines || r.bytes > ringBytes {
			t.Fatalf("%d lines, %d bytes", r.lines, r.bytes)
		}
	}
	for _, back := range []int{0, 1, 2, segmentLines, segmentLines + 1, r.lines - 1, r.lines} {
		position, ok := r.tail(back)
		if !ok {
			t.Fatalf("the last %d of %d lines are not there", back, r.lines)
		}
		count := 0
		for {
			lines, number := r.after(position)
			if len(lines) == 0 {
				break
			}
			if want := fmt.Sprintf("line %d\n", n-back+count); string(lines[0].Text) != want || number != int64(n-back+count) {
				t.Fatalf("line %d from the end is number %d, %q, want %q", back, number, lines[0].Text, want)
			}
			count += len(lines)
			position = lines[len(lines)-1].position()
		}
		if count != back {
			t.Errorf("%d lines after the position of the last %d", count, back)
		}
	}
	if _, ok := r.tail(r.lines + 1); ok {
		t.Error("a ring that has forgotten lines says it has them")
	}
	r.discard(epoch.Add((n - 10) * time.Second).UnixNano())
	if lines, _ := r.after(r.floor); len(lines) != 9 || r.lines != 9 || r.first() != n-9 {
		t.Errorf("after discarding there are %d lines, the first is %d", r.lines, r.first())
	}
	for range 100 {
		r.add(Line{At: time.Unix(0, r.last+1), Text: make([]byte, MaxLine)})
	}
	if r.bytes > ringBytes {
		t.Errorf("%d bytes of long lines", r.bytes)
	}
}
