package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// record is a v1alpha1.LogRecord as its bytes: text is JSON-escaped already, and goes on into a
// frame as it is. It is valid as long as the bytes it was read from.
type record struct {
	timestamp []byte
	text      []byte
	stderr    bool
	partial   bool
	dropped   int64
}

// What a record of the API server looks like. A record that looks otherwise is decoded as any JSON.
const (
	beforeTimestamp = `{"timestamp":"`
	beforeStdout    = `","stream":"stdout","line":"`
	beforeStderr    = `","stream":"stderr","line":"`
	atTheEnd        = `"}`
	atTheEndPartial = `","partial":true}`
)

// parseRecord reads a line of a log in format json. The text of a record must not be changed.
func parseRecord(line []byte) (record, error) {
	rest, ok := bytes.CutPrefix(line, []byte(beforeTimestamp))
	if !ok {
		return decodeRecord(line)
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return decodeRecord(line)
	}
	r := record{timestamp: rest[:end]}
	rest = rest[end:]
	if text, ok := bytes.CutPrefix(rest, []byte(beforeStdout)); ok {
		r.text = text
	} else if text, ok := bytes.CutPrefix(rest, []byte(beforeStderr)); ok {
		r.text, r.stderr = text, true
	} else {
		return decodeRecord(line)
	}
	// A quote in the text is escaped, so that the last quote is the one that ends it.
	if text, ok := bytes.CutSuffix(r.text, []byte(atTheEnd)); ok {
		r.text = text
	} else if text, ok := bytes.CutSuffix(r.text, []byte(atTheEndPartial)); ok {
		r.text, r.partial = text, true
	} else {
		return decodeRecord(line)
	}
	return r, nil
}

// decodeRecord reads a record however its JSON is written.
func decodeRecord(line []byte) (record, error) {
	var decoded v1alpha1.LogRecord
	if err := json.Unmarshal(line, &decoded); err != nil {
		return record{}, fmt.Errorf("reading a record of the log: %w", err)
	}
	if decoded.Timestamp == "" && decoded.Dropped == 0 {
		return record{}, fmt.Errorf("reading a record of the log: it has no timestamp")
	}
	return record{
		timestamp: []byte(decoded.Timestamp),
		text:      appendEscaped(nil, decoded.Line),
		stderr:    decoded.Stream == streamStderr,
		partial:   decoded.Partial,
		dropped:   decoded.Dropped,
	}, nil
}

// appendEscaped appends what stands between the quotes of a JSON string.
func appendEscaped(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for _, c := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			dst = append(dst, string(c)...)
		}
	}
	return dst
}

// unescaper undoes JSON's escapes, as far as telling the level of a line needs it.
type unescaper struct{ scratch [lookAhead]byte }

// beginning returns the first bytes of an escaped text as they were. What it returns is valid until the
// next call. Escaped characters beyond ASCII are not restored: no level's word has any.
func (u *unescaper) beginning(text []byte) []byte {
	text = text[:min(len(text), len(u.scratch))]
	first := bytes.IndexByte(text, '\\')
	if first < 0 {
		return text
	}
	n := copy(u.scratch[:], text[:first])
	for i := first; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			if i++; i == len(text) {
				break
			}
			switch c = text[i]; c {
			case 'n', 'r', 't', 'b', 'f':
				c = ' '
			case 'u':
				if i+4 >= len(text) {
					return u.scratch[:n]
				}
				c = asciiOf(text[i+1 : i+5])
				i += 4
			}
		}
		u.scratch[n] = c
		n++
	}
	return u.scratch[:n]
}

// asciiOf is the character of four hexadecimal digits, or 0xff for one beyond ASCII.
func asciiOf(digits []byte) byte {
	var c int
	for _, d := range digits {
		switch {
		case isDigit(d):
			c = c<<4 | int(d-'0')
		case d|0x20 >= 'a' && d|0x20 <= 'f':
			c = c<<4 | int(d|0x20-'a'+10)
		default:
			return 0xff
		}
	}
	if c >= 0x80 {
		return 0xff
	}
	return byte(c)
}
