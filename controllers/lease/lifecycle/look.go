package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// look observes everything that the status and the next action depend on. It changes nothing. It
// fails only if the API can't be read; an engine that can't be asked is an observation.
func (c *Controller) look(ctx context.Context, lease *v1alpha1.ContainerLease) (*scope, error) {
	s := &scope{lease: lease, now: c.clock.Now()}
	if err := c.lookAtEngine(ctx, s); err != nil {
		s.engineErr = err
	}
	if err := c.lookAtClass(ctx, s); err != nil {
		return nil, err
	}
	if err := c.lookAtRecord(ctx, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Controller) lookAtEngine(ctx context.Context, s *scope) error {
	container, err := c.driver.Observe(ctx, string(s.lease.UID))
	if err != nil && !errors.Is(err, driver.ErrNotFound) {
		return fmt.Errorf("observing the container: %w", err)
	}
	s.container = container
	// Taken after the answer, so that a container that is seen running ran until now.
	s.now = c.clock.Now()
	if finished(s.lease) {
		return nil
	}
	id, since, needed := missingExit(s)
	if !needed {
		return nil
	}
	exit, err := c.driver.LastExit(ctx, id, since)
	if err != nil && !errors.Is(err, driver.ErrNotFound) {
		return fmt.Errorf("asking the engine for the last exit: %w", err)
	}
	s.exit = exit
	return nil
}

// missingExit says whether the engine's memory is needed to tell how a run ended, and of
// which container since when: because the container is gone, because it was started
// again since, or because its exit code is also what an engine makes up after a crash.
func missingExit(s *scope) (id string, since time.Time, needed bool) {
	last := open(s.lease.Status.Segments)
	switch {
	case !s.exists():
		if last == nil {
			return "", time.Time{}, false
		}
		return last.ContainerID, last.StartedAt.Time, true
	case last != nil && s.container.StartedAt.After(last.StartedAt.Time) && s.running():
		return last.ContainerID, last.StartedAt.Time, true
	case s.hasRun() && !s.running() && s.container.ExitCode == crashExitCode &&
		(last != nil || s.container.StartedAt.After(lastEnd(s.lease.Status.Segments))):
		return s.container.ID, s.container.StartedAt, true
	default:
		return "", time.Time{}, false
	}
}

// lookAtClass asks the class for as long as there is no container, or no price. The class is
// read from the API itself: a cache that has yet to see a new class must not end a lease.
func (c *Controller) lookAtClass(ctx context.Context, s *scope) error {
	settledWith := s.lease.Status.Pricing != nil && (s.exists() || s.started())
	if settledWith || finished(s.lease) || (s.deleting() && !s.started()) {
		return nil
	}
	name := s.lease.Spec.ClassName
	class := &v1alpha1.LeaseClass{}
	if err := c.live.Get(ctx, client.ObjectKey{Name: name}, class); err != nil {
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading class %q: %w", name, err)
		}
		s.acceptance = &acceptance{reason: v1alpha1.ReasonClassNotFound, message: fmt.Sprintf("There is no class %q.", name)}
		return nil
	}
	s.acceptance = accept(s.lease, class)
	return nil
}

// accept says whether a class allows a lease.
func accept(lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass) *acceptance {
	refused := func(err error) *acceptance {
		return &acceptance{reason: v1alpha1.ReasonNotAllowed, message: sentence(fmt.Errorf("class %q: %w", class.Name, err))}
	}
	if err := policy.CheckClass(lease, class, nil).ToAggregate(); err != nil {
		return refused(err)
	}
	image, err := policy.ResolveImage(class.Spec.Images, lease.Spec.Image)
	if err != nil {
		return refused(err)
	}
	return &acceptance{
		accepted: true,
		reason:   v1alpha1.ReasonAccepted,
		message:  fmt.Sprintf("Class %q allows the lease.", class.Name),
		class:    class,
		image:    image,
	}
}

// lookAtRecord looks for the bill of a lease that has ended.
func (c *Controller) lookAtRecord(ctx context.Context, s *scope) error {
	if !finished(s.lease) || isTrue(&s.lease.Status, v1alpha1.ConditionBilled) {
		return nil
	}
	record := &v1alpha1.BillingRecord{}
	key := client.ObjectKey{Namespace: s.lease.Namespace, Name: string(s.lease.UID)}
	if err := c.client.Get(ctx, key, record); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("reading the billing record: %w", err)
	}
	s.record = record
	return nil
}
