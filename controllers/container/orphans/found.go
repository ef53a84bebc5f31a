package orphans

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// found is a suspect as the engine has it.
type found struct {
	id, instance                   string
	createdAt, startedAt, finished time.Time
	remove                         func(context.Context) error
}

// lived is for how long it ran; where it never did, for how long it has been there.
func (f *found) lived(now time.Time) time.Duration {
	from, to := f.createdAt, now
	if !f.startedAt.IsZero() {
		from = f.startedAt
	}
	if !f.finished.IsZero() {
		to = f.finished
	}
	return max(to.Sub(from), 0)
}

// find asks the engine for a suspect; nil if it is gone.
func (c *Controller) find(ctx context.Context, s suspect) (*found, error) {
	if s.kind != kindContainer {
		return c.findStray(ctx, s)
	}
	container, err := c.driver.Observe(ctx, s.owner.UID)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("observing the container: %w", err)
	}
	return &found{
		id: container.ID, instance: container.Instance, createdAt: container.CreatedAt, startedAt: container.StartedAt, finished: container.FinishedAt,
		remove: func(ctx context.Context) error { return c.driver.Remove(ctx, s.owner.UID) },
	}, nil
}

func (c *Controller) findStray(ctx context.Context, s suspect) (*found, error) {
	strays, err := c.driver.ListStrays(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing strays: %w", err)
	}
	for _, stray := range strays {
		if stray.Kind == s.kind && stray.ID == s.id {
			return &found{
				id: stray.ID, createdAt: stray.CreatedAt,
				remove: func(ctx context.Context) error { return c.driver.RemoveStray(ctx, stray) },
			}, nil
		}
	}
	return nil, nil
}
