// Package orphans removes what bears a lease's labels, but whose lease is gone: containers,
// networks and volumes.
//
// What is an orphan is a set difference, by UID, and nothing is taken for one that is
// younger than a grace period or whose lease the API itself, not a cache, has not
// denied. It never touches what isn't fully labelled, since a driver does not show it, nor
// what another server has made on the same engine, even if that one is down: its leases
// are looked after when it is back.
package orphans

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// youth is how long after its creation nothing is taken for an orphan. It covers a
	// creation whose reply was lost.
	youth = 15 * time.Second
	// backoffLongest keeps a removal that fails at times within a minute of being tried again.
	backoffLongest = 30 * time.Second
	workers        = 2
)

// suspect is something that belongs, or belonged, to a lease.
type suspect struct {
	// kind is "container", or a driver.Stray's.
	kind string
	// id is the engine's, of a stray; a container is known by its owner's UID.
	id    string
	owner driver.Identity
}

const kindContainer = "container"

// Controller removes orphans. Make it with New.
type Controller struct {
	cache    client.Reader
	live     client.Reader
	driver   driver.Driver
	instance string
	clock    clock.WithTicker
	interval time.Duration
}

// New returns a controller that looks through everything the engine has each interval, on top of
// what the engine's and the API's events tell. cache is only used to save asking live,
// which must read from the API itself. instance is this server's.
func New(cache, live client.Reader, d driver.Driver, instance string, clk clock.WithTicker, interval time.Duration) *Controller {
	return &Controller{cache: cache, live: live, driver: d, instance: instance, clock: clk, interval: interval}
}

// Register adds the controller to a manager.
func (c *Controller) Register(mgr manager.Manager, stream *reconciler.Stream) error {
	sweep := &sweep{controller: c}
	err := builder.TypedControllerManagedBy[suspect](mgr).
		Named("container.orphans").
		Watches(&v1alpha1.ContainerLease{}, handler.TypedEnqueueRequestsFromMapFunc(suspectOfLease), builder.WithPredicates(deletions)).
		WatchesRawSource(sweep).
		WatchesRawSource(reconciler.SourceOf(stream, c.suspectsOfEvent, c.suspects)).
		WithOptions(controller.TypedOptions[suspect]{
			MaxConcurrentReconciles: workers,
			RateLimiter:             reconciler.Backoff[suspect](reconciler.BackoffFirst, backoffLongest),
		}).
		Complete(reconciler.UntilStopped[suspect](c))
	if err != nil {
		return fmt.Errorf("registering container.orphans: %w", err)
	}
	return nil
}

// deletions are the moments when something becomes an orphan.
var deletions = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

func suspectOfLease(_ context.Context, obj client.Object) []suspect {
	return []suspect{{kind: kindContainer, owner: driver.Identity{
		Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: string(obj.GetUID()),
	}}}
}

// Reconcile removes a suspect, if it is an orphan.
func (c *Controller) Reconcile(ctx context.Context, s suspect) (reconcile.Result, error) {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues(
		"kind", s.kind, "namespace", s.owner.Namespace, "name", s.owner.Name, "uid", s.owner.UID))
	began := c.clock.Now()
	if owned, err := c.owned(ctx, c.cache, s.owner); err == nil && owned {
		return reconcile.Result{}, nil
	}
	found, err := c.find(ctx, s)
	if err != nil || found == nil {
		return reconcile.Result{}, err
	}
	if found.instance != "" && found.instance != c.instance {
		return reconcile.Result{}, nil
	}
	if age := began.Sub(found.createdAt); age < youth {
		return reconciler.Waiting(youth - age).Result()
	}
	owned, err := c.owned(ctx, c.live, s.owner)
	if err != nil || owned {
		return reconcile.Result{}, err // In doubt, nothing is removed.
	}
	if err := found.remove(ctx); err != nil {
		removals.WithLabelValues(s.kind, "error").Inc()
		return reconcile.Result{}, fmt.Errorf("removing orphaned %s: %w", s.kind, err)
	}
	removals.WithLabelValues(s.kind, "removed").Inc()
	log.FromContext(ctx).Info("removed an orphan", "containerID", found.id,
		"duration", found.lived(began).String(), "cleanupTime", c.clock.Since(began).String())
	// Gone is what the engine says is gone.
	return reconciler.Waiting(time.Second).Result()
}

// owned says whether there is a lease that is to have something on the engine.
func (c *Controller) owned(ctx context.Context, from client.Reader, owner driver.Identity) (bool, error) {
	lease := &v1alpha1.ContainerLease{}
	err := from.Get(ctx, client.ObjectKey{Namespace: owner.Namespace, Name: owner.Name}, lease)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("asking the API whether the lease is gone: %w", err)
	case string(lease.UID) != owner.UID:
		return false, nil
	}
	// A lease that is over, and whose container was seen gone, has none. Should a creation
	// whose reply was lost have taken effect afterwards, its container is an orphan.
	over := lease.Status.Phase == v1alpha1.LeaseFinished || lease.Status.Phase == v1alpha1.LeaseFailed
	return !over, nil
}
