package containerlease

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// stampLayout is RFC 3339 with all nine decimals, so that times sort as text.
const stampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// logFormat writes lines for a client. It may depend on the lines before.
type logFormat interface {
	contentType() string
	// append appends a batch to buffer.
	append(buffer []byte, batch LogBatch) []byte
}

func newLogFormat(query *v1alpha1.ContainerLeaseLogOptions) logFormat {
	if query.Format == v1alpha1.LogJSON {
		return jsonLog{}
	}
	return &textLog{timestamps: query.Timestamps}
}

// textLog writes what the container wrote, byte for byte, with a time before each line if that is asked for.
type textLog struct {
	timestamps bool
	// midline is true of a stream, standard error or not, whose line goes on.
	midline map[bool]bool
}

func (*textLog) contentType() string { return "text/plain; charset=utf-8" }

func (f *textLog) append(buffer []byte, batch LogBatch) []byte {
	if !f.timestamps {
		for i := range batch.Lines {
			buffer = append(buffer, batch.Lines[i].Text...)
		}
		return buffer
	}
	if f.midline == nil {
		f.midline = map[bool]bool{}
	}
	for i := range batch.Lines {
		line := &batch.Lines[i]
		if !f.midline[line.Stderr] {
			buffer = append(appendStamp(buffer, line.At), ' ')
		}
		buffer = append(buffer, line.Text...)
		f.midline[line.Stderr] = line.Partial
	}
	return buffer
}

func appendStamp(buffer []byte, at time.Time) []byte {
	return at.UTC().AppendFormat(buffer, stampLayout)
}

// jsonLog writes each line as a v1alpha1.LogRecord. It is written by hand since a busy log has a hundred
// thousand lines a second.
type jsonLog struct{}

func (jsonLog) contentType() string { return ndjson }

func (jsonLog) append(buffer []byte, batch LogBatch) []byte {
	if batch.Dropped > 0 {
		buffer = append(buffer, `{"dropped":`...)
		buffer = strconv.AppendInt(buffer, batch.Dropped, 10)
		buffer = append(buffer, "}\n"...)
	}
	for i := range batch.Lines {
		line := &batch.Lines[i]
		buffer = append(buffer, `{"timestamp":"`...)
		buffer = appendStamp(buffer, line.At)
		if line.Stderr {
			buffer = append(buffer, `","stream":"stderr","line":`...)
		} else {
			buffer = append(buffer, `","stream":"stdout","line":`...)
		}
		buffer = appendJSONString(buffer, trimLineEnd(line.Text))
		if line.Partial {
			buffer = append(buffer, `,"partial":true`...)
		}
		buffer = append(buffer, "}\n"...)
	}
	return buffer
}

// trimLineEnd takes off LF, or the CR LF of a terminal.
func trimLineEnd(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
		if n > 1 && text[n-2] == '\r' {
			text = text[:n-2]
		}
	}
	return text
}

const hex = "0123456789abcdef"

// appendJSONString appends text as a JSON string. Control characters, a terminal's escapes among them, arrive as
// they are; what is no UTF-8 becomes U+FFFD.
func appendJSONString(buffer, text []byte) []byte {
	buffer = append(buffer, '"')
	plain := 0 // begin of what needs no change
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		buffer = append(buffer, text[plain:i]...)
		switch {
		case c == '"' || c == '\\':
			buffer = append(buffer, '\\', c)
		case c == '\t':
			buffer = append(buffer, `\t`...)
		case c < ' ':
			buffer = append(buffer, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			buffer = append(buffer, "\ufffd"...)
		}
		i++
		plain = i
	}
	buffer = append(buffer, text[plain:]...)
	return append(buffer, '"')
}
