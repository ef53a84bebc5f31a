package logs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// DefaultLinger is how long a feed outlives its last viewer, so that one that was cut off finds the ring again.
	DefaultLinger = 10 * time.Second
	// DefaultPatience is how long a read of the engine waits for a slow viewer, before it ends to make way for others,
	// and begins again where it was.
	DefaultPatience = 5 * time.Second
	// privateReads bounds how many reads of the engine run at once beside the feeds'.
	privateReads = 4
	// startLines is how much of the end of a log a feed begins with at least, and mostStartLines the most it
	// reads at once for the viewer that it is started for.
	startLines     = 100
	mostStartLines = 4096
)

// ErrClosed means that the hub was closed while a log was followed.
var ErrClosed = errors.New("the server is stopping")

// Engine is the part of a driver that a Hub needs.
type Engine interface {
	// Observe is driver.Driver's.
	Observe(ctx context.Context, uid string) (*driver.Container, error)
	// Logs is driver.Driver's.
	Logs(ctx context.Context, uid string, opts driver.LogOptions, handle func([]driver.LogRecord) error) error
}

// Options configure a Hub. The zero value is usable.
type Options struct {
	// Clock is the real one if nil.
	Clock clock.WithDelayedExecution
	// Logger gets what no viewer is told. Nil is slog.Default(). No output of a container is ever logged.
	Logger *slog.Logger
	// Linger, Patience and Silence are DefaultLinger, DefaultPatience and DefaultSilence if zero.
	Linger, Patience, Silence time.Duration
}

// Hub serves the logs of an engine's containers. Its methods may be called from several goroutines.
type Hub struct {
	engine Engine
	opts   Options
	clock  clock.WithDelayedExecution
	log    *slog.Logger
	slots  chan struct{}

	lifetime context.Context
	end      context.CancelCauseFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	feeds map[string]*feed
}

// NewHub returns a hub that reads nothing yet.
func NewHub(engine Engine, opts Options) *Hub {
	opts.Linger = cmp.Or(opts.Linger, DefaultLinger)
	opts.Patience = cmp.Or(opts.Patience, DefaultPatience)
	opts.Silence = cmp.Or(opts.Silence, DefaultSilence)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	h := &Hub{
		engine: engine, opts: opts, clock: opts.Clock, log: opts.Logger,
		slots: make(chan struct{}, privateReads),
		feeds: map[string]*feed{},
	}
	h.lifetime, h.end = context.WithCancelCause(context.Background())
	return h
}

// Close ends all feeds, and with them the streams of those who follow, with ErrClosed. It returns once they have let
// go of the engine.
func (h *Hub) Close() {
	h.mu.Lock()
	h.end(ErrClosed)
	h.mu.Unlock()
	h.running.Wait()
}

// Request says which lines of a log are wanted.
type Request struct {
	// Follow goes on until the container ends.
	Follow bool
	// Tail is how many of the last lines are wanted; negative is all.
	Tail int
	// After leaves out lines up to and including this position, if not zero.
	After time.Time
	// Lossy lets who follows and falls behind the ring pass over lines. Otherwise it gets them from the
	// engine, for as long as the engine has them.
	Lossy bool
}

// Batch is lines that follow each other.
type Batch struct {
	// Dropped is how many lines before the first were passed over.
	Dropped int64
	// Lines, and their text, are valid until the handler returns.
	Lines []Line
}

// Stream hands the log of the owner's container to handle, oldest line first, from the caller's goroutine. It blocks until
// the end of the log, with Follow until the container ends, or until ctx ends or handle fails: then it returns that
// error. handle may take its time. It is called once without lines as soon as following stands.
//
// A follower doesn't notice if the engine goes away for a while. Otherwise, fails with driver.ErrNotFound if there is
// no container, or none any more from which lines that were asked for could be read, with ErrClosed
// if the hub is closed, and as the driver does.
func (h *Hub) Stream(ctx context.Context, uid string, req Request, handle func(Batch) error) error {
	v := &viewer{hub: h, uid: uid, lossy: req.Lossy, handle: handle}
	if !req.After.IsZero() {
		v.position = positionOf(req.After)
	}
	if req.Follow {
		return v.follow(ctx, req.Tail)
	}
	return v.read(ctx, req.Tail)
}

// positionOf is a time as a position, also one that no line can have.
func positionOf(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, 0)):
		return 0
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64 - 1
	}
	return t.UnixNano()
}

// join returns the feed of a container for one more viewer, who leaves it with leave. It starts one if there is none, with
// as many lines as the viewer would like, within bounds.
func (h *Hub) join(uid string, lines int) (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := context.Cause(h.lifetime); err != nil {
		return nil, err
	}
	f := h.feeds[uid]
	if f == nil {
		f = newFeed(h, uid, min(max(lines, startLines), mostStartLines))
		h.feeds[uid] = f
		ctx, cancel := context.WithCancel(h.lifetime)
		f.stop = cancel
		h.running.Go(func() {
			defer cancel()
			err := f.run(ctx)
			h.forget(f)
			f.finish(err)
		})
	}
	f.viewers++
	if f.idle != nil {
		f.idle.Stop()
		f.idle = nil
	}
	return f, nil
}

// leave takes a viewer off a feed, which ends if no other comes within a while.
func (h *Hub) leave(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.viewers--
	if f.viewers > 0 || h.feeds[f.uid] != f {
		return
	}
	f.idle = h.clock.AfterFunc(h.opts.Linger, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if f.viewers == 0 && h.feeds[f.uid] == f {
			delete(h.feeds, f.uid)
			f.stop()
		}
	})
}

// forget makes the next viewer start another feed. Whoever has this one has it to its end.
func (h *Hub) forget(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[f.uid] == f {
		delete(h.feeds, f.uid)
	}
	if f.idle != nil {
		f.idle.Stop()
		f.idle = nil
	}
}
