// Package termination empties a namespace that is being deleted, and lets it go then: its
// leases end as if each was deleted, its Events and coordination Leases are deleted.
// Billing records stay, and can be read under the name of the namespace.
package termination

import (
	"context"
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
)

// patience is when to look again at a namespace whose leases take their time to end. Each one
// that goes is an event, so this is the safety net.
const patience = 10 * time.Second

// Controller empties namespaces. Make it with New.
type Controller struct {
	client client.Client
	live   client.Reader
}

// New returns a controller. c may read from a cache, live must read from the API.
func New(c client.Client, live client.Reader) *Controller { return &Controller{client: c, live: live} }

// Register adds the controller to a manager.
func (c *Controller) Register(mgr manager.Manager) error {
	err := builder.ControllerManagedBy(mgr).
		Named("namespace.termination").
		For(&corev1.Namespace{}).
		Watches(&v1alpha1.ContainerLease{}, handler.EnqueueRequestsFromMapFunc(namespaceOfLeaving)).
		WithOptions(controller.Options{
			RateLimiter: reconciler.Backoff[reconcile.Request](reconciler.BackoffFirst, reconciler.BackoffLongest),
		}).
		Complete(reconciler.UntilStopped[reconcile.Request](c))
	if err != nil {
		return fmt.Errorf("registering namespace.termination: %w", err)
	}
	return nil
}

// namespaceOfLeaving names the namespace of a lease that is being deleted.
func namespaceOfLeaving(_ context.Context, obj client.Object) []reconcile.Request {
	if obj.GetDeletionTimestamp() == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: obj.GetNamespace()}}}
}

// Reconcile goes on with the end of a namespace.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	namespace := &corev1.Namespace{}
	if err := c.client.Get(ctx, req.NamespacedName, namespace); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if namespace.DeletionTimestamp == nil || !slices.Contains(namespace.Spec.Finalizers, corev1.FinalizerKubernetes) {
		return reconcile.Result{}, nil
	}
	left, err := c.endLeases(ctx, namespace.Name)
	if err != nil {
		return reconciler.Failed(err).Result()
	}
	if left > 0 {
		return reconciler.Waiting(patience).Result()
	}
	for _, kind := range []client.Object{&eventsv1.Event{}, &coordinationv1.Lease{}} {
		if err := c.client.DeleteAllOf(ctx, kind, client.InNamespace(namespace.Name)); err != nil {
			return reconciler.Failed(fmt.Errorf("deleting every %T: %w", kind, err)).Result()
		}
	}
	return reconciler.Failed(c.release(ctx, namespace)).Result()
}

// endLeases deletes every lease of a namespace, and returns how many there still are. It asks
// the API itself, since none may be overlooked.
func (c *Controller) endLeases(ctx context.Context, namespace string) (int, error) {
	leases := &v1alpha1.ContainerLeaseList{}
	if err := c.live.List(ctx, leases, client.InNamespace(namespace)); err != nil {
		return 0, fmt.Errorf("listing leases: %w", err)
	}
	for i := range leases.Items {
		lease := &leases.Items[i]
		if lease.DeletionTimestamp != nil {
			continue
		}
		if err := c.client.Delete(ctx, lease, client.Preconditions{UID: &lease.UID}); client.IgnoreNotFound(err) != nil {
			return 0, fmt.Errorf("deleting lease %s: %w", lease.Name, err)
		}
	}
	return len(leases.Items), nil
}

// release takes the finalizer off, after which the API lets the namespace go.
func (c *Controller) release(ctx context.Context, namespace *corev1.Namespace) error {
	released := namespace.DeepCopy()
	released.Spec.Finalizers = slices.DeleteFunc(released.Spec.Finalizers, func(f corev1.FinalizerName) bool {
		return f == corev1.FinalizerKubernetes
	})
	if err := c.client.SubResource("finalize").Update(ctx, released); err != nil {
		return fmt.Errorf("finalizing the namespace: %w", err)
	}
	log.FromContext(ctx).Info("emptied the namespace")
	return nil
}
