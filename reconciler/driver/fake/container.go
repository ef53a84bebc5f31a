package fake

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Exit codes of processes that a signal ended.
const (
	exitKilled     = 137
	exitTerminated = 143
	exitUnknown    = 255
)

type container struct {
	driver.Container

	owned   bool
	labels  map[string]string
	program Program
	// killAt is when a stop that is under way kills; zero if none is.
	killAt time.Time
	// stopped is closed when the run that a stop is ending has ended.
	stopped chan struct{}
	lines   []line
	// changed is closed, and made anew, when lines or the state change.
	changed chan struct{}
}

func (c *container) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// describe returns a copy that shares nothing.
func (c *container) describe() *driver.Container {
	described := c.Container
	described.Ports = slices.Clone(c.Ports)
	if c.State != driver.StateRunning {
		described.Ports = nil
	}
	return &described
}

// find returns the container of the owner with this UID.
func (e *Engine) find(uid string) (*container, error) {
	if !driver.ValidUID(uid) {
		return nil, fmt.Errorf("%w: UID %q", driver.ErrInvalid, uid)
	}
	for _, c := range e.containers {
		if c.owned && c.Owner.UID == uid {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: no container of %s", driver.ErrNotFound, uid)
}

func (e *Engine) named(name string) *container {
	for _, c := range e.containers {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Observe returns the container of an owner.
func (e *Engine) Observe(ctx context.Context, uid string) (*driver.Container, error) {
	return call(ctx, e, OpObserve, uid, func() (*driver.Container, error) {
		c, err := e.find(uid)
		if err != nil {
			return nil, err
		}
		return c.describe(), nil
	})
}

// List returns every owned container.
func (e *Engine) List(ctx context.Context) ([]driver.Container, error) {
	return call(ctx, e, OpList, "", func() ([]driver.Container, error) {
		listed := []driver.Container{}
		for _, c := range e.containers {
			if c.owned {
				listed = append(listed, driver.Container{
					ID: c.ID, Name: c.Name, Owner: c.Owner, State: c.State, CreatedAt: c.CreatedAt.Truncate(time.Second),
				})
			}
		}
		slices.SortFunc(listed, func(a, b driver.Container) int { return cmp.Compare(a.ID, b.ID) })
		return listed, nil
	})
}

// Create makes the container of an owner, or adopts the one there is.
func (e *Engine) Create(ctx context.Context, spec driver.ContainerSpec) (*driver.Container, error) {
	return call(ctx, e, OpCreate, spec.Owner.UID, func() (*driver.Container, error) {
		if err := spec.Validate(); err != nil {
			return nil, err
		}
		if existing, err := e.find(spec.Owner.UID); err == nil {
			if existing.Owner != spec.Owner {
				return nil, fmt.Errorf("%w: container %s is owned by %s/%s", driver.ErrConflict, existing.ID, existing.Owner.Namespace, existing.Owner.Name)
			}
			return existing.describe(), nil
		}
		if other := e.named(driver.ContainerName(spec.Owner.UID)); other != nil {
			return nil, fmt.Errorf("%w: the name is taken by container %s", driver.ErrConflict, other.ID)
		}
		image, err := e.image(spec.Image)
		if err != nil {
			return nil, err
		}
		c := e.add(driver.ContainerName(spec.Owner.UID), spec.Owner.Labels())
		c.Image, c.ImageDigest = spec.Image, image.Digest
		c.Limits, c.TTY = spec.Limits, spec.TTY
		c.program = e.programOf(spec.Command)
		for _, port := range spec.Ports {
			port.HostIP, port.HostPort = "127.0.0.1", e.nextPort
			e.nextPort++
			c.Ports = append(c.Ports, port)
		}
		e.emit(c, "create")
		return c.describe(), nil
	})
}

// add makes a container of any owner, or none.
func (e *Engine) add(name string, labels map[string]string) *container {
	e.nextID++
	c := &container{changed: make(chan struct{}), labels: labels}
	c.ID = fmt.Sprintf("%064x", e.nextID)
	c.Name = name
	c.State = driver.StateCreated
	c.CreatedAt = e.clock.Now()
	c.Owner, c.owned = driver.IdentityOf(labels)
	c.Engine = e.info.Name
	c.Instance = labels[driver.LabelInstance]
	e.containers[c.ID] = c
	return c
}

// Start starts the container of an owner.
func (e *Engine) Start(ctx context.Context, uid string) error {
	_, err := call(ctx, e, OpStart, uid, func() (struct{}, error) {
		c, err := e.find(uid)
		if err != nil {
			return struct{}{}, err
		}
		if c.State == driver.StateRunning {
			return struct{}{}, nil
		}
		if err := e.broken[uid]; err != nil {
			c.Error = err.Error()
			return struct{}{}, err
		}
		e.start(c)
		return struct{}{}, nil
	})
	return err
}

func (e *Engine) start(c *container) {
	c.State, c.StartedAt, c.FinishedAt = driver.StateRunning, e.clock.Now(), time.Time{}
	c.ExitCode, c.OOMKilled, c.Error, c.killAt = 0, false, "", time.Time{}
	e.emit(c, "start")
	for _, text := range c.program.Stdout {
		e.write(c, text, false)
	}
	for _, text := range c.program.Stderr {
		e.write(c, text, true)
	}
	c.notify()
	if c.program.Exits {
		e.exit(c, c.program.ExitCode, e.clock.Now())
	}
}

// Resize changes the limits of the owner's container.
func (e *Engine) Resize(ctx context.Context, uid string, limits driver.Limits) error {
	_, err := call(ctx, e, OpResize, uid, func() (struct{}, error) {
		if limits.MilliCPU <= 0 || limits.MemoryBytes <= 0 {
			return struct{}{}, fmt.Errorf("%w: %+v are no limits", driver.ErrInvalid, limits)
		}
		c, err := e.find(uid)
		if err != nil {
			return struct{}{}, err
		}
		if c.State == driver.StateRunning && e.inUse[uid] > limits.MemoryBytes {
			return struct{}{}, fmt.Errorf("%w: %d bytes of memory are in use, more than %d", driver.ErrInvalid, e.inUse[uid], limits.MemoryBytes)
		}
		if c.Limits != limits {
			c.Limits = limits
			e.emit(c, "update")
		}
		return struct{}{}, nil
	})
	return err
}

// Stop ends the owner's container: at once, or after grace if it ignores SIGTERM.
func (e *Engine) Stop(ctx context.Context, uid string, grace time.Duration) error {
	_, err := call(ctx, e, OpStop, uid, func() (struct{}, error) {
		c, err := e.find(uid)
		if err != nil || c.State != driver.StateRunning || !c.killAt.IsZero() {
			return struct{}{}, ignoreNotFound(err)
		}
		if !c.program.IgnoreTerm && !e.ignoring[uid] {
			e.exit(c, exitTerminated, e.clock.Now())
			return struct{}{}, nil
		}
		// Engines count grace in whole seconds.
		wait := time.Duration(math.Ceil(max(grace, 0).Seconds())) * time.Second
		c.killAt = e.clock.Now().Add(wait)
		c.stopped = make(chan struct{})
		e.timers.Add(1)
		go e.killLater(wait, c.stopped)
		return struct{}{}, nil
	})
	return err
}

// killLater makes the end of a grace period happen though nobody calls, so that watchers learn of
// it. Calls that come first don't depend on it: they catch up themselves.
func (e *Engine) killLater(wait time.Duration, stopped <-chan struct{}) {
	defer e.timers.Done()
	timer := e.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-stopped:
		return
	case <-e.closed:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.catchUp()
}

// catchUp kills what should have been killed by now.
func (e *Engine) catchUp() {
	now := e.clock.Now()
	for _, c := range e.containers {
		if c.State == driver.StateRunning && !c.killAt.IsZero() && !now.Before(c.killAt) {
			e.exit(c, exitKilled, c.killAt)
		}
	}
}

// exit ends a run.
func (e *Engine) exit(c *container, code int, at time.Time) {
	c.State, c.FinishedAt, c.ExitCode, c.killAt = driver.StateExited, at, code, time.Time{}
	if c.stopped != nil {
		close(c.stopped)
		c.stopped = nil
	}
	e.exits[c.ID] = append(e.exits[c.ID], driver.Exit{At: at, ExitCode: code})
	e.emit(c, "die")
	c.notify()
}

// Remove removes the owner's container, killing it if it runs.
func (e *Engine) Remove(ctx context.Context, uid string) error {
	_, err := call(ctx, e, OpRemove, uid, func() (struct{}, error) {
		c, err := e.find(uid)
		if err != nil {
			return struct{}{}, ignoreNotFound(err)
		}
		e.remove(c)
		return struct{}{}, nil
	})
	return err
}

func (e *Engine) remove(c *container) {
	if c.State == driver.StateRunning {
		e.exit(c, exitKilled, e.clock.Now())
	}
	delete(e.containers, c.ID)
	e.emit(c, "destroy")
	c.notify()
}

// LastExit returns the last exit of a container since a time.
func (e *Engine) LastExit(ctx context.Context, containerID string, since time.Time) (*driver.Exit, error) {
	return call(ctx, e, OpLastExit, containerID, func() (*driver.Exit, error) {
		for _, exit := range slices.Backward(e.exits[containerID]) {
			if !exit.At.Before(since) {
				return &exit, nil
			}
		}
		return nil, fmt.Errorf("%w: no exit of %s", driver.ErrNotFound, containerID)
	})
}
