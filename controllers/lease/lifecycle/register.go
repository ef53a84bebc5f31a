package lifecycle

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// Register adds the controller to a manager. workers should be about twice the number of
// containers that may be created at a time, so that creating some never keeps others from
// being torn down.
func (c *Controller) Register(mgr manager.Manager, stream *reconciler.Stream, workers int) error {
	err := builder.ControllerManagedBy(mgr).
		Named("lease.lifecycle").
		For(&v1alpha1.ContainerLease{}, builder.WithPredicates(notOnlyStatus())).
		Watches(&v1alpha1.BillingRecord{}, handler.EnqueueRequestsFromMapFunc(leaseOfRecord)).
		WatchesRawSource(c.wake).
		WatchesRawSource(reconciler.SourceOf(stream, leaseOfEvent, c.unsettled)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             reconciler.Backoff[reconcile.Request](reconciler.BackoffFirst, reconciler.BackoffLongest),
		}).
		Complete(reconciler.UntilStopped[reconcile.Request](c))
	if err != nil {
		return fmt.Errorf("registering lease.lifecycle: %w", err)
	}
	return nil
}

// notOnlyStatus leaves out updates that concern the status alone: this controller is the only
// one who writes it, and goes on by itself. Without this, each failure that is shown
// in the status would be retried at once.
func notOnlyStatus() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld, e.ObjectNew
		return before.GetUID() != after.GetUID() ||
			before.GetGeneration() != after.GetGeneration() ||
			(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) ||
			!slices.Equal(before.GetFinalizers(), after.GetFinalizers())
	}}
}

func leaseOfRecord(_ context.Context, obj client.Object) []reconcile.Request {
	record, ok := obj.(*v1alpha1.BillingRecord)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: record.Namespace, Name: record.Spec.Lease.Name}}}
}

// leaseOfEvent names the lease a container says it belongs to. Whether that is so, the
// observation by UID tells.
func leaseOfEvent(e driver.Event) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: e.Owner.Namespace, Name: e.Owner.Name}}}
}

// unsettled returns every lease of which something may be left, for when events were missed.
func (c *Controller) unsettled(ctx context.Context) ([]reconcile.Request, error) {
	leases := &v1alpha1.ContainerLeaseList{}
	if err := c.client.List(ctx, leases); err != nil {
		return nil, fmt.Errorf("listing leases: %w", err)
	}
	var requests []reconcile.Request
	for i := range leases.Items {
		if lease := &leases.Items[i]; !settled(lease) || lease.DeletionTimestamp != nil {
			requests = append(requests, reconcile.Request{NamespacedName: keyOf(lease)})
		}
	}
	return requests, nil
}
