// Package billing writes the bill of a lease that has ended: one record, with every input of
// the sum, named after the lease's UID, so that there can't be a second one.
//
// It reads what package lifecycle has put down as evidence, and adds nothing to it. A
// record is never changed and never removed, and has no owner: it outlives its lease.
package billing

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
)

const workers = 4

// Controller writes bills. Make it with New.
type Controller struct {
	client   client.Client
	live     client.Reader
	recorder events.EventRecorder
}

// New returns a controller. c may read from a cache, live must read from the API.
func New(c client.Client, live client.Reader, recorder events.EventRecorder) *Controller {
	return &Controller{client: c, live: live, recorder: recorder}
}

// Register adds the controller to a manager.
func (c *Controller) Register(mgr manager.Manager) error {
	due := predicate.NewPredicateFuncs(func(obj client.Object) bool {
		lease, ok := obj.(*v1alpha1.ContainerLease)
		return ok && isDue(lease)
	})
	err := builder.ControllerManagedBy(mgr).
		Named("lease.billing").
		For(&v1alpha1.ContainerLease{}, builder.WithPredicates(due)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             reconciler.Backoff[reconcile.Request](reconciler.BackoffFirst, reconciler.BackoffLongest),
		}).
		Complete(reconciler.UntilStopped[reconcile.Request](c))
	if err != nil {
		return fmt.Errorf("registering lease.billing: %w", err)
	}
	return nil
}

// isDue says whether a lease has ended and is not known to be billed.
func isDue(lease *v1alpha1.ContainerLease) bool {
	return meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionFinished) &&
		!meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionBilled)
}

// Reconcile writes the bill of a lease that has ended, unless there is one.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	lease := &v1alpha1.ContainerLease{}
	if err := c.client.Get(ctx, req.NamespacedName, lease); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !isDue(lease) {
		return reconcile.Result{}, nil
	}
	record, err := recordOf(lease)
	if err != nil {
		err = fmt.Errorf("computing the bill: %w", err)
		c.recorder.Eventf(lease, nil, corev1.EventTypeWarning, "BillingFailed", "Bill", "%s", err)
		return reconcile.Result{}, reconcile.TerminalError(err) // The same input gives the same error.
	}
	err = c.client.Create(ctx, record)
	switch {
	case apierrors.IsAlreadyExists(err):
		return reconcile.Result{}, c.compare(ctx, lease, record)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("writing billing record %s: %w", record.Name, err)
	}
	c.recorder.Eventf(lease, record, corev1.EventTypeNormal, v1alpha1.ReasonBilled, "Bill",
		"Billed %s %s for %s seconds.", record.Spec.Amount, record.Spec.Currency, record.Spec.BillableSeconds)
	log.FromContext(ctx).Info("billed",
		"uid", lease.UID, "amount", record.Spec.Amount, "currency", record.Spec.Currency,
		"billableSeconds", record.Spec.BillableSeconds, "finishReason", record.Spec.FinishReason, "estimated", record.Spec.Estimated)
	observe(record)
	return reconcile.Result{}, nil
}

// compare makes sure that the record that exists is the one that would have been written. The
// one that exists stands in any case: a bill is never changed.
func (c *Controller) compare(ctx context.Context, lease *v1alpha1.ContainerLease, computed *v1alpha1.BillingRecord) error {
	existing := &v1alpha1.BillingRecord{}
	if err := c.live.Get(ctx, client.ObjectKeyFromObject(computed), existing); err != nil {
		return fmt.Errorf("reading billing record %s: %w", computed.Name, err)
	}
	if same(existing, computed) {
		return nil
	}
	c.recorder.Eventf(lease, existing, corev1.EventTypeWarning, "BillMismatch", "Bill",
		"Record %s bills %s %s, the evidence says %s %s; the record stands.", existing.Name,
		existing.Spec.Amount, existing.Spec.Currency, computed.Spec.Amount, computed.Spec.Currency)
	log.FromContext(ctx).Error(errMismatch, "a billing record is not what the evidence says; it stands",
		"uid", lease.UID, "recorded", existing.Spec, "computed", computed.Spec)
	return nil
}

var errMismatch = errors.New("billing record differs from the evidence")
