package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxFaults is how many faults are worth reporting.
const maxFaults = 5

// serverLog collects what a server writes, over all its starts.
type serverLog struct {
	// expected are parts of error lines that a test provokes.
	expected []string

	mu   sync.Mutex
	text bytes.Buffer
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *serverLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimRight(l.text.String(), "\n"), "\n")
}

// tail returns the last n lines.
func (l *serverLog) tail(n int) string {
	lines := l.lines()
	return join(lines, n)
}

// about returns the last n lines that contain a text.
func (l *serverLog) about(text string, n int) string {
	var found []string
	for _, line := range l.lines() {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return join(found, n)
}

// join writes the last n lines.
func join(lines []string, n int) string {
	var b strings.Builder
	for _, line := range lines[max(0, len(lines)-n):] {
		b.WriteString(shorten(line) + "\n")
	}
	return b.String()
}

// faults returns what must not be in a log: errors nobody expects, panics, data races, and lines
// that are no JSON.
func (l *serverLog) faults() []string {
	var faults []string
	lines := l.lines()
	for i, line := range lines {
		if line == "" || l.expects(line) {
			continue
		}
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			// A panic or a data race goes on for many lines: the first few say it all.
			return append(faults, "not JSON: "+strings.Join(lines[i:min(i+60, len(lines))], "\n"))
		}
		if entry.Level == "ERROR" || strings.Contains(strings.ToLower(entry.Msg), "panic") {
			if faults = append(faults, shorten(line)); len(faults) == maxFaults {
				return append(faults, "and so on")
			}
		}
	}
	return faults
}

// shorten keeps of a line what a person reads.
func shorten(line string) string {
	const enough = 1000
	if len(line) <= enough {
		return line
	}
	return line[:enough] + "…"
}

// interrupted is in the error lines of libraries that a stop catches at work.
const interrupted = "context canceled"

func (l *serverLog) expects(line string) bool {
	for _, text := range append(l.expected, interrupted) {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// readAll reads and closes the body of a response.
func readAll(resp *http.Response) string {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Sprintf("%s (cut off: %v)", body, err)
	}
	return string(body)
}
