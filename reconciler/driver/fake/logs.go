package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// line is a line of a container's output.
type line struct {
	at     time.Time
	text   string
	stderr bool
}

// write adds a line. No two bear the same time, so that a time can tell them apart.
func (e *Engine) write(c *container, text string, stderr bool) {
	at := e.clock.Now()
	if n := len(c.lines); n > 0 && !at.After(c.lines[n-1].at) {
		at = c.lines[n-1].at.Add(time.Nanosecond)
	}
	c.lines = append(c.lines, line{at: at, text: text, stderr: stderr && !c.TTY})
}

// Logs hands the output of the owner's container to handle.
func (e *Engine) Logs(ctx context.Context, uid string, opts driver.LogOptions, handle func([]driver.LogRecord) error) error {
	if err := e.enter(ctx, OpLogs, uid); err != nil {
		return err
	}
	e.mu.Lock()
	c, err := e.find(uid)
	if err != nil {
		e.mu.Unlock()
		return fmt.Errorf("fake %s: %w", OpLogs, err)
	}
	next := 0
	if opts.Tail >= 0 {
		next = max(0, len(c.lines)-opts.Tail)
	}
	e.mu.Unlock()

	for {
		e.mu.Lock()
		lines := c.lines[next:]
		next += len(lines)
		more := opts.Follow && c.State == driver.StateRunning && e.containers[c.ID] == c
		changed := c.changed
		e.mu.Unlock()

		if records := recordsOf(lines, opts.Since); len(records) > 0 {
			if err := handle(records); err != nil {
				return fmt.Errorf("fake %s: handling output: %w", OpLogs, err)
			}
		}
		if !more {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("fake %s: %w", OpLogs, ctx.Err())
		}
	}
}

func recordsOf(lines []line, since time.Time) []driver.LogRecord {
	var records []driver.LogRecord
	for _, l := range lines {
		if !l.at.Before(since) {
			records = append(records, driver.LogRecord{At: l.at, Stderr: l.stderr, Text: []byte(l.text + "\n")})
		}
	}
	return records
}
