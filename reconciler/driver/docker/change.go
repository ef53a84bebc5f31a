package docker

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Start starts the container of an owner.
func (d *Driver) Start(ctx context.Context, uid string) error {
	_, err := do(ctx, d, "start", d.opts.SlowTimeout, func(ctx context.Context) (struct{}, error) {
		found, err := d.find(ctx, uid)
		if err != nil {
			return struct{}{}, err
		}
		if found.State.Running {
			return struct{}{}, nil
		}
		if string(found.HostConfig.NetworkMode) == d.isolatedNetwork {
			if err := d.ensureIsolation(ctx); err != nil {
				return struct{}{}, err
			}
		}
		err = d.cli.ContainerStart(ctx, found.ID, container.StartOptions{})
		if cerrdefs.IsNotFound(err) {
			// The container, or its network: a network that vanished is made anew next time.
			d.isolation.forget()
			if _, findErr := d.find(ctx, uid); findErr != nil {
				return struct{}{}, findErr
			}
			err = fmt.Errorf("%w: %w", errUnclassified, err)
		}
		return struct{}{}, refused(err)
	})
	return err
}

// Resize changes the limits of the owner's container in place.
func (d *Driver) Resize(ctx context.Context, uid string, limits driver.Limits) error {
	_, err := do(ctx, d, "resize", d.opts.Timeout, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, d.resize(ctx, uid, limits)
	})
	return err
}

func (d *Driver) resize(ctx context.Context, uid string, limits driver.Limits) error {
	if limits.MilliCPU <= 0 || limits.MemoryBytes <= 0 {
		return fmt.Errorf("%w: %+v are no limits", driver.ErrInvalid, limits)
	}
	found, err := d.find(ctx, uid)
	if err != nil {
		return err
	}
	want, have := resourcesFor(limits), found.HostConfig.Resources
	if have.NanoCPUs == want.NanoCPUs && have.Memory == want.Memory && have.MemorySwap == want.MemorySwap {
		return nil // an update that changes nothing would still be an event
	}
	shrinks := found.State.Running && want.Memory < have.Memory
	if shrinks {
		// A kernel with cgroup v2 takes the smaller limit and kills processes until it fits.
		if err := d.fits(ctx, found.ID, want.Memory); err != nil {
			return err
		}
	}
	_, err = d.cli.ContainerUpdate(ctx, found.ID, container.UpdateConfig{Resources: want})
	if err != nil && shrinks && !unavailable(err) {
		// One with cgroup v1 refuses, which the engine reports like a breakdown.
		return errors.Join(d.fits(ctx, found.ID, want.Memory), err)
	}
	return err
}

// fits fails with ErrInvalid if a running container uses more memory than bytes, page cache that
// the kernel can drop left out.
func (d *Driver) fits(ctx context.Context, id string, bytes int64) error {
	resp, err := d.cli.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return fmt.Errorf("reading memory in use: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	memory, err := decodeMemory(resp.Body)
	if err != nil {
		return fmt.Errorf("reading memory in use: %w", err)
	}
	if used := workingSet(memory); used > uint64(bytes) {
		return fmt.Errorf("%w: %d bytes of memory are in use, more than %d", driver.ErrInvalid, used, bytes)
	}
	return nil
}

// Remove removes the owner's container and its anonymous volumes.
func (d *Driver) Remove(ctx context.Context, uid string) error {
	_, err := do(ctx, d, "remove", d.opts.SlowTimeout, func(ctx context.Context) (struct{}, error) {
		found, err := d.find(ctx, uid)
		switch {
		case errors.Is(err, driver.ErrNotFound):
			return struct{}{}, nil
		case err != nil:
			return struct{}{}, err
		}
		return struct{}{}, d.remove(ctx, found.ID)
	})
	return err
}

// remove is nil if the container is gone, or about to be: the engine calls a removal that is
// under way a conflict.
func (d *Driver) remove(ctx context.Context, id string) error {
	err := d.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) {
		return nil
	}
	return err
}
