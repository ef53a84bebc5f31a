package docker

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// stopSlack is how much longer than its grace a stop may take the engine.
const stopSlack = 15 * time.Second

// stops are the stops under way, by the engine's container ID.
type stops struct {
	mu       sync.Mutex
	underWay map[string]struct{}
	closed   bool
	done     sync.WaitGroup
}

// begin reports whether the caller is to stop the container; it then owes an end.
func (s *stops) begin(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.underWay[id]; ok || s.closed {
		return false
	}
	if s.underWay == nil {
		s.underWay = map[string]struct{}{}
	}
	s.underWay[id] = struct{}{}
	s.done.Add(1)
	return true
}

func (s *stops) end(id string) {
	s.mu.Lock()
	delete(s.underWay, id)
	s.mu.Unlock()
	s.done.Done()
}

// wait lets no further stop begin and returns when none is under way.
func (s *stops) wait() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.done.Wait()
}

// Stop asks the engine to end the owner's container and returns without waiting for the end.
// A container that is gone has ended, so that is no error either.
func (d *Driver) Stop(ctx context.Context, uid string, grace time.Duration) error {
	_, err := do(ctx, d, "stop", d.opts.Timeout, func(ctx context.Context) (struct{}, error) {
		found, err := d.find(ctx, uid)
		switch {
		case errors.Is(err, driver.ErrNotFound):
			return struct{}{}, nil
		case err != nil:
			return struct{}{}, err
		}
		if found.State.Running && d.stops.begin(found.ID) {
			go d.finishStop(uid, found.ID, grace)
		}
		return struct{}{}, nil
	})
	return err
}

// finishStop stays on the line until the container has ended. The engine's call blocks for the
// whole grace period, and there are engines (those with API 1.42) that give up a stop whose
// caller hung up, without ever sending SIGKILL. If we die before, the next reconcile asks again.
func (d *Driver) finishStop(uid, id string, grace time.Duration) {
	defer d.stops.end(id)
	ctx, cancel := context.WithTimeout(d.lifetime, grace+stopSlack)
	defer cancel()

	// Whole seconds, rounded up: a grace of half a second must not become none. The timeout is
	// always sent, because an engine without one waits for the container's own, or ten seconds;
	// the signal never is, because engines before API 1.42 refuse it and all know the image's.
	seconds := int(math.Ceil(max(grace, 0).Seconds()))
	err := d.cli.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) && d.lifetime.Err() == nil {
		d.log.Warn("stopping a container failed", "uid", uid, "container", id, "err", err)
	}
}
