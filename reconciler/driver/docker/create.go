package docker

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Create makes the container of an owner, or adopts the one there is.
func (d *Driver) Create(ctx context.Context, spec driver.ContainerSpec) (*driver.Container, error) {
	return do(ctx, d, "create", d.opts.SlowTimeout, func(ctx context.Context) (*driver.Container, error) {
		if err := spec.Validate(); err != nil {
			return nil, err
		}
		if err := d.ensureSeccomp(ctx); err != nil {
			return nil, err
		}
		existing, err := d.find(ctx, spec.Owner.UID)
		switch {
		case err == nil:
			adopted, err := d.adopt(ctx, spec, existing)
			if adopted != nil || err != nil {
				return adopted, err
			}
		case !errors.Is(err, driver.ErrNotFound):
			return nil, err
		}
		if spec.Network == driver.NetworkIsolated {
			if err := d.ensureIsolation(ctx); err != nil {
				return nil, err
			}
		}
		return d.create(ctx, spec)
	})
}

// adopt returns the container that is there already. One that never ran may come from a
// Create that didn't live to verify it: it is verified now, and if it isn't what is asked,
// removed (adopt then returns nil) rather than started unconfined.
func (d *Driver) adopt(ctx context.Context, spec driver.ContainerSpec, existing container.InspectResponse) (*driver.Container, error) {
	if owner, _ := driver.IdentityOf(existing.Config.Labels); owner != spec.Owner {
		return nil, fmt.Errorf("%w: container %s is owned by %s/%s", driver.ErrConflict, existing.ID, owner.Namespace, owner.Name)
	}
	if stateOf(existing.State.Status) == driver.StateCreated {
		want := d.newRequest(spec, existing.HostConfig.CgroupnsMode)
		if verify(want, existing) != nil {
			return nil, d.remove(ctx, existing.ID)
		}
	}
	return d.describe(ctx, existing)
}

func (d *Driver) create(ctx context.Context, spec driver.ContainerSpec) (*driver.Container, error) {
	want, id, err := d.ask(ctx, spec)
	if cerrdefs.IsConflict(err) {
		return d.adoptName(ctx, spec, err)
	}
	if err != nil {
		return nil, err
	}

	got, err := d.cli.ContainerInspect(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := verify(want, got); err != nil {
		// Not with ctx: the caller may be gone, and what is wrong must not stay.
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.opts.SlowTimeout)
		defer cancel()
		return nil, errors.Join(err, d.remove(cleanup, id))
	}
	return d.describe(ctx, got)
}

// adoptName finds out whose container has the name that conflict says is taken.
func (d *Driver) adoptName(ctx context.Context, spec driver.ContainerSpec, conflict error) (*driver.Container, error) {
	existing, err := d.find(ctx, spec.Owner.UID)
	switch {
	case err == nil:
		adopted, err := d.adopt(ctx, spec, existing)
		if adopted == nil && err == nil {
			err = fmt.Errorf("%w: removed an unverified container of %s; create it again", errUnclassified, spec.Owner.UID)
		}
		return adopted, err
	case !errors.Is(err, driver.ErrNotFound):
		return nil, err
	}

	taken, err := d.cli.ContainerInspect(ctx, driver.ContainerName(spec.Owner.UID))
	switch {
	case cerrdefs.IsNotFound(err), err == nil && ownedBy(taken, spec.Owner.UID):
		// The engine reserves a name before it shows the container: another of us is
		// creating it this moment, or it was just removed.
		return nil, fmt.Errorf("%w: %s is being created or removed; ask again: %w", errUnclassified, spec.Owner.UID, conflict)
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", driver.ErrConflict, conflict)
}

// ask sends the request. Hosts with cgroup v1 may lack cgroup namespaces, and nothing but the
// refusal says so; such a host is asked again without.
func (d *Driver) ask(ctx context.Context, spec driver.ContainerSpec) (request, string, error) {
	mode := container.CgroupnsModePrivate
	if d.noCgroupns.Load() {
		mode = container.CgroupnsModeEmpty
	}
	want := d.newRequest(spec, mode)
	id, err := d.send(ctx, want, spec)
	if mode == container.CgroupnsModePrivate && cerrdefs.IsInvalidArgument(err) {
		without := d.newRequest(spec, container.CgroupnsModeEmpty)
		if id, retryErr := d.send(ctx, without, spec); retryErr == nil {
			d.noCgroupns.Store(true)
			return without, id, nil
		}
	}
	return want, id, err
}

func (d *Driver) send(ctx context.Context, r request, spec driver.ContainerSpec) (string, error) {
	created, err := d.cli.ContainerCreate(ctx, r.config, r.host, nil, nil, driver.ContainerName(spec.Owner.UID))
	return created.ID, refused(err)
}
