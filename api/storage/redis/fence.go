package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// standing is what this process relies on: a history (epoch) in one run of a Redis server (incarnation).
type standing struct {
	epoch       string
	incarnation string

	// generation counts the histories this process has lived through.
	generation int
}

// A fence stands between every call and a Redis that may not be the one we left. Normally it is settled and
// costs nothing. When a connection breaks, a new one reaches a restarted server, or a script finds another epoch, it is
// in doubt: calls wait while fence.lua decides whether all that this process has seen is still there, and
// fail at once while Redis cannot be asked.
type fence struct {
	mu      sync.Mutex
	settled bool
	failure error         // why the last attempt to settle failed
	changed chan struct{} // closed when settled or failure changes
	current standing

	// seen is the highest revision this process has seen in the current history.
	seen atomic.Int64

	kick chan struct{}
}

func newFence() *fence {
	return &fence{changed: make(chan struct{}), kick: make(chan struct{}, 1)}
}

// observe records that a revision of the current history has been seen.
func (f *fence) observe(revision int64) {
	for {
		seen := f.seen.Load()
		if revision <= seen || f.seen.CompareAndSwap(seen, revision) {
			return
		}
	}
}

// enter returns where the process stands. It waits while the fence is being settled and fails if that failed, so it
// returns within the time of one attempt.
func (f *fence) enter(ctx context.Context) (standing, error) {
	return f.wait(ctx, true)
}

// await is enter for those who would rather wait than fail.
func (f *fence) await(ctx context.Context) (standing, error) {
	return f.wait(ctx, false)
}

func (f *fence) wait(ctx context.Context, failing bool) (standing, error) {
	for {
		f.mu.Lock()
		settled, failure, changed, current := f.settled, f.failure, f.changed, f.current
		f.mu.Unlock()
		if settled {
			return current, nil
		}
		if failure != nil && (failing || errors.Is(failure, errClosed)) {
			return standing{}, unsettledError{failure}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return standing{}, unsettledError{ctx.Err()}
			}
			return standing{}, context.Cause(ctx)
		}
	}
}

// doubt unsettles the fence, unless whoever doubts has not seen it settled since: from is where they stood.
func (f *fence) doubt(from standing) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settled || from != f.current {
		return false // in doubt already, closed, or settled since
	}
	f.settled = false
	f.failure = nil
	f.announce()
	select {
	case f.kick <- struct{}{}:
	default:
	}
	return true
}

// fail records why the fence could not be settled.
func (f *fence) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !errors.Is(f.failure, errClosed) {
		f.failure = err
		f.announce()
	}
}

// settle lets everyone go on.
func (f *fence) settle(current standing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !errors.Is(f.failure, errClosed) {
		f.settled, f.failure, f.current = true, nil, current
		f.announce()
	}
}

// close lets nobody pass any more.
func (f *fence) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled, f.failure = false, errClosed
	f.announce()
}

// where returns where the process stood when the fence was last settled.
func (f *fence) where() standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// announce wakes everyone who waits for a change. The caller holds mu.
func (f *fence) announce() {
	close(f.changed)
	f.changed = make(chan struct{})
}

const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

// keepFenced settles the fence whenever it is in doubt, until ctx ends.
func (s *Store) keepFenced(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.fence.kick:
		}
		for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
			err := s.settleFence(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			s.fence.fail(err)
			s.log.Warn("Redis is not available", "error", err, "retryIn", delay)
			select {
			case <-ctx.Done():
				return
			case <-s.clock.After(delay):
			}
		}
	}
}

// settleFence asks Redis once whether it still is the one this process knows, and acts on the answer before anyone may
// go on. It uses one connection throughout, so that all of it happens in one incarnation.
func (s *Store) settleFence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	options := s.control
	client := goredis.NewClient(&options)
	defer client.Close()
	conn := client.Conn()
	defer conn.Close()

	known := s.fence.where()
	server, err := s.inspect(ctx, conn)
	if err != nil {
		return err
	}
	if server.incarnation != known.incarnation || known.epoch == "" {
		if err := server.check(s.log); err != nil {
			return err
		}
	}
	seen := s.fence.seen.Load()
	r, err := fenceScript.run(ctx, conn, s.keys,
		known.epoch, seen, server.incarnation, s.clock.Now().UnixMilli(), newEpoch(), s.config.InitialRevision)
	if err != nil {
		return fmt.Errorf("fencing: %w", err)
	}
	head, err := r.number(2)
	if err != nil {
		return err
	}
	compacted, err := r.number(3)
	if err != nil {
		return err
	}

	next := standing{epoch: r.text(1), incarnation: server.incarnation, generation: known.generation}
	switch r.status() {
	case "intact":
		s.fence.observe(head)
		s.hub.compactedTo(compacted)
		if known.epoch == "" {
			s.hub.restart(head, compacted)
		}
	case "lost":
		next.generation++
		s.fence.seen.Store(head)
		s.hub.restart(head, compacted)
		s.metrics.losses.Inc()
		s.log.Error("Redis has lost history this process had seen; all watches start over",
			"lastSeen", seen, "continuesAt", head)
	default:
		return r.malformed(0)
	}
	s.fence.settle(next)
	s.sweeper.wake()
	return nil
}

// admit is run on each new connection: one that reached another incarnation must not be used before that is fenced.
func (s *Store) admit(ctx context.Context, conn *goredis.Conn) error {
	where := s.fence.where()
	if where.incarnation == "" {
		return nil // Redis does not tell; the epoch and the revisions seen have to do.
	}
	found, err := incarnation(ctx, conn)
	if err != nil {
		return err
	}
	if found != where.incarnation {
		s.doubt(where, errIncarnation)
		return errIncarnation
	}
	return nil
}

// doubt makes everyone wait until the fence is settled again.
func (s *Store) doubt(from standing, reason error) {
	if s.fence.doubt(from) {
		s.metrics.doubts.Inc()
		s.log.Info("Checking that Redis still holds what this process has seen", "reason", reason)
	}
}

func newEpoch() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand.Read aborts the program instead
	return hex.EncodeToString(id[:])
}
