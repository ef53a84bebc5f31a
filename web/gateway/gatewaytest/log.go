package gatewaytest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"sync"
)

// Log is what has been logged, at every level.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger writes to the log.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that has been logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Clear empties the log.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// Lines are the lines with a message, decoded.
func (l *Log) Lines(message string) []map[string]any {
	var lines []map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(l.String())))
	for {
		var line map[string]any
		if decoder.Decode(&line) != nil {
			return lines
		}
		if line["msg"] == message {
			lines = append(lines, line)
		}
	}
}
