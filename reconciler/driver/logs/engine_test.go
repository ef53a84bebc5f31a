package logs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	uid = "6a7a1a3c"
	// deadline bounds whatever a test waits for.
	deadline = 30 * time.Second
)

// engine keeps the log of one container in memory, record by record, and serves it as Docker does. What goes wrong
// with engines, it does when told.
type engine struct {
	mu      sync.Mutex
	records []driver.LogRecord
	running bool
	gone    bool
	failing error
	changed chan struct{}

	// following counts the streams there are, opened those there ever were, read the other reads.
	following, opened, read int
	// busy is the largest number of other reads at once.
	reading, busy int
	// cut is closed to break all streams.
	cut chan struct{}
	// hide makes streams leave out records.
	hide func(index int) bool
	// jumps makes a stream that comes to an index go on at another one, once.
	jumps map[int]int
}

func newEngine() *engine {
	return &engine{running: true, changed: make(chan struct{}), cut: make(chan struct{})}
}

func (e *engine) change(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *engine) write(records ...driver.LogRecord) {
	e.change(func() { e.records = append(e.records, records...) })
}

func (e *engine) exit() { e.change(func() { e.running = false }) }

func (e *engine) restart() { e.change(func() { e.running = true }) }

// breakStreams cuts all streams there are.
func (e *engine) breakStreams() {
	e.change(func() {
		close(e.cut)
		e.cut = make(chan struct{})
	})
}

// counts returns how many streams there are, how many there were, and how many other reads.
func (e *engine) counts() (following, opened, read int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.following, e.opened, e.read
}

func (e *engine) Observe(_ context.Context, asked string) (*driver.Container, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.trouble(asked); err != nil {
		return nil, err
	}
	state := driver.StateExited
	if e.running {
		state = driver.StateRunning
	}
	return &driver.Container{State: state}, nil
}

func (e *engine) trouble(asked string) error {
	if e.failing != nil {
		return e.failing
	}
	if e.gone || asked != uid {
		return fmt.Errorf("%w: no container of %s", driver.ErrNotFound, asked)
	}
	return nil
}

func (e *engine) Logs(ctx context.Context, asked string, opts driver.LogOptions, handle func([]driver.LogRecord) error) error {
	e.mu.Lock()
	if err := e.trouble(asked); err != nil {
		e.mu.Unlock()
		return err
	}
	count := &e.reading
	if opts.Follow {
		count = &e.following
		e.opened++
	} else {
		e.read++
	}
	*count++
	e.busy = max(e.busy, e.reading)
	cut, end, next := e.cut, len(e.records), 0
	if opts.Tail >= 0 {
		next = max(0, end-opts.Tail)
	}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		*count--
	}()

	for {
		e.mu.Lock()
		if opts.Follow {
			end = len(e.records)
		}
		batch := e.batch(&next, min(end, next+100), opts)
		more, changed := next < end, e.changed
		follow := opts.Follow && e.running && !e.gone
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-cut:
			return fmt.Errorf("%w: the line went dead", driver.ErrUnavailable)
		default:
		}
		if len(batch) > 0 {
			if err := handle(batch); err != nil {
				return fmt.Errorf("handling output: %w", err)
			}
		}
		switch {
		case more:
			continue
		case !follow:
			return nil
		}
		select {
		case <-changed:
		case <-cut:
		case <-ctx.Done():
		}
	}
}

// batch returns copies, since a real driver's records don't last either.
func (e *engine) batch(next *int, end int, opts driver.LogOptions) []driver.LogRecord {
	var batch []driver.LogRecord
	for ; *next < end; *next++ {
		if to, jump := e.jumps[*next]; jump && opts.Follow {
			delete(e.jumps, *next)
			*next = to
		}
		r := e.records[*next]
		if r.At.Before(opts.Since) || opts.Follow && e.hide != nil && e.hide(*next) {
			continue
		}
		r.Text = append([]byte(nil), r.Text...)
		batch = append(batch, r)
	}
	return batch
}

// eventually polls until done returns true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	end := time.NewTimer(deadline)
	defer end.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-end.C:
			t.Fatalf("not within %v: %s", deadline, what)
		case <-poll.C:
		}
	}
}
