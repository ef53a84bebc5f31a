package docker_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
)

const (
	stampOne = "2026-01-02T03:04:05.000000001Z"
	stampTwo = "2026-01-02T03:04:05.000000002Z"
)

func frame(stream byte, payload string) string {
	header := make([]byte, 8)
	header[0] = stream
	binary.BigEndian.PutUint32(header[4:], uint32(len(payload)))
	return string(header) + payload
}

func at(t *testing.T, stamp string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestReadRecords(t *testing.T) {
	one, two := at(t, stampOne), at(t, stampTwo)
	full, long := strings.Repeat("x", 16<<10), strings.Repeat("y", 200<<10)
	for name, tc := range map[string]struct {
		tty  bool
		in   string
		want []driver.LogRecord
	}{
		"Empty": {},
		"TwoStreams": {in: frame(1, stampTwo+" out\n") + frame(2, stampOne+" err\n"), want: []driver.LogRecord{
			{At: two, Text: []byte("out\n")}, {At: one, Stderr: true, Text: []byte("err\n")}}},
		"EmptyLine":    {in: frame(1, stampOne+" \n"), want: []driver.LogRecord{{At: one, Text: []byte("\n")}}},
		"NoLineEnd":    {in: frame(1, stampOne+" $ "), want: []driver.LogRecord{{At: one, Text: []byte("$ ")}}},
		"BeyondBuffer": {in: frame(1, stampOne+" "+long+"\n"), want: []driver.LogRecord{{At: one, Text: []byte(long + "\n")}}},
		"CutLine": {in: frame(1, stampOne+" "+full) + frame(1, stampOne+" end\n"), want: []driver.LogRecord{
			{At: one, Partial: true, Text: []byte(full)}, {At: one, Text: []byte("end\n")}}},
		"TTY": {tty: true, in: stampOne + " a\r\n" + stampTwo + " \x1b[1mb\r\n", want: []driver.LogRecord{
			{At: one, Text: []byte("a\r\n")}, {At: two, Text: []byte("\x1b[1mb\r\n")}}},
		"TTYCutLine": {tty: true, in: stampOne + " " + full + stampOne + " " + full + stampOne + " end\n", want: []driver.LogRecord{
			{At: one, Partial: true, Text: []byte(full)}, {At: one, Partial: true, Text: []byte(full)}, {At: one, Text: []byte("end\n")}}},
		"TTYPromptThenAnotherRun": {tty: true, in: stampOne + " $ " + stampTwo + " $ ls\r\n", want: []driver.LogRecord{
			{At: one, Text: []byte("$ ")}, {At: two, Text: []byte("$ ls\r\n")}}},
		"TTYLineWithATime": {tty: true, in: stampTwo + " at " + stampOne + " it began, Z \n", want: []driver.LogRecord{
			{At: two, Text: []byte("at " + stampOne + " it began, Z \n")}}},
		"TTYNoLineEnd": {tty: true, in: stampOne + " $ ", want: []driver.LogRecord{{At: one, Text: []byte("$ ")}}},
	} {
		for way, reader := range map[string]io.Reader{
			"AtOnce": strings.NewReader(tc.in), "ByteByByte": iotest.OneByteReader(strings.NewReader(tc.in)),
		} {
			t.Run(name+way, func(t *testing.T) {
				var got []driver.LogRecord
				err := docker.ReadRecords(reader, tc.tty, func(records []driver.LogRecord) error {
					for _, r := range records {
						r.Text = bytes.Clone(r.Text)
						got = append(got, r)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestReadRecordsThatAreNone(t *testing.T) {
	for name, tc := range map[string]struct {
		tty  bool
		in   string
		want string
	}{
		"CutFrame":       {in: frame(1, stampOne+" out\n")[:20], want: "unexpected EOF"},
		"NoStamp":        {in: frame(1, "hello, this is a line of more than a stamp's length\n"), want: "malformed"},
		"UnknownStream":  {in: frame(9, stampOne+" x\n"), want: "malformed"},
		"AbsurdLength":   {in: "\x01\x00\x00\x00\xff\xff\xff\xff", want: "malformed"},
		"EnginesMistake": {in: frame(3, "Error grabbing logs: disk on fire\n"), want: "disk on fire"},
		"TTYNoStamp":     {tty: true, in: "hello, this is a line of more than a stamp's length\n", want: "malformed"},
		"TTYCutStamp":    {tty: true, in: stampOne[:9], want: "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			err := docker.ReadRecords(strings.NewReader(tc.in), tc.tty, func([]driver.LogRecord) error { return nil })
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// FuzzReadRecords: whatever an engine or a terminal sends, reading it ends, and what is handed over was in it.
func FuzzReadRecords(f *testing.F) {
	f.Add(frame(1, stampOne+" out\n")+frame(2, stampOne+" err\n"), false)
	f.Add(stampOne+" $ "+stampTwo+" $ ls\r\n", true)
	f.Fuzz(func(t *testing.T, in string, tty bool) {
		err := docker.ReadRecords(strings.NewReader(in), tty, func(records []driver.LogRecord) error {
			for _, r := range records {
				if !strings.Contains(in, string(r.Text)) {
					t.Errorf("%q was never sent", r.Text)
				}
			}
			return nil
		})
		if err != nil && errors.Is(err, io.EOF) {
			t.Errorf("an end is no error: %v", err)
		}
	})
}
