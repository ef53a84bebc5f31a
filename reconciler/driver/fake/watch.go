package fake

import (
	"context"
	"fmt"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// watcher is a stream of events. Its queue has no bound: a test that doesn't read is short.
type watcher struct {
	queue []driver.Event
	more  chan struct{}
	ended chan struct{}
}

// emit tells every watcher. The lock is held.
func (e *Engine) emit(c *container, action string) {
	if !c.owned {
		return
	}
	for w := range e.watchers {
		w.queue = append(w.queue, driver.Event{Owner: c.Owner, Action: action, At: e.clock.Now()})
		select {
		case w.more <- struct{}{}:
		default:
		}
	}
}

// Watch hands events to handle until ctx ends or the engine crashes.
func (e *Engine) Watch(ctx context.Context, connected func(), handle func(driver.Event)) error {
	if err := e.enter(ctx, OpWatch, ""); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	w := &watcher{more: make(chan struct{}, 1), ended: make(chan struct{})}
	e.mu.Lock()
	e.watchers[w] = struct{}{}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.watchers, w)
		e.mu.Unlock()
	}()
	if connected != nil {
		connected()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.ended:
			return fmt.Errorf("fake %s: %w: the stream ended", OpWatch, driver.ErrUnavailable)
		case <-w.more:
		}
		e.mu.Lock()
		events := w.queue
		w.queue = nil
		e.mu.Unlock()
		for _, event := range events {
			handle(event)
		}
	}
}
