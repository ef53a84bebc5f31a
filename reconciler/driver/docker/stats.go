package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Stats hands what the owner's container uses to handle. It runs in the caller's goroutine alone.
func (d *Driver) Stats(ctx context.Context, uid string, handle func(driver.Usage) error) error {
	started := time.Now()
	err := d.stats(ctx, uid, handle)
	return d.finish("stats", started, endedBy(ctx, err))
}

func (d *Driver) stats(ctx context.Context, uid string, handle func(driver.Usage) error) error {
	found, err := d.inspect(ctx, uid)
	if err != nil {
		return err
	}
	if !found.State.Running {
		return nil
	}
	stream, err := d.open(ctx, func(ctx context.Context) (io.ReadCloser, error) {
		resp, err := d.cli.ContainerStats(ctx, found.ID, true)
		return resp.Body, err
	})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()

	// The engine measures every second: a longer silence is its own.
	decoder := json.NewDecoder(stream.timed(d.opts.Timeout))
	var before container.StatsResponse
	for {
		var now container.StatsResponse
		readErr := decoder.Decode(&now)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return stream.cause(fmt.Errorf("reading usage: %w", readErr))
		}
		// The engine goes on to send empty measurements when the container has ended. It says the limits nowhere else.
		limits, runs, err := d.limitsInForce(ctx, uid, found.ID)
		switch {
		case err != nil:
			return err
		case !runs:
			return nil
		case readErr != nil:
			return fmt.Errorf("reading usage: %w", io.ErrUnexpectedEOF)
		}
		if usage, ok := usageOf(before, now); ok {
			usage.Limits = limits
			if err := handle(usage); err != nil {
				// The reader's failure, not the engine's, whatever kind of error it is.
				return fmt.Errorf("%w: handling usage: %w", errUnclassified, err)
			}
		}
		before = now
	}
}

// limitsInForce returns the limits of the owner's container, and reports whether it is the one with this engine ID,
// and runs.
func (d *Driver) limitsInForce(ctx context.Context, uid, id string) (limits driver.Limits, runs bool, err error) {
	found, err := d.inspect(ctx, uid)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return driver.Limits{}, false, nil
	case err != nil:
		return driver.Limits{}, false, err
	}
	return limitsOf(found.HostConfig.Resources), found.ID == id && found.State.Running, nil
}
