package logs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/utils/ptr"
)

// frame is a frame as its reader decodes it.
type frame struct {
	Timestamp time.Time `json:"timestamp"`
	Level     string    `json:"level"`
	Message   string    `json:"message"`
	Stream    string    `json:"stream"`
	Partial   bool      `json:"partial"`
	Dropped   int64     `json:"dropped"`
	Reason    string    `json:"reason"`
	ExitCode  *int32    `json:"exitCode"`
}

func decodeFrame(t testing.TB, data []byte) frame {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	var f frame
	if err := decoder.Decode(&f); err != nil {
		t.Fatalf("frame %q: %v", data, err)
	}
	if !utf8.Valid(data) || strings.ContainsAny(string(data), "\x1b\n") {
		t.Errorf("frame %q must be valid UTF-8 without control characters", data)
	}
	return f
}

// frameOf is what a viewer makes of a line of the API.
func frameOf(t testing.TB, line string) (frame, record) {
	t.Helper()
	r, err := parseRecord([]byte(line))
	if err != nil {
		t.Fatalf("record %q: %v", line, err)
	}
	var u unescaper
	return decodeFrame(t, appendFrame(nil, r, levelOf(u.beginning(r.text), r.stderr))), r
}

func TestRecordToFrame(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	for _, tc := range []struct {
		name, record string
		want         frame
	}{
		{"Stdout", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"hello"}`,
			frame{Timestamp: at, Level: "info", Message: "hello", Stream: "stdout"}},
		{"Stderr", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stderr","line":""}`,
			frame{Timestamp: at, Level: "error", Message: "", Stream: "stderr"}},
		{"Escapes", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"\u001b[31mWARN\u001b[0m \"a\\\\b\" \t\ufffd é"}`,
			frame{Timestamp: at, Level: "warn", Message: "\x1b[31mWARN\x1b[0m \"a\\\\b\" \t\ufffd é", Stream: "stdout"}},
		{"JSON", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"{\"msg\":\"x\",\"level\":\"debug\"}"}`,
			frame{Timestamp: at, Level: "debug", Message: `{"msg":"x","level":"debug"}`, Stream: "stdout"}},
		{"Partial", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"begin","partial":true}`,
			frame{Timestamp: at, Level: "info", Message: "begin", Stream: "stdout", Partial: true}},
		{"LooksPartial", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"x\",\"partial\":true}"}`,
			frame{Timestamp: at, Level: "info", Message: `x","partial":true}`, Stream: "stdout"}},
		{"EndsWithQuote", `{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"\\\""}`,
			frame{Timestamp: at, Level: "info", Message: `\"`, Stream: "stdout"}},
		{"OtherOrder", `{"line": "ERROR \u001b", "stream": "stdout", "timestamp": "2026-01-02T03:04:05.678901234Z", "new": 1}`,
			frame{Timestamp: at, Level: "error", Message: "ERROR \x1b", Stream: "stdout"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _ := frameOf(t, tc.record)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseRecord(t *testing.T) {
	if r, err := parseRecord([]byte(`{"dropped":17}`)); err != nil || r.dropped != 17 {
		t.Errorf("got %+v, %v; want 17 dropped", r, err)
	}
	for _, line := range []string{"", "{}", "null", "[]", `{"timestamp":"`, `{"timestamp":"x","stream":"stdout","line":"`, "not JSON"} {
		if r, err := parseRecord([]byte(line)); err == nil {
			t.Errorf("%q is read as %+v", line, r)
		}
	}
}

func TestAppendNote(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	stamp := appendTime(nil, at)
	for _, tc := range []struct {
		name string
		note note
		want frame
	}{
		{"Dropped", note{level: levelWarn, message: "dropped 3 lines", dropped: 3},
			frame{Timestamp: at, Level: "warn", Message: "dropped 3 lines", Stream: "system", Dropped: 3}},
		{"Ended", note{level: levelInfo, message: "over", reason: "Expired", exitCode: ptr.To[int32](143)},
			frame{Timestamp: at, Level: "info", Message: "over", Stream: "system", Reason: "Expired", ExitCode: ptr.To[int32](143)}},
		{"ExitCodeZero", note{level: levelInfo, message: "over", reason: "Completed", exitCode: ptr.To[int32](0)},
			frame{Timestamp: at, Level: "info", Message: "over", Stream: "system", Reason: "Completed", ExitCode: ptr.To[int32](0)}},
		{"Escaped", note{level: levelWarn, message: "a \"b\"\n\x1b\xff"},
			frame{Timestamp: at, Level: "warn", Message: "a \"b\"\n\x1b\ufffd", Stream: "system"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeFrame(t, appendNote(nil, stamp, tc.note))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzRecord gives the output of a container any content: what comes out is always one valid
// frame with the same text.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{"hello", `","partial":true}`, "\x1b[31m", "\xff\xfe", `\`, `"`, "\u2028", "{\"level\":\"\\", "\x7f\x00"} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, partial bool) {
		line := appendEscaped([]byte(`{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stderr","line":"`), text)
		if partial {
			line = append(line, atTheEndPartial...)
		} else {
			line = append(line, atTheEnd...)
		}
		got, r := frameOf(t, string(line))
		if want := strings.ToValidUTF8(text, "\ufffd"); got.Message != want || got.Partial != partial || got.Stream != "stderr" {
			t.Errorf("%q became %+v", text, got)
		}
		decoded, err := decodeRecord(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decoded, r, cmp.AllowUnexported(record{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-decoded +parsed:\n%s", diff)
		}
	})
}

// FuzzParseRecord gives anything at all to the reader of records.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"timestamp":"2026-01-02T03:04:05Z","stream":"stdout","line":"\u00"}`))
	f.Add([]byte(`{"dropped":-1}`))
	f.Fuzz(func(_ *testing.T, line []byte) {
		r, err := parseRecord(line)
		if err != nil {
			return
		}
		var u unescaper
		appendFrame(nil, r, levelOf(u.beginning(r.text), r.stderr))
	})
}

func BenchmarkFrame(b *testing.B) {
	line := []byte(`{"timestamp":"2026-01-02T03:04:05.678901234Z","stream":"stdout","line":"GET /index.html HTTP/1.1 200 512 in 3 ms for 10.0.0.1, and so on"}`)
	var u unescaper
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		r, err := parseRecord(line)
		if err != nil {
			b.Fatal(err)
		}
		out = appendFrame(out[:0], r, levelOf(u.beginning(r.text), r.stderr))
	}
}
