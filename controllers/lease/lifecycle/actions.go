package lifecycle

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// action is what is done next for a lease. Each is idempotent.
type action string

const (
	// actionNone: the world is as it should be, or someone else has the next move.
	actionNone action = ""
	// actionProvision gets the image, creates the container and starts it.
	actionProvision action = "provision"
	// actionResume starts a container that was suspended.
	actionResume action = "resume"
	// actionResize puts the limits of the spec in force.
	actionResize action = "resize"
	// actionStop asks the engine to end the container.
	actionStop action = "stop"
	// actionRemove removes the container of a lease that is billed.
	actionRemove action = "remove"
	// actionRelease takes the finalizer off a lease of which nothing is left.
	actionRelease action = "release"
)

// next decides what to do. s.lease.Status is the status of this very look, and is
// persisted: what an action destroys (a start overwrites the end of the run
// before, a removal destroys all) has been recorded by then.
func next(s *scope) action {
	switch {
	case s.engineErr != nil:
		return actionNone
	case finished(s.lease):
		return nextAtEnd(s)
	case s.beingRemoved():
		return actionNone
	}
	switch readyReason(s.lease) {
	case v1alpha1.ReasonTerminating, v1alpha1.ReasonSuspending:
		return actionStop
	case v1alpha1.ReasonProvisioning:
		return actionProvision
	}
	switch {
	case s.drifted():
		return actionResize
	case readyReason(s.lease) == v1alpha1.ReasonResuming:
		return actionResume
	default:
		return actionNone
	}
}

// nextAtEnd decides what to do for a lease that has ended: the record is written before the
// container is removed, and the finalizer goes once the container is gone.
func nextAtEnd(s *scope) action {
	switch {
	case !isTrue(&s.lease.Status, v1alpha1.ConditionBilled):
		return actionNone // The billing controller's move.
	case s.exists():
		return actionRemove
	case s.deleting():
		return actionRelease
	default:
		return actionNone
	}
}

// perform carries out an action, and says what came of it. It returns within the deadlines of the
// driver's calls.
func (c *Controller) perform(ctx context.Context, s *scope, a action) step {
	result := c.dispatch(ctx, s, a)
	result.action = a
	return result
}

func (c *Controller) dispatch(ctx context.Context, s *scope, a action) step {
	uid := string(s.lease.UID)
	switch a {
	case actionProvision:
		return c.provision(ctx, s)
	case actionResume:
		if err := c.driver.Start(ctx, uid); err != nil {
			return refusal(v1alpha1.ReasonStartFailed, fmt.Errorf("starting the container: %w", err))
		}
	case actionResize:
		if err := c.driver.Resize(ctx, uid, wanted(s.lease)); err != nil {
			result := refusal(v1alpha1.ReasonResizeFailed, fmt.Errorf("resizing the container: %w", err))
			result.hopeless = false // What is in use may shrink, and the spec may change.
			return result
		}
		log.FromContext(ctx).Info("resized the container",
			"containerID", s.container.ID, "from", sizeText(s.container.Limits), "to", sizeText(wanted(s.lease)))
	case actionStop:
		if err := c.driver.Stop(ctx, uid, policy.GracePeriod(s.lease)); err != nil {
			return step{err: fmt.Errorf("stopping the container: %w", err)}
		}
	case actionRemove:
		return c.remove(ctx, s)
	case actionRelease:
		return c.release(ctx, s)
	}
	return step{}
}

// remove removes the container. Whether it is gone, the next look tells.
func (c *Controller) remove(ctx context.Context, s *scope) step {
	began := c.clock.Now()
	if err := c.driver.Remove(ctx, string(s.lease.UID)); err != nil {
		return step{err: fmt.Errorf("removing the container: %w", err)}
	}
	log.FromContext(ctx).Info("removed the container",
		"containerID", s.container.ID,
		"duration", s.ran().String(),
		"cleanupTime", c.clock.Since(began).String(),
		"reason", string(s.lease.Status.FinishReason))
	return step{}
}

// ran is for how long the container ran, in all.
func (s *scope) ran() time.Duration {
	var total time.Duration
	for _, segment := range s.lease.Status.Segments {
		if segment.FinishedAt != nil {
			total += segment.FinishedAt.Sub(segment.StartedAt.Time)
		}
	}
	return total
}

// release takes the finalizer off.
func (c *Controller) release(ctx context.Context, s *scope) step {
	released := s.lease.DeepCopy()
	controllerutil.RemoveFinalizer(released, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(s.lease, client.MergeFromWithOptimisticLock{})
	if err := c.client.Patch(ctx, released, patch); err != nil {
		return step{err: fmt.Errorf("removing the finalizer: %w", err)}
	}
	return step{}
}

// again is what to do if the same action is due twice in a row: the engine has accepted it, but
// it shows no effect yet. What happens then is an event, so this is the safety net.
func again(a action) reconciler.Outcome {
	if a == actionResize {
		return reconciler.Failed(fmt.Errorf("the engine did not put the limits in force"))
	}
	return reconciler.Waiting(time.Second)
}

func sizeText(l driver.Limits) string {
	cpu, memory := sizeOf(l)
	return cpu.String() + " CPU and " + memory.String() + " memory"
}
