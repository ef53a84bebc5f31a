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

// Fuse counts the calls that controllers make to the API and to the engine. It blows once, at the
// call it is set to: before the call has its effect, or after it.
type Fuse struct {
	// Check, if set, is called before each call, to assert what must hold then.
	Check func(call string, obj client.Object)

	mu            sync.Mutex
	calls, writes int
	blowAt        int
	after         bool
}

// BlowAt sets the fuse to the n-th call from now, counted from 1.
func (f *Fuse) BlowAt(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.blowAt, f.after = 0, n, after
}

// Calls returns how many calls were made since the fuse was last set.
func (f *Fuse) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Writes returns how many calls were made, in all, that could change something.
func (f *Fuse) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

func (f *Fuse) call(name string, obj client.Object, writes bool, effect func()) {
	if f.Check != nil {
		f.Check(name, obj)
	}
	f.mu.Lock()
	f.calls++
	if writes {
		f.writes++
	}
	blow, after := f.calls == f.blowAt, f.after
	f.mu.Unlock()
	if blow && !after {
		panic(errPowerCut)
	}
	effect()
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
			f.call("Get", obj, false, func() { err = c.Get(ctx, key, obj, opts...) })
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) (err error) {
			f.call("Create", obj, true, func() { err = c.Create(ctx, obj, opts...) })
			return err
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) (err error) {
			f.call("Delete", obj, true, func() { err = c.Delete(ctx, obj, opts...) })
			return err
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) (err error) {
			f.call("Patch", obj, true, func() { err = c.Patch(ctx, obj, patch, opts...) })
			return err
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) (err error) {
			f.call("PatchStatus", obj, true, func() { err = c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
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
	d.fuse.call("engine.Observe", nil, false, func() { c, err = d.Engine.Observe(ctx, uid) })
	return c, err
}

func (d *fusedDriver) ImageExists(ctx context.Context, ref string) (i *driver.Image, err error) {
	d.fuse.call("engine.ImageExists", nil, false, func() { i, err = d.Engine.ImageExists(ctx, ref) })
	return i, err
}

func (d *fusedDriver) Create(ctx context.Context, spec driver.ContainerSpec) (c *driver.Container, err error) {
	d.fuse.call("engine.Create", nil, true, func() { c, err = d.Engine.Create(ctx, spec) })
	return c, err
}

func (d *fusedDriver) Start(ctx context.Context, uid string) (err error) {
	d.fuse.call("engine.Start", nil, true, func() { err = d.Engine.Start(ctx, uid) })
	return err
}

func (d *fusedDriver) Resize(ctx context.Context, uid string, limits driver.Limits) (err error) {
	d.fuse.call("engine.Resize", nil, true, func() { err = d.Engine.Resize(ctx, uid, limits) })
	return err
}

func (d *fusedDriver) Stop(ctx context.Context, uid string, grace time.Duration) (err error) {
	d.fuse.call("engine.Stop", nil, true, func() { err = d.Engine.Stop(ctx, uid, grace) })
	return err
}

func (d *fusedDriver) Remove(ctx context.Context, uid string) (err error) {
	d.fuse.call("engine.Remove", nil, true, func() { err = d.Engine.Remove(ctx, uid) })
	return err
}
