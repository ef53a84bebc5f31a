package containerlease

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestLogFormats(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("", 3600))
	const stamp = "2026-01-02T02:04:05.600000000Z"
	batches := []LogBatch{
		{Lines: []LogLine{{At: at, Text: []byte("plain\n")}, {At: at, Stderr: true, Text: []byte("\n")}}},
		{},
		{Dropped: 7},
		{Lines: []LogLine{
			{At: at, Partial: true, Text: []byte("begin ")}, {At: at, Stderr: true, Text: []byte("between\n")}, {At: at, Text: []byte("end\n")},
			{At: at, Text: []byte("\x1b[1mterminal\x1b[0m\r\n")},
			{At: at, Text: []byte("a \"quote\", \\, \ttab, \x00 and \xff, é")},
		}},
	}
	for name, tc := range map[string]struct {
		query v1alpha1.ContainerLeaseLogOptions
		want  string
	}{
		"Text": {want: "plain\n\nbegin between\nend\n\x1b[1mterminal\x1b[0m\r\na \"quote\", \\, \ttab, \x00 and \xff, é"},
		"TextWithTimestamps": {
			query: v1alpha1.ContainerLeaseLogOptions{Timestamps: true},
			want: stamp + " plain\n" + stamp + " \n" + stamp + " begin " + stamp + " between\nend\n" +
				stamp + " \x1b[1mterminal\x1b[0m\r\n" + stamp + " a \"quote\", \\, \ttab, \x00 and \xff, é",
		},
		"JSON": {
			query: v1alpha1.ContainerLeaseLogOptions{Format: v1alpha1.LogJSON},
			want: `{"timestamp":"` + stamp + `","stream":"stdout","line":"plain"}
{"timestamp":"` + stamp + `","stream":"stderr","line":""}
{"dropped":7}
{"timestamp":"` + stamp + `","stream":"stdout","line":"begin ","partial":true}
{"timestamp":"` + stamp + `","stream":"stderr","line":"between"}
{"timestamp":"` + stamp + `","stream":"stdout","line":"end"}
{"timestamp":"` + stamp + `","stream":"stdout","line":"\u001b[1mterminal\u001b[0m"}
{"timestamp":"` + stamp + `","stream":"stdout","line":"a \"quote\", \\, \ttab, \u0000 and ` + "\ufffd" + `, é"}
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			format := newLogFormat(&tc.query)
			var got []byte
			for _, b := range batches {
				got = format.append(got, b)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzJSONLog: whatever a container writes, its record is one line of JSON, and holds what was written.
func FuzzJSONLog(f *testing.F) {
	for _, seed := range []string{"", "plain\n", "\x1b[2J\r\n", "\xff\xfe", "\u2028\"\\", "\r\r\n", "é\xc3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := jsonLog{}.append(nil, LogBatch{Lines: []LogLine{{Text: []byte(text)}}})
		if n := strings.Count(string(out), "\n"); n != 1 || !utf8.Valid(out) {
			t.Fatalf("%q becomes %q", text, out)
		}
		var got v1alpha1.LogRecord
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q becomes %q: %v", text, out, err)
		}
		quoted, err := json.Marshal(string(trimLineEnd([]byte(text))))
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil || got.Line != want {
			t.Fatalf("%q becomes %q (%v)", want, got.Line, err)
		}
	})
}
