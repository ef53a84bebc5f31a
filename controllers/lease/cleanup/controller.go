// Package cleanup deletes the object of a lease once it has been there, finished, for as long
// as its spec says. It deletes none whose bill isn't written, and nothing but the
// object: its container is package lifecycle's, and its record stays.
package cleanup

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
)

// Controller deletes finished leases. Make it with New.
type Controller struct {
	client client.Client
	clock  clock.PassiveClock
}

// New returns a controller.
func New(c client.Client, clk clock.PassiveClock) *Controller {
	return &Controller{client: c, clock: clk}
}

// Register adds the controller to a manager.
func (c *Controller) Register(mgr manager.Manager) error {
	err := builder.ControllerManagedBy(mgr).
		Named("lease.cleanup").
		For(&v1alpha1.ContainerLease{}).
		WithOptions(controller.Options{
			RateLimiter: reconciler.Backoff[reconcile.Request](reconciler.BackoffFirst, reconciler.BackoffLongest),
		}).
		Complete(reconciler.UntilStopped[reconcile.Request](c))
	if err != nil {
		return fmt.Errorf("registering lease.cleanup: %w", err)
	}
	return nil
}

// Reconcile deletes a lease whose time to be read is up, and otherwise comes back when it is.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	lease := &v1alpha1.ContainerLease{}
	if err := c.client.Get(ctx, req.NamespacedName, lease); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	until, ok := keptUntil(lease)
	if !ok {
		return reconcile.Result{}, nil
	}
	if remaining := until.Sub(c.clock.Now()); remaining > 0 {
		return reconciler.Waiting(remaining).Result()
	}
	// What the decision was made on must still hold, the time to keep it included.
	unchanged := client.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion}
	if err := c.client.Delete(ctx, lease, unchanged); err != nil {
		return reconciler.Failed(fmt.Errorf("deleting the finished lease: %w", err)).Result()
	}
	log.FromContext(ctx).Info("deleted the finished lease", "uid", lease.UID)
	return reconcile.Result{}, nil
}

// keptUntil is when a finished lease may go, counted from when its end was put down; false if it
// may not.
func keptUntil(lease *v1alpha1.ContainerLease) (time.Time, bool) {
	finished := meta.FindStatusCondition(lease.Status.Conditions, v1alpha1.ConditionFinished)
	switch {
	case lease.DeletionTimestamp != nil,
		!meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionFinished),
		!meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionBilled):
		return time.Time{}, false
	}
	ttl := policy.TTLAfterFinished(lease)
	return finished.LastTransitionTime.Add(ttl), true
}
