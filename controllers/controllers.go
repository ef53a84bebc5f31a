// Package controllers is the roster: what drives the engine toward what the API says. Each
// controller is a package of its own, named after what it is concerned with.
package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/container/orphans"
	"github.com/containerlease/containerlease/controllers/lease/billing"
	"github.com/containerlease/containerlease/controllers/lease/cleanup"
	"github.com/containerlease/containerlease/controllers/lease/expiration"
	"github.com/containerlease/containerlease/controllers/lease/lifecycle"
	"github.com/containerlease/containerlease/controllers/namespace/termination"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/pull"
)

// Defaults of Options.
const (
	DefaultConcurrentCreations = 4
	DefaultExpirationWorkers   = 16
	DefaultOrphanInterval      = time.Minute
)

// eventSource is what the Events of the controllers name as their reporter.
const eventSource = "containerlease.dev/controllers"

var schemeBuilder = runtime.NewSchemeBuilder(
	v1alpha1.AddToScheme, corev1.AddToScheme, eventsv1.AddToScheme, coordinationv1.AddToScheme,
)

// AddToScheme registers every type that the controllers read or write, for
// reconciler.ManagerOptions.Scheme.
var AddToScheme = schemeBuilder.AddToScheme

// Options are how the controllers work. The zero value is usable.
type Options struct {
	// Clock is what the time is; by default the real one.
	Clock clock.WithTicker
	// ConcurrentCreations caps how many containers are created at a time. An engine gets slower with
	// each one more.
	ConcurrentCreations int
	// ExpirationWorkers is how many leases may expire at the same moment without waiting for
	// each other.
	ExpirationWorkers int
	// OrphanInterval is how often everything the engine has is looked through for orphans, on
	// top of what its events tell.
	OrphanInterval time.Duration
	// Pulls are the limits of image pulls.
	Pulls pull.Options
	// Instance is what the driver marks its containers with. What bears another's mark is no orphan, but
	// the business of another server on the same engine.
	Instance string
}

// Register adds every controller to a manager, which is best made with reconciler.NewManager
// and CacheByObject. They drive d, which has to outlive the manager.
func Register(mgr manager.Manager, d driver.Driver, opts Options) error {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	creations := cmp.Or(opts.ConcurrentCreations, DefaultConcurrentCreations)
	c, live, recorder := mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder(eventSource)

	stream := reconciler.NewStream(d, opts.Clock, mgr.GetLogger().WithName("engine-events"))
	images := &puller{}
	leases := lifecycle.New(c, live, d, images, recorder, opts.Clock, creations)
	images.Puller = pull.New(d, opts.Clock, opts.Pulls, leases.Pulled)

	for _, register := range []func() error{
		// From creation to removal: the one writer of a lease's status.
		func() error { return leases.Register(mgr, stream, 2*creations) },
		// Stops what is overdue, with or without the API.
		func() error {
			return expiration.New(c, d, opts.Clock).
				Register(mgr, stream, cmp.Or(opts.ExpirationWorkers, DefaultExpirationWorkers))
		},
		// Writes the record of what has ended.
		func() error { return billing.New(c, live, recorder).Register(mgr) },
		// Deletes what has been finished for long enough.
		func() error { return cleanup.New(c, opts.Clock).Register(mgr) },
		// Removes what has no lease.
		func() error {
			return orphans.New(c, live, d, opts.Instance, opts.Clock, cmp.Or(opts.OrphanInterval, DefaultOrphanInterval)).
				Register(mgr, stream)
		},
		// Empties a namespace that is being deleted.
		func() error { return termination.New(c, live).Register(mgr) },
		func() error { return mgr.Add(stream) },
		func() error { return mgr.Add(images) },
	} {
		if err := register(); err != nil {
			return fmt.Errorf("registering the controllers: %w", err)
		}
	}
	var cached client.Reader = mgr.GetCache()
	leasesByPhase.cache.Store(&cached)
	return nil
}

// puller ends the pulls with the manager.
type puller struct{ *pull.Puller }

// Start is manager.Runnable's.
func (p *puller) Start(ctx context.Context) error {
	<-ctx.Done()
	p.Close()
	return nil
}

// CacheByObject is what the manager's cache is to keep of the objects: of a billing record no
// more than it takes to find its lease and show the amount, since records are
// never deleted.
func CacheByObject() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&v1alpha1.BillingRecord{}: {Transform: func(obj any) (any, error) {
			record, ok := obj.(*v1alpha1.BillingRecord)
			if !ok {
				return obj, nil // A tombstone.
			}
			record.ManagedFields, record.Labels, record.Annotations = nil, nil, nil
			record.Spec = v1alpha1.BillingRecordSpec{
				Lease: record.Spec.Lease, Amount: record.Spec.Amount, Currency: record.Spec.Currency,
			}
			return record, nil
		}},
	}
}
