package docker

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Kinds of driver.Stray.
const (
	strayNetwork = "network"
	strayVolume  = "volume"
)

// ListStrays returns the networks and volumes that bear an identity.
func (d *Driver) ListStrays(ctx context.Context) ([]driver.Stray, error) {
	return do(ctx, d, "list_strays", d.opts.Timeout, func(ctx context.Context) ([]driver.Stray, error) {
		labelled := filters.NewArgs(filters.Arg("label", driver.LabelUID))
		networks, err := d.cli.NetworkList(ctx, network.ListOptions{Filters: labelled})
		if err != nil {
			return nil, fmt.Errorf("listing networks: %w", err)
		}
		volumes, err := d.cli.VolumeList(ctx, volume.ListOptions{Filters: labelled})
		if err != nil {
			return nil, fmt.Errorf("listing volumes: %w", err)
		}

		var strays []driver.Stray
		for _, n := range networks {
			if owner, owned := driver.IdentityOf(n.Labels); owned {
				strays = append(strays, driver.Stray{Kind: strayNetwork, ID: n.ID, Owner: owner, CreatedAt: n.Created})
			}
		}
		for _, v := range volumes.Volumes {
			if owner, owned := driver.IdentityOf(v.Labels); owned {
				// A volume whose age is unknown counts as old.
				createdAt, _ := time.Parse(time.RFC3339Nano, v.CreatedAt)
				strays = append(strays, driver.Stray{Kind: strayVolume, ID: v.Name, Owner: owner, CreatedAt: createdAt})
			}
		}
		return strays, nil
	})
}

// RemoveStray removes a network or volume, if it still bears the identity of the stray.
func (d *Driver) RemoveStray(ctx context.Context, stray driver.Stray) error {
	_, err := do(ctx, d, "remove_stray", d.opts.Timeout, func(ctx context.Context) (struct{}, error) {
		labels, err := d.strayLabels(ctx, stray)
		if cerrdefs.IsNotFound(err) {
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, err
		}
		if owner, owned := driver.IdentityOf(labels); !owned || owner != stray.Owner {
			return struct{}{}, fmt.Errorf("%w: %s %s is not the stray that was listed", driver.ErrConflict, stray.Kind, stray.ID)
		}
		if stray.Kind == strayNetwork {
			err = d.cli.NetworkRemove(ctx, stray.ID)
		} else {
			err = d.cli.VolumeRemove(ctx, stray.ID, false)
		}
		if cerrdefs.IsNotFound(err) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

func (d *Driver) strayLabels(ctx context.Context, stray driver.Stray) (map[string]string, error) {
	switch stray.Kind {
	case strayNetwork:
		n, err := d.cli.NetworkInspect(ctx, stray.ID, network.InspectOptions{})
		return n.Labels, err
	case strayVolume:
		v, err := d.cli.VolumeInspect(ctx, stray.ID)
		return v.Labels, err
	}
	return nil, fmt.Errorf("%w: unknown kind of stray %q", driver.ErrInvalid, stray.Kind)
}
