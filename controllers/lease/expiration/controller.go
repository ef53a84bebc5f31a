// Package expiration stops the container of a lease the moment its time is up.
//
// It works from the informer's cache and the engine alone, and writes nothing to the
// API, so that leases expire while the API's store is away. It has workers of its own, and
// none of its calls waits for a container to end. What a container's end means for
// its lease is for package lifecycle to say.
package expiration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// backoffFirst and backoffLongest are short: an engine that is back must not wait long to
	// be told what is overdue.
	backoffFirst   = 250 * time.Millisecond
	backoffLongest = 5 * time.Second
	// stopPatience is how long after its grace period a container may take to be gone until
	// it is stopped again.
	stopPatience = time.Second
)

// Engine is the part of a driver that is needed to end what is overdue.
type Engine interface {
	// Observe is driver.Driver's.
	Observe(ctx context.Context, uid string) (*driver.Container, error)
	// Stop is driver.Driver's: it does not wait for the end.
	Stop(ctx context.Context, uid string, grace time.Duration) error
}

// Controller stops what is overdue. Make it with New.
type Controller struct {
	cache  client.Reader
	engine Engine
	clock  clock.PassiveClock
}

// New returns a controller that reads leases from cache, which should answer while the API is away.
func New(cache client.Reader, engine Engine, clk clock.PassiveClock) *Controller {
	return &Controller{cache: cache, engine: engine, clock: clk}
}

// Register adds the controller to a manager, with so many workers.
func (c *Controller) Register(mgr manager.Manager, stream *reconciler.Stream, workers int) error {
	err := builder.ControllerManagedBy(mgr).
		Named("lease.expiration").
		For(&v1alpha1.ContainerLease{}, builder.WithPredicates(predicate.NewPredicateFuncs(ticking))).
		WatchesRawSource(reconciler.SourceOf(stream, leaseOfStart, c.unfinished)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             reconciler.Backoff[reconcile.Request](backoffFirst, backoffLongest),
		}).
		Complete(reconciler.UntilStopped[reconcile.Request](c))
	if err != nil {
		return fmt.Errorf("registering lease.expiration: %w", err)
	}
	return nil
}

// ticking leaves out leases whose clock does not run yet, or no more. One whose start time
// never gets into the status, since the API is away, is known from the engine's events.
func ticking(obj client.Object) bool {
	lease, ok := obj.(*v1alpha1.ContainerLease)
	return ok && lease.Status.StartTime != nil && lease.Status.FinishReason == ""
}

// leaseOfStart names the lease of a container that has just started.
func leaseOfStart(e driver.Event) []reconcile.Request {
	if e.Action != "start" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: e.Owner.Namespace, Name: e.Owner.Name}}}
}

// unfinished returns every lease whose clock may run, for when events were missed.
func (c *Controller) unfinished(ctx context.Context) ([]reconcile.Request, error) {
	leases := &v1alpha1.ContainerLeaseList{}
	if err := c.cache.List(ctx, leases); err != nil {
		return nil, fmt.Errorf("listing leases: %w", err)
	}
	var requests []reconcile.Request
	for i := range leases.Items {
		if lease := &leases.Items[i]; lease.Status.FinishReason == "" {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(lease)})
		}
	}
	return requests, nil
}

// Reconcile stops the container of a lease whose time is up, and otherwise comes back when it is.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	lease := &v1alpha1.ContainerLease{}
	if err := c.cache.Get(ctx, req.NamespacedName, lease); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if lease.Status.FinishReason != "" {
		return reconcile.Result{}, nil
	}
	expiration, err := c.expiration(ctx, lease)
	if err != nil || expiration == nil {
		return reconcile.Result{}, err
	}
	if remaining := policy.RemainingTime(*expiration, c.clock.Now()); remaining > 0 {
		return reconciler.Waiting(remaining).Result()
	}
	return c.stop(ctx, lease, *expiration)
}

// expiration is when the time of a lease is up, by the spec as it is now; nil if its clock
// does not run. Where the status has no start time yet, the engine is asked.
func (c *Controller) expiration(ctx context.Context, lease *v1alpha1.ContainerLease) (*time.Time, error) {
	ttl, err := lease.Spec.TTL.Parse()
	if err != nil {
		return nil, reconcile.TerminalError(fmt.Errorf("reading spec.ttl: %w", err)) // The API validates it.
	}
	if lease.Status.StartTime != nil {
		return ptr.To(policy.ExpirationTime(lease.Status.StartTime.Time, ttl)), nil
	}
	container, err := c.engine.Observe(ctx, string(lease.UID))
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("asking when the container started: %w", err)
	case container.StartedAt.IsZero():
		return nil, nil
	}
	return ptr.To(policy.ExpirationTime(container.StartedAt, ttl)), nil
}

// stop asks for the end of the container, and comes back to ask again should it outlive its grace.
func (c *Controller) stop(ctx context.Context, lease *v1alpha1.ContainerLease, expiration time.Time) (reconcile.Result, error) {
	uid := string(lease.UID)
	grace := policy.GracePeriod(lease)
	late := c.clock.Since(expiration)

	if err := c.engine.Stop(ctx, uid, grace); err != nil {
		if errors.Is(err, driver.ErrNotFound) {
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, fmt.Errorf("stopping the container: %w", err)
	}
	stopLag.Observe(late.Seconds())
	container, err := c.engine.Observe(ctx, uid)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("observing the container: %w", err)
	case container.State != driver.StateRunning:
		return reconcile.Result{}, nil // Suspended, or gone at once.
	}
	log.FromContext(ctx).Info("the time is up; stopping the container",
		"uid", uid, "containerID", container.ID, "expirationTime", expiration, "late", late.String())
	return reconciler.Waiting(grace + stopPatience).Result()
}
