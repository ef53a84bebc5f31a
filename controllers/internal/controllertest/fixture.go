// Package controllertest is a small world for the controllers' tests: an engine in memory, an
// API in memory, a clock that only tests move, and the controllers of a lease on top,
// which run when a test says so. A test can cut the power between any two calls.
package controllertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	clientfake "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/lease/billing"
	"github.com/containerlease/containerlease/controllers/lease/cleanup"
	"github.com/containerlease/containerlease/controllers/lease/expiration"
	"github.com/containerlease/containerlease/controllers/lease/lifecycle"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/reconciler/driver/pull"
)

// Image is the image that leases of NewLease run, and that the engine has.
const Image = "docker.io/library/alpine:3.22"

// Fixture is the world of one test.
type Fixture struct {
	// Ctx ends with the test.
	Ctx context.Context
	// Clock is the time of the engine and of the controllers.
	Clock *clocktesting.FakeClock
	// Engine runs the containers.
	Engine *fake.Engine
	// Client reaches the API past the fuse: it is the test's own.
	Client client.Client
	// Fuse counts the controllers' calls, and cuts the power at one of them.
	Fuse *Fuse
	// Events are those that were emitted, as "Warning PullFailed".
	Events *Recorder
	// Pulls are the states of pulls by reference; one that isn't there has just begun.
	Pulls map[string]pull.State
	// Creations is how many containers may be created at a time, from the next restart on.
	Creations int

	t          testing.TB
	lifecycle  reconcile.Reconciler
	expiration reconcile.Reconciler
	billing    reconcile.Reconciler
	cleanup    reconcile.Reconciler
}

// New returns a world with the class "standard" and an engine that has Image.
func New(t testing.TB) *Fixture {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	// The API in memory stamps deletions with the real time, so the fake one must be later.
	clk := clocktesting.NewFakeClock(time.Now().Add(time.Hour).Truncate(time.Second))
	f := &Fixture{
		Ctx: t.Context(), Clock: clk, Engine: fake.New(clk), Fuse: &Fuse{}, Events: &Recorder{},
		Pulls: map[string]pull.State{}, Creations: 4, t: t,
	}
	t.Cleanup(func() {
		if err := f.Engine.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Client = clientfake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&v1alpha1.ContainerLease{}).Build()
	f.Engine.AddImage(Image)
	f.Create(NewClass())
	f.Restart()
	return f
}

// Restart drops the controllers and makes new ones, as a restart of the process does.
func (f *Fixture) Restart() {
	c := f.Fuse.client(f.Client)
	d := &fusedDriver{Engine: f.Engine, fuse: f.Fuse}
	f.lifecycle = lifecycle.New(c, c, d, f, f.Events, f.Clock, f.Creations)
	f.expiration = expiration.New(c, d, f.Clock)
	f.billing = billing.New(c, c, f.Events)
	f.cleanup = cleanup.New(c, f.Clock)
}

// Pull is lifecycle.Puller's.
func (f *Fixture) Pull(reference string) pull.State { return f.Pulls[reference] }

// NewClass returns the class "standard".
func NewClass() *v1alpha1.LeaseClass {
	return &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: "standard"},
		Spec: v1alpha1.LeaseClassSpec{
			Images: v1alpha1.ImagePolicy{
				Catalog: []v1alpha1.CatalogImage{{Name: "alpine", Reference: "alpine:3.22"}},
				Allow:   []string{"docker.io/library/alpine:*"},
			},
			TTL:     v1alpha1.DurationRange{Min: "1s", Default: "30m", Max: "2h"},
			CPU:     quantities("250m", "500m", "2"),
			Memory:  quantities("256Mi", "512Mi", "2Gi"),
			Pricing: v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"},
		},
	}
}

func quantities(least, normal, most string) v1alpha1.QuantityRange {
	return v1alpha1.QuantityRange{
		Min: resource.MustParse(least), Default: resource.MustParse(normal), Max: resource.MustParse(most),
	}
}

// NewLease returns a lease as the API would have completed it, changed as asked.
func (f *Fixture) NewLease(change ...func(*v1alpha1.ContainerLease)) *v1alpha1.ContainerLease {
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "demo", UID: types.UID("00000000-0000-0000-0000-000000000001"),
			Generation: 1, CreationTimestamp: metav1.NewTime(f.Clock.Now()),
		},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: "alpine", ClassName: "standard", TTL: "30m", OperatingMode: v1alpha1.OperatingModeRunning,
			Resources:                     Size("500m", "512Mi"),
			TerminationGracePeriodSeconds: ptr.To[int64](10),
			ProvisioningDeadlineSeconds:   ptr.To[int64](300),
			TTLSecondsAfterFinished:       ptr.To[int64](3600),
		},
	}
	for _, c := range change {
		c(lease)
	}
	return lease
}

// Size returns limits.
func Size(cpu, memory string) v1alpha1.ResourceLimits {
	return v1alpha1.ResourceLimits{CPU: ptr.To(resource.MustParse(cpu)), Memory: ptr.To(resource.MustParse(memory))}
}

// Create stores an object.
func (f *Fixture) Create(obj client.Object) {
	f.t.Helper()
	if err := f.Client.Create(f.Ctx, obj); err != nil {
		f.t.Fatalf("creating %T: %v", obj, err)
	}
}

// Lease reads the lease "demo"; nil if it is gone.
func (f *Fixture) Lease() *v1alpha1.ContainerLease {
	f.t.Helper()
	lease := &v1alpha1.ContainerLease{}
	err := f.Client.Get(f.Ctx, client.ObjectKey{Namespace: "default", Name: "demo"}, lease)
	if client.IgnoreNotFound(err) != nil {
		f.t.Fatalf("reading the lease: %v", err)
	}
	if err != nil {
		return nil
	}
	return lease
}

// Update changes the spec of the lease "demo" as a user would.
func (f *Fixture) Update(change func(*v1alpha1.ContainerLease)) {
	f.t.Helper()
	lease := f.Lease()
	change(lease)
	lease.Generation++
	if err := f.Client.Update(f.Ctx, lease); err != nil {
		f.t.Fatalf("updating the lease: %v", err)
	}
}

// Delete deletes the lease "demo" as a user would.
func (f *Fixture) Delete() {
	f.t.Helper()
	if err := f.Client.Delete(f.Ctx, f.Lease()); err != nil {
		f.t.Fatalf("deleting the lease: %v", err)
	}
}

// Records returns every billing record.
func (f *Fixture) Records() []v1alpha1.BillingRecord {
	f.t.Helper()
	list := &v1alpha1.BillingRecordList{}
	if err := f.Client.List(f.Ctx, list); err != nil {
		f.t.Fatalf("listing records: %v", err)
	}
	return list.Items
}

// Record returns the one billing record there must be.
func (f *Fixture) Record() v1alpha1.BillingRecordSpec {
	f.t.Helper()
	records := f.Records()
	if len(records) != 1 {
		f.t.Fatalf("there are %d billing records, want 1", len(records))
	}
	return records[0].Spec
}

// Container observes the container of a lease; nil if there is none.
func (f *Fixture) Container(uid types.UID) *driver.Container {
	container, err := f.Engine.Observe(f.Ctx, string(uid))
	if err != nil {
		return nil
	}
	return container
}

// Demo is the request of the lease "demo".
var Demo = reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "demo"}}

// Reconcile reconciles the lifecycle of the lease "demo" once.
func (f *Fixture) Reconcile() (reconcile.Result, error) { return f.lifecycle.Reconcile(f.Ctx, Demo) }

// MustReconcile is Reconcile where no error is expected.
func (f *Fixture) MustReconcile() reconcile.Result {
	f.t.Helper()
	result, err := f.Reconcile()
	if err != nil {
		f.t.Fatalf("reconciling: %v", err)
	}
	return result
}

// Expire reconciles the expiration of the lease "demo" once.
func (f *Fixture) Expire() (reconcile.Result, error) { return f.expiration.Reconcile(f.Ctx, Demo) }

// Bill reconciles the bill of the lease "demo" once.
func (f *Fixture) Bill() (reconcile.Result, error) { return f.billing.Reconcile(f.Ctx, Demo) }

// Cleanup reconciles the cleanup of the lease "demo" once.
func (f *Fixture) Cleanup() (reconcile.Result, error) { return f.cleanup.Reconcile(f.Ctx, Demo) }

// Settle runs all controllers of the lease "demo" until none of them writes any more. When the
// fuse blows, it restarts them and goes on.
func (f *Fixture) Settle() {
	f.t.Helper()
	f.settle(func(name string, err error) { f.t.Fatalf("reconciling %s: %v", name, err) })
}

// SettleThroughErrors is Settle where errors are retried.
func (f *Fixture) SettleThroughErrors() {
	f.t.Helper()
	f.settle(func(name string, err error) { f.t.Logf("reconciling %s: %v", name, err) })
}

func (f *Fixture) settle(failed func(name string, err error)) {
	f.t.Helper()
	for range 50 {
		before, errs := f.Fuse.Writes(), 0
		restarted := f.round(func(name string, err error) {
			errs++
			failed(name, err)
		})
		if !restarted && errs == 0 && f.Fuse.Writes() == before {
			return
		}
	}
	f.t.Fatalf("the controllers don't come to rest; lease: %+v", f.Lease())
}

func (f *Fixture) round(failed func(name string, err error)) (restarted bool) {
	f.t.Helper()
	defer func() {
		switch r := recover(); r {
		case nil:
		case errPowerCut:
			f.Restart()
			restarted = true
		default:
			panic(r)
		}
	}()
	for name, c := range map[string]reconcile.Reconciler{
		"lifecycle": f.lifecycle, "expiration": f.expiration, "billing": f.billing, "cleanup": f.cleanup,
	} {
		if _, err := c.Reconcile(f.Ctx, Demo); err != nil {
			failed(name, err)
		}
	}
	return false
}

// Step moves the time on.
func (f *Fixture) Step(d time.Duration) { f.Clock.Step(d) }

// Describe writes what a failed test should show.
func (f *Fixture) Describe() string {
	return fmt.Sprintf("lease: %+v\nengine: %v", f.Lease(), f.Engine.Calls())
}
