package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Observe returns the container of an owner as the engine describes it now.
func (d *Driver) Observe(ctx context.Context, uid string) (*driver.Container, error) {
	return do(ctx, d, "observe", d.opts.Timeout, func(ctx context.Context) (*driver.Container, error) {
		found, err := d.find(ctx, uid)
		if err != nil {
			return nil, err
		}
		return d.describe(ctx, found)
	})
}

// List returns every owned container with one call to the engine.
func (d *Driver) List(ctx context.Context) ([]driver.Container, error) {
	return do(ctx, d, "list", d.opts.Timeout, func(ctx context.Context) ([]driver.Container, error) {
		summaries, err := d.cli.ContainerList(ctx, container.ListOptions{
			All:     true,
			Filters: filters.NewArgs(filters.Arg("label", driver.LabelUID)),
		})
		if err != nil {
			return nil, err
		}
		containers := make([]driver.Container, 0, len(summaries))
		for _, summary := range summaries {
			owner, owned := driver.IdentityOf(summary.Labels)
			if !owned {
				continue
			}
			listed := driver.Container{
				ID:        summary.ID,
				Owner:     owner,
				Instance:  summary.Labels[driver.LabelInstance],
				State:     stateOf(summary.State),
				CreatedAt: time.Unix(summary.Created, 0),
			}
			if len(summary.Names) > 0 {
				listed.Name = trimSlash(summary.Names[0])
			}
			containers = append(containers, listed)
		}
		return containers, nil
	})
}

// find inspects the container of the owner with this UID. Whoever changes a container goes
// through it, and acts on the engine's ID that it returned: so the labels of the very
// container that is changed have been read.
func (d *Driver) find(ctx context.Context, uid string) (container.InspectResponse, error) {
	if !driver.ValidUID(uid) {
		return container.InspectResponse{}, fmt.Errorf("%w: UID %q", driver.ErrInvalid, uid)
	}
	inspected, err := d.cli.ContainerInspect(ctx, driver.ContainerName(uid))
	switch {
	case err == nil && ownedBy(inspected, uid):
		return inspected, nil
	case err != nil && !cerrdefs.IsNotFound(err):
		return container.InspectResponse{}, err
	}

	// Somebody may have renamed it: the labels, which can't change, decide.
	summaries, err := d.cli.ContainerList(ctx, container.ListOptions{
		All:     true,
		Filters: filters.NewArgs(filters.Arg("label", driver.LabelUID+"="+uid)),
	})
	if err != nil {
		return container.InspectResponse{}, err
	}
	for _, summary := range summaries {
		inspected, err := d.cli.ContainerInspect(ctx, summary.ID)
		switch {
		case err == nil && ownedBy(inspected, uid):
			return inspected, nil
		case err != nil && !cerrdefs.IsNotFound(err):
			return container.InspectResponse{}, err
		}
	}
	return container.InspectResponse{}, fmt.Errorf("%w: no container of %s", driver.ErrNotFound, uid)
}

// inspect is find as an operation of its own, for those that last longer.
func (d *Driver) inspect(ctx context.Context, uid string) (container.InspectResponse, error) {
	return do(ctx, d, "observe", d.opts.Timeout, func(ctx context.Context) (container.InspectResponse, error) {
		return d.find(ctx, uid)
	})
}

func ownedBy(inspected container.InspectResponse, uid string) bool {
	if inspected.Config == nil {
		return false
	}
	owner, owned := driver.IdentityOf(inspected.Config.Labels)
	return owned && owner.UID == uid
}

// describe translates an inspection.
func (d *Driver) describe(ctx context.Context, in container.InspectResponse) (*driver.Container, error) {
	owner, _ := driver.IdentityOf(in.Config.Labels)
	createdAt, err := parseTime(in.Created)
	if err != nil {
		return nil, fmt.Errorf("created at: %w", err)
	}
	engine, err := d.engineName(ctx)
	if err != nil {
		return nil, err
	}
	c := &driver.Container{
		ID:          in.ID,
		Name:        trimSlash(in.Name),
		Owner:       owner,
		Engine:      engine,
		Instance:    in.Config.Labels[driver.LabelInstance],
		Image:       in.Config.Image,
		ImageDigest: d.digestOf(ctx, in.Image, in.Config.Image),
		State:       stateOf(in.State.Status),
		CreatedAt:   createdAt,
		ExitCode:    in.State.ExitCode,
		OOMKilled:   in.State.OOMKilled,
		Error:       in.State.Error,
		Limits:      limitsOf(in.HostConfig.Resources),
		Ports:       portsOf(in),
		TTY:         in.Config.Tty,
	}
	if c.StartedAt, err = parseTime(in.State.StartedAt); err != nil {
		return nil, fmt.Errorf("started at: %w", err)
	}
	// Between runs the engine keeps the end of the last one, also while the next is under way.
	if c.State == driver.StateExited || c.State == driver.StateRemoving {
		if c.FinishedAt, err = parseTime(in.State.FinishedAt); err != nil {
			return nil, fmt.Errorf("finished at: %w", err)
		}
		// The engine writes a start down after it happened: a process that ended within
		// that millisecond would have run for less than nothing.
		if !c.FinishedAt.IsZero() && c.FinishedAt.Before(c.StartedAt) {
			c.FinishedAt = c.StartedAt
		}
	}
	if c.State == driver.StateRunning {
		c.ExitCode, c.OOMKilled = 0, false
	}
	return c, nil
}

func stateOf(status container.ContainerState) driver.State {
	switch status {
	case container.StateCreated:
		return driver.StateCreated
	case container.StateRunning, container.StatePaused, container.StateRestarting:
		return driver.StateRunning
	case container.StateRemoving, container.StateDead:
		return driver.StateRemoving
	}
	return driver.StateExited
}

// limitsOf reads the limits in force. Quota and period count where somebody set them directly.
func limitsOf(r container.Resources) driver.Limits {
	limits := driver.Limits{MilliCPU: r.NanoCPUs / 1e6, MemoryBytes: r.Memory}
	if r.NanoCPUs == 0 && r.CPUQuota > 0 {
		limits.MilliCPU = r.CPUQuota * 1000 / cmp.Or(r.CPUPeriod, 100_000)
	}
	return limits
}

func portsOf(in container.InspectResponse) []driver.Port {
	if in.NetworkSettings == nil {
		return nil
	}
	var ports []driver.Port
	for port, bindings := range in.NetworkSettings.Ports {
		for _, binding := range bindings {
			hostPort, err := strconv.ParseInt(binding.HostPort, 10, 32)
			if err != nil {
				continue
			}
			ports = append(ports, driver.Port{
				ContainerPort: int32(port.Int()),
				Protocol:      port.Proto(),
				HostIP:        binding.HostIP,
				HostPort:      int32(hostPort),
			})
		}
	}
	slices.SortFunc(ports, func(a, b driver.Port) int {
		return cmp.Or(cmp.Compare(a.ContainerPort, b.ContainerPort), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.HostPort, b.HostPort))
	})
	return ports
}

// parseTime reads an engine's time; its "0001-01-01T00:00:00Z" for "never" is our zero.
func parseTime(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || t.IsZero() {
		return time.Time{}, err
	}
	return t, nil
}

func trimSlash(name string) string {
	if len(name) > 0 && name[0] == '/' {
		return name[1:]
	}
	return name
}
