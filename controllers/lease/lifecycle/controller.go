// Package lifecycle takes a lease from its creation to its end: it is accepted by its class, its
// image pulled, its container created, started, kept at the size the spec asks
// for, suspended and resumed, and, once it has ended, removed after its bill is
// written.
//
// It owns ContainerLease.status, as the only writer, and the finalizer. It never stops a
// container because its time is up (package expiration does, without the API), never
// writes a bill (package billing does) and never deletes a lease.
//
// A reconciliation goes round: look at the world, compute the status, persist it if it
// changed, take the one action that is due. The status is persisted before each
// action, so that what the action destroys has been recorded; and nothing is
// remembered between two reconciliations that the API or the engine doesn't hold, so
// that a crash between any two steps leaves nothing to repair.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/pull"
)

const (
	// maxSteps bounds how often a reconciliation goes round. A lease needs four at most from its
	// creation to its running container, and as many from its end to its removal.
	maxSteps = 8
	// observeJitter spreads the periodic looks at running containers.
	observeJitter = 3 * time.Second
	// billingPatience is when to look again for a bill that nobody announced.
	billingPatience = 30 * time.Second
)

// Controller reconciles leases. Make it with New.
type Controller struct {
	client    client.Client
	live      client.Reader
	driver    driver.Driver
	puller    Puller
	recorder  events.EventRecorder
	clock     clock.Clock
	creations *reconciler.Gate[client.ObjectKey]
	pulling   *waiters
	wake      *alarm
}

// Puller pulls images in the background, as pull.Puller does.
type Puller interface {
	// Pull is pull.Puller's: it does not block, keeps what a pull came to for a while, and
	// starts another after that.
	Pull(reference string) pull.State
}

// New returns a controller that creates at most creations containers at a time. c may read
// from a cache, live must read from the API.
func New(c client.Client, live client.Reader, d driver.Driver, puller Puller, recorder events.EventRecorder, clk clock.Clock, creations int) *Controller {
	wake := &alarm{}
	return &Controller{
		client: c, live: live, driver: d, puller: puller, recorder: recorder, clock: clk,
		creations: reconciler.NewGate(creations, wake.ring),
		pulling:   newWaiters(),
		wake:      wake,
	}
}

// Reconcile brings one lease as far as it gets without blocking.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	lease := &v1alpha1.ContainerLease{}
	if err := c.client.Get(ctx, req.NamespacedName, lease); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues("uid", lease.UID))

	if !controllerutil.ContainsFinalizer(lease, v1alpha1.Finalizer) {
		if lease.DeletionTimestamp != nil {
			return reconcile.Result{}, nil // Released; it goes as soon as others let it.
		}
		claimed, err := c.claim(ctx, lease)
		if err != nil {
			return reconciler.Failed(err).Result()
		}
		lease = claimed
	}
	if settled(lease) && lease.DeletionTimestamp == nil {
		return reconcile.Result{}, nil
	}
	return c.advance(ctx, lease).Result()
}

// claim persists the finalizer, before anything else is done for a lease.
func (c *Controller) claim(ctx context.Context, lease *v1alpha1.ContainerLease) (*v1alpha1.ContainerLease, error) {
	claimed := lease.DeepCopy()
	controllerutil.AddFinalizer(claimed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(lease, client.MergeFromWithOptimisticLock{})
	if err := c.client.Patch(ctx, claimed, patch); err != nil {
		return nil, fmt.Errorf("adding the finalizer: %w", err)
	}
	return claimed, nil
}

// advance goes round until nothing is to be done, or something has to be waited for.
func (c *Controller) advance(ctx context.Context, lease *v1alpha1.ContainerLease) reconciler.Outcome {
	var last step
	for range maxSteps {
		s, err := c.look(ctx, lease)
		if err != nil {
			return reconciler.Failed(err)
		}
		s.step = last
		if s.lease, err = c.persist(ctx, s); err != nil {
			return reconciler.Failed(err)
		}
		due := next(s)
		switch {
		case s.engineErr != nil:
			return reconciler.Failed(s.engineErr)
		case due == actionNone:
			return c.rest(s)
		case due == last.action:
			return again(due)
		}

		last = c.perform(ctx, s, due)
		if due == actionRelease {
			return reconciler.Failed(last.err)
		}
		if last.reason != "" || last.err != nil || last.wait > 0 {
			return c.settle(ctx, s, last)
		}
		lease = s.lease
	}
	return reconciler.Failed(errors.New("no end of steps: the engine undoes what is asked of it"))
}

// settle persists what came of a step that is not over, and returns when it is to be continued.
func (c *Controller) settle(ctx context.Context, s *scope, last step) reconciler.Outcome {
	// The look is older than the step. It says what the step came to, but nothing is
	// concluded from the time that passed: the container may run by now.
	s.step = last
	lease, err := c.persist(ctx, s)
	if err != nil {
		return reconciler.Failed(err)
	}
	s.lease = lease
	switch {
	case finished(lease):
		return reconciler.Waiting(0) // Given up: on with the end of it.
	case last.err != nil:
		return reconciler.Failed(last.err)
	default:
		return reconciler.Waiting(last.wait).Or(reconciler.Waiting(s.provisioningDeadline().Sub(s.now)))
	}
}

// persist computes the status and writes it if it changed. It returns the lease as the API has it
// then.
func (c *Controller) persist(ctx context.Context, s *scope) (*v1alpha1.ContainerLease, error) {
	desired := s.lease.DeepCopy()
	desired.Status = statusOf(s)
	changed, err := reconciler.PatchStatus(ctx, c.client.Status(), s.lease, desired)
	if err != nil {
		return nil, err
	}
	if changed {
		c.announce(ctx, s.lease, desired)
	}
	return desired, nil
}

// rest says when to look again at a lease for which nothing is to be done now.
func (c *Controller) rest(s *scope) reconciler.Outcome {
	status := &s.lease.Status
	switch {
	case settled(s.lease):
		return reconciler.Done()
	case finished(s.lease):
		return reconciler.Waiting(billingPatience)
	case s.beingRemoved():
		return reconciler.Waiting(time.Second)
	}
	outcome := reconciler.Done()
	if s.running() {
		outcome = reconciler.Waiting(observedEvery + rand.N(observeJitter)) //nolint:gosec // no secret
	}
	if status.ExpirationTime != nil {
		outcome = outcome.Or(reconciler.Waiting(status.ExpirationTime.Sub(s.now)))
	}
	return outcome
}

func keyOf(lease *v1alpha1.ContainerLease) client.ObjectKey { return client.ObjectKeyFromObject(lease) }
