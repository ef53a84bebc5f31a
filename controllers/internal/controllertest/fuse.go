package controllertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

// errPowerCut is what a blown fuse panics with: nothing of the controllers goes on after it.
var errPowerCut = errors.New("power cut")

// Fuse counts the calls that controllers make to the API and to the engine. It blows once, after
// the effect of the call it is set to. A cut before a call, or around one that only reads,
// leaves the same world as a cut after the effect before it.
type Fuse struct {
	// Check, if set, is called before each call, to assert what must hold then.
	Check func(call string, obj client.Object)

	mu              sync.Mutex
	effects, writes int
	blowAt          int
}

// effect says what a call can do.
type effect int

const (
	reads effect = iota
	// asks can change the world, but asking again changes nothing more.
	asks
	writes
)

// BlowAt sets the fuse to the n-th call from now that has an effect, counted from 1; 0 never
// blows.
func (f *Fuse) BlowAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.effects, f.blowAt = 0, n
}

// Effects returns how many calls had an effect since the fuse was last set.
func (f *Fuse) Effects() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.effects
}

// Writes returns how many calls were made, in all, after which the world is not at rest.
func (f *Fuse) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

func (f *Fuse) call(name string, obj client.Object, kind effect, do func()) {
	if f.Check != nil {
		f.Check(name, obj)
	}
	do()
	if kind == reads {
		return
	}
	f.mu.Lock()
	f.effects++
	if kind == writes {
		f.writes++
	}
	blow := f.effects == f.blowAt
	f.mu.Unlock()
	if blow {
		panic(errPowerCut)
	}
}

// client returns a client whose calls go through the fuse.
func (f *Fuse) client(inner client.Client) client.Client {
	watcher, ok := inner.(client.WithWatch)
	if !ok {
		panic("the client in memory can watch")
	}
	return interceptor.NewClient(watcher, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) (err error) {
			f.call("Get", obj, reads, func() { err = c.Get(ctx, key, obj, opts...) })
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) (err error) {
			f.call("Create", obj, writes, func() { err = c.Create(ctx, obj, opts...) })
			return err
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) (err error) {
			f.call("Delete", obj, writes, func() { err = c.Delete(ctx, obj, opts...) })
			return err
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) (err error) {
			f.call("Patch", obj, writes, func() { err = c.Patch(ctx, obj, patch, opts...) })
			return err
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) (err error) {
			f.call("PatchStatus", obj, writes, func() { err = c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
			return err
		},
	})
}

// fusedDriver is the engine behind the fuse. Its calls are named "engine.Stop" and so on.
type fusedDriver struct {
	*fake.Engine
	fuse *Fuse
}

func (d *fusedDriver) Observe(ctx context.Context, uid string) (c *driver.Container, err error) {
	d.fuse.call("engine.Observe", nil, reads, func() { c, err = d.Engine.Observe(ctx, uid) })
	return c, err
}

func (d *fusedDriver) ImageExists(ctx context.Context, ref string) (i *driver.Image, err error) {
	d.fuse.call("engine.ImageExists", nil, reads, func() { i, err = d.Engine.ImageExists(ctx, ref) })
	return i, err
}

func (d *fusedDriver) Create(ctx context.Context, spec driver.ContainerSpec) (c *driver.Container, err error) {
	d.fuse.call("engine.Create", nil, writes, func() { c, err = d.Engine.Create(ctx, spec) })
	return c, err
}

func (d *fusedDriver) Start(ctx context.Context, uid string) (err error) {
	d.fuse.call("engine.Start", nil, writes, func() { err = d.Engine.Start(ctx, uid) })
	return err
}

func (d *fusedDriver) Resize(ctx context.Context, uid string, limits driver.Limits) (err error) {
	d.fuse.call("engine.Resize", nil, writes, func() { err = d.Engine.Resize(ctx, uid, limits) })
	return err
}

func (d *fusedDriver) Stop(ctx context.Context, uid string, grace time.Duration) (err error) {
	d.fuse.call("engine.Stop", nil, asks, func() { err = d.Engine.Stop(ctx, uid, grace) })
	return err
}

func (d *fusedDriver) Remove(ctx context.Context, uid string) (err error) {
	d.fuse.call("engine.Remove", nil, writes, func() { err = d.Engine.Remove(ctx, uid) })
	return err
}
