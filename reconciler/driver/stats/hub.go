// Package stats lets any number of viewers see what containers use over one stream of the engine for each
// container. It knows containers by the UID of their owner, and nothing of leases.
package stats

import (
	"context"
	"errors"
	"sync"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// ErrClosed means that the hub was closed while somebody looked.
var ErrClosed = errors.New("the server is stopping")

// Engine is the part of a driver that a Hub needs.
type Engine interface {
	// Stats is driver.Driver's.
	Stats(ctx context.Context, uid string, handle func(driver.Usage) error) error
}

// Hub hands out what an engine measures. Its methods may be called from several goroutines.
type Hub struct {
	engine Engine

	lifetime context.Context
	end      context.CancelCauseFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	feeds map[string]*feed
}

// NewHub returns a hub that measures nothing yet.
func NewHub(engine Engine) *Hub {
	h := &Hub{engine: engine, feeds: map[string]*feed{}}
	h.lifetime, h.end = context.WithCancelCause(context.Background())
	return h
}

// Close ends all streams of the engine, and with them those of the viewers, with ErrClosed. It returns once the
// engine is let go of.
func (h *Hub) Close() {
	h.mu.Lock()
	h.end(ErrClosed)
	h.mu.Unlock()
	h.running.Wait()
}

// Stream hands what the owner's container uses to handle, from the caller's goroutine: the latest measurement if
// somebody else looks already, else the first, and then each new one. It blocks until the container ends (nil), or
// until ctx ends or handle fails: then it returns that error. handle may take its time, and misses what is
// measured meanwhile but for the latest. Fails with ErrClosed if the hub is closed, and as the driver does.
func (h *Hub) Stream(ctx context.Context, uid string, handle func(driver.Usage) error) error {
	f, err := h.join(uid)
	if err != nil {
		return err
	}
	defer h.leave(f)
	for seen := 0; ; {
		view := f.look()
		switch {
		case view.count > seen:
			seen = view.count
			if err := handle(view.latest); err != nil {
				return err
			}
			continue
		case view.changed == nil:
			return view.err
		}
		select {
		case <-view.changed:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// join returns the feed of a container for one more viewer, who leaves it with leave. It starts one if there is none.
func (h *Hub) join(uid string) (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := context.Cause(h.lifetime); err != nil {
		return nil, err
	}
	f := h.feeds[uid]
	if f == nil {
		ctx, cancel := context.WithCancel(h.lifetime)
		f = &feed{uid: uid, stop: cancel, changed: make(chan struct{})}
		h.feeds[uid] = f
		h.running.Go(func() {
			err := h.engine.Stats(ctx, uid, f.add)
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			h.forget(f)
			f.finish(err)
		})
	}
	f.viewers++
	return f, nil
}

// leave takes a viewer off a feed, which ends with the last.
func (h *Hub) leave(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.viewers--; f.viewers == 0 {
		h.drop(f)
	}
}

// forget lets the next viewer start another feed.
func (h *Hub) forget(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(f)
}

// drop ends a feed. The lock is held.
func (h *Hub) drop(f *feed) {
	f.stop()
	if h.feeds[f.uid] == f {
		delete(h.feeds, f.uid)
	}
}
