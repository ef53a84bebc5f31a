package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// measured is how often the engine measures, on its clock.
const measured = time.Second

// Stats hands what the owner's container uses to handle: what SetCPUInUse and SetMemoryInUse say.
func (e *Engine) Stats(ctx context.Context, uid string, handle func(driver.Usage) error) error {
	if err := e.enter(ctx, OpStats, uid); err != nil {
		return err
	}
	e.mu.Lock()
	c, err := e.find(uid)
	e.mu.Unlock()
	if err != nil {
		return fmt.Errorf("fake %s: %w", OpStats, err)
	}
	timer := e.clock.NewTimer(measured)
	defer timer.Stop()
	for {
		e.mu.Lock()
		e.catchUp()
		runs := c.State == driver.StateRunning && e.containers[c.ID] == c
		changed := c.changed
		e.mu.Unlock()
		if !runs {
			return nil
		}
		select {
		case <-changed:
			continue
		case <-ctx.Done():
			return fmt.Errorf("fake %s: %w", OpStats, ctx.Err())
		case <-timer.C():
			timer.Reset(measured)
		}
		usage, runs := e.measure(c)
		if !runs {
			return nil
		}
		if err := handle(usage); err != nil {
			return fmt.Errorf("fake %s: handling usage: %w", OpStats, err)
		}
	}
}

// measure returns what a container uses, and reports whether it runs.
func (e *Engine) measure(c *container) (usage driver.Usage, runs bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.catchUp()
	nano, known := e.cpuInUse[c.Owner.UID]
	if !known && c.program.Busy {
		nano = c.Limits.MilliCPU * 1e6
	}
	return driver.Usage{
		At: e.clock.Now(), NanoCPU: nano, MemoryBytes: e.inUse[c.Owner.UID], Pids: 1, Limits: c.Limits,
	}, c.State == driver.StateRunning && e.containers[c.ID] == c
}
