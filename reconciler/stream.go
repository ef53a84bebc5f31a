package reconciler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// The delay before a stream that ended is opened again doubles from the first to the
// longest, and starts anew once the stream stood for the longest.
const (
	reconnectFirst   = 250 * time.Millisecond
	reconnectLongest = 5 * time.Second
)

// Watcher is the part of a driver that a Stream needs.
type Watcher interface {
	// Watch is driver.Driver's.
	Watch(ctx context.Context, connected func(), handle func(driver.Event)) error
}

// Stream watches the events of a container engine for any number of controllers, over
// one connection. It is a manager.Runnable; SourceOf makes the sources.
//
// Events are hints. Each time the stream connects, every subscriber relists, since
// what happened before went unseen.
type Stream struct {
	watcher Watcher
	clock   clock.Clock
	log     logr.Logger

	mu          sync.Mutex
	connected   bool
	subscribers []subscriber
}

type subscriber struct {
	event  func(driver.Event)
	relist func()
}

// NewStream returns a stream that has yet to be started.
func NewStream(watcher Watcher, clk clock.Clock, log logr.Logger) *Stream {
	return &Stream{watcher: watcher, clock: clk, log: log}
}

// SourceOf returns a source that enqueues what event returns for each event, and what
// relist returns each time the stream connects. Neither may block for long: they run in
// the goroutine that reads the stream. Either may be nil. A relist that fails, for example since
// the cache it reads is not filled yet, is tried again with back-off.
func SourceOf[request comparable](
	s *Stream,
	event func(driver.Event) []request,
	relist func(context.Context) ([]request, error),
) source.TypedSource[request] {
	return source.TypedFunc[request](func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[request]) error {
		add := func(requests []request) {
			for _, r := range requests {
				queue.Add(r)
			}
		}
		sub := subscriber{
			event: func(e driver.Event) {
				if event != nil {
					add(event(e))
				}
			},
			relist: func() {
				if relist == nil {
					return
				}
				requests, err := relist(ctx)
				if err != nil {
					go s.retry(ctx, err, func() error {
						requests, err := relist(ctx)
						add(requests)
						return err
					})
					return
				}
				add(requests)
			},
		}
		if s.subscribe(sub) {
			go sub.relist() // It came too late for the connection that stands.
		}
		return nil
	})
}

// retry tries again what failed with err, until it succeeds or ctx ends.
func (s *Stream) retry(ctx context.Context, err error, try func() error) {
	for delay := reconnectFirst; err != nil; delay = min(2*delay, reconnectLongest) {
		s.log.Info("could not relist after the engine's event stream connected; trying again",
			"after", delay.String(), "cause", err.Error())
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(delay):
		}
		err = try()
	}
}

// subscribe reports whether the stream stands already.
func (s *Stream) subscribe(sub subscriber) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, sub)
	return s.connected
}

func (s *Stream) setConnected(connected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = connected
}

func (s *Stream) each(call func(subscriber)) {
	s.mu.Lock()
	subscribers := s.subscribers[:len(s.subscribers):len(s.subscribers)]
	s.mu.Unlock()
	for _, sub := range subscribers {
		call(sub)
	}
}

// Start watches until ctx ends, and reconnects whenever the engine ends the stream.
func (s *Stream) Start(ctx context.Context) error {
	delay := reconnectFirst
	for ctx.Err() == nil {
		began := s.clock.Now()
		err := s.watch(ctx)
		if ctx.Err() != nil {
			break
		}
		if s.clock.Since(began) >= reconnectLongest {
			delay = reconnectFirst
		}
		s.log.Info("the engine's event stream ended; reconnecting", "after", delay.String(), "cause", fmt.Sprint(err))
		select {
		case <-ctx.Done():
		case <-s.clock.After(delay):
		}
		delay = min(2*delay, reconnectLongest)
	}
	return nil
}

func (s *Stream) watch(ctx context.Context) error {
	defer s.setConnected(false)
	return s.watcher.Watch(ctx,
		func() {
			s.setConnected(true)
			s.each(func(sub subscriber) { sub.relist() })
		},
		func(e driver.Event) { s.each(func(sub subscriber) { sub.event(e) }) },
	)
}
