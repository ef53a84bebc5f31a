package lifecycle

import (
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// scope is one look at a lease: what the phases observed and what the last step came
// to. Phases only fill it in; statusOf and next are functions of it. lease.Status is what
// was last persisted, and the only memory there is.
type scope struct {
	// lease is as the API last returned it. It is not changed.
	lease *v1alpha1.ContainerLease
	// now is the moment of the look.
	now time.Time

	// acceptance is what the class says; nil where it isn't asked any more.
	acceptance *acceptance
	// engineErr is why the engine could not be asked. What follows it is unknown then.
	engineErr error
	// container is the lease's; nil if there is none.
	container *driver.Container
	// exit is what the engine remembers of the end of a run, where the container itself can't tell
	// or is gone. nil if it isn't needed, or the engine remembers nothing.
	exit *driver.Exit
	// record is the bill of the lease, once it has ended and there is one.
	record *v1alpha1.BillingRecord

	// step is what was done since the look before, and what came of it.
	step step
}

// step is what came of an action.
type step struct {
	action action
	// reason and message are of the Provisioned condition, where the step has something
	// to say about it.
	reason, message string
	// err is to be retried with back-off.
	err error
	// hopeless says that the engine will refuse again: the lease ends.
	hopeless bool
	// wait is how long to wait before the action is continued, if it isn't over.
	wait time.Duration
}

// acceptance is what the class says about a lease.
type acceptance struct {
	accepted bool
	// reason and message are of the Accepted condition.
	reason, message string
	// class and image, the canonical reference, are set if the lease is accepted.
	class *v1alpha1.LeaseClass
	image string
}

// exists says whether the engine has a container of the lease.
func (s *scope) exists() bool { return s.container != nil }

// hasRun says whether the container runs or has run.
func (s *scope) hasRun() bool { return s.exists() && !s.container.StartedAt.IsZero() }

// running says whether the container runs.
func (s *scope) running() bool { return s.exists() && s.container.State == driver.StateRunning }

// started says whether the lease's clock runs: a container has run, even if it is gone.
func (s *scope) started() bool { return s.hasRun() || s.lease.Status.StartTime != nil }

// deleting says whether the lease is to be deleted.
func (s *scope) deleting() bool { return s.lease.DeletionTimestamp != nil }

// suspended says whether the container is not to run for now.
func (s *scope) suspended() bool {
	return s.lease.Spec.OperatingMode == v1alpha1.OperatingModeSuspended
}

// removalPatience is how long a removal may take after the end of the container. One that takes
// longer has failed, and the container is judged by its exit.
const removalPatience = 10 * time.Second

// beingRemoved says that someone else is removing the container: it is lost once it is gone. That
// it was killed for it is no failure of its command.
func (s *scope) beingRemoved() bool {
	if !s.exists() || s.container.State != driver.StateRemoving || !s.hasRun() {
		return false
	}
	return s.container.FinishedAt.IsZero() || s.now.Sub(s.container.FinishedAt) < removalPatience
}

// crashed says whether the container's end is one that nobody saw: the engine died with
// it, and made up an exit at its next start.
func (s *scope) crashed() bool {
	return s.exists() && !s.running() && s.container.ExitCode == crashExitCode && s.exit == nil
}

// crashExitCode is what an engine puts for a container that was found dead.
const crashExitCode = 255

// wanted returns the limits the spec asks for.
func wanted(lease *v1alpha1.ContainerLease) driver.Limits {
	var limits driver.Limits
	if cpu := lease.Spec.Resources.CPU; cpu != nil {
		limits.MilliCPU = cpu.MilliValue()
	}
	if memory := lease.Spec.Resources.Memory; memory != nil {
		limits.MemoryBytes = memory.Value()
	}
	return limits
}

// drifted says whether the limits in force are not those of the spec.
func (s *scope) drifted() bool { return s.exists() && s.container.Limits != wanted(s.lease) }
