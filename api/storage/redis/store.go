package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
	"k8s.io/utils/clock"
)

// A Store is this process's connection to the objects in one Redis. All methods may be used concurrently.
type Store struct {
	config Config
	keys   layout
	clock  clock.WithTicker
	log    *slog.Logger

	client *goredis.Client // everything that must be behind the fence
	// control makes connections for the fence itself. Each gets a client of its own, since after a failed dial the
	// pool of a longer-lived one would not notice for a second that Redis is back.
	control goredis.Options

	fence     *fence
	hub       *hub
	sweeper   *sweeper
	metrics   *metrics
	attempts  atomic.Uint64
	tokenBase string

	stop      context.CancelCauseFunc
	running   sync.WaitGroup
	closeOnce sync.Once
}

// Open connects to Redis and returns a store that is ready, or says why it cannot be used: an [*UnsuitableError] if the
// server is configured in a way that would lose objects, otherwise what failed. It makes one attempt, bounded by
// Config.Timeout and ctx. The store works in the background until Close, whatever becomes of ctx.
func Open(ctx context.Context, config Config) (*Store, error) {
	config, err := config.complete()
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	options, err := config.clientOptions()
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	s := &Store{
		config:    config,
		keys:      newLayout(config.Prefix),
		clock:     config.Clock,
		log:       config.Logger.With("component", "store"),
		fence:     newFence(),
		tokenBase: newEpoch() + "-",
	}
	s.hub = newHub(s)
	s.sweeper = newSweeper(s)
	s.metrics, err = newMetrics(config.Registerer, s.hub)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}

	quietClient()
	s.control = *options
	options.OnConnect = s.admit
	s.client = goredis.NewClient(options)
	if err := s.settleFence(ctx); err != nil {
		s.metrics.unregister() // for the next attempt
		return nil, errors.Join(fmt.Errorf("opening the store: %w", err), s.closeClient())
	}

	background, stop := context.WithCancelCause(context.Background())
	s.stop = stop
	for _, work := range []func(context.Context){s.keepFenced, s.hub.read, s.hub.tick, s.sweeper.run, s.compactRegularly} {
		s.running.Go(func() { work(background) })
	}
	return s, nil
}

// Close ends all watches, stops the background work and closes the connections. Redis itself is left alone. It is safe
// to call more than once.
func (s *Store) Close() error {
	var err error
	s.closeOnce.Do(func() {
		s.stop(errClosed)
		s.fence.close()
		s.hub.close()
		err = s.closeClient()
		s.running.Wait()
		s.metrics.unregister()
	})
	return err
}

func (s *Store) closeClient() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("closing connections to Redis: %w", err)
	}
	return nil
}

// Ready reports whether Redis can be read now; the error is the one a request would get. Bounded by Config.Timeout.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.head(ctx)
	return err
}

// head returns the current revision.
func (s *Store) head(ctx context.Context) (int64, error) {
	r, err := s.query(ctx, getScript, "")
	if err != nil {
		return 0, err
	}
	return r.number(1)
}

// query runs a script that changes no object. Being harmless to repeat, it is tried again once if the connection broke
// or the epoch changed, after the fence has settled. Errors are what a client should see.
func (s *Store) query(ctx context.Context, what script, args ...any) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	var failure error
	for range 2 {
		where, err := s.fence.enter(ctx)
		if err != nil {
			return reply{}, asAPIError(err)
		}
		r, err := s.execute(ctx, what, where, args...)
		switch {
		case err == nil && r.status() != "epoch":
			if head, err := r.number(1); err == nil {
				s.fence.observe(head)
			}
			return r, nil
		case err == nil:
			failure = errEpoch
		case isUnavailable(err):
			failure = err
		default:
			return reply{}, asAPIError(err)
		}
		s.doubt(where, failure)
		if ctx.Err() != nil {
			break
		}
	}
	return reply{}, asAPIError(failure)
}

// execute runs a script once, in the epoch of where.
func (s *Store) execute(ctx context.Context, what script, where standing, args ...any) (reply, error) {
	defer s.metrics.timeScript(what.name, s.clock.Now(), s.clock)
	return what.run(ctx, s.client, s.keys, append([]any{where.epoch}, args...)...)
}

// quietClient keeps go-redis from writing to standard error, once for the process. It reports each failed dial there;
// we report what that means.
var quietClient = sync.OnceFunc(func() { goredis.SetLogger(clientLog{}) })

type clientLog struct{}

func (clientLog) Printf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, fmt.Sprintf(format, v...), "component", "go-redis")
}

// newToken names an attempt to mutate, uniquely among all processes.
func (s *Store) newToken() string {
	return s.tokenBase + strconv.FormatUint(s.attempts.Add(1), 36)
}
