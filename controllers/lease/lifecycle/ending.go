package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// ending is how a lease ended.
type ending struct {
	at      time.Time
	reason  v1alpha1.FinishReason
	message string
}

// finished says whether a lease's end is persisted. It is never computed again then.
func finished(lease *v1alpha1.ContainerLease) bool { return lease.Status.FinishReason != "" }

// endingOf decides whether a lease has ended by now, and how. It has not as long as its
// container runs, or the engine can't say: nil.
func endingOf(s *scope, expiration *time.Time, segments []v1alpha1.UsageSegment) *ending {
	switch {
	case s.engineErr != nil || s.running() || s.beingRemoved():
		return nil
	case !s.started():
		return s.unstartedEnding()
	case !s.exists():
		return s.vanishedEnding(expiration, segments)
	case s.isPause():
		return s.pausedEnding(expiration)
	default:
		return s.exitedEnding(expiration, segments)
	}
}

// unstartedEnding is for a lease whose container never ran.
func (s *scope) unstartedEnding() *ending {
	deadline := s.provisioningDeadline()
	switch {
	case s.deleting():
		return &ending{s.now, v1alpha1.FinishDeleted, "The lease was deleted before its container ran."}
	case s.acceptance != nil && !s.acceptance.accepted:
		return &ending{s.now, v1alpha1.FinishProvisioningFailed, s.acceptance.message}
	case s.step.hopeless:
		return &ending{s.now, v1alpha1.FinishProvisioningFailed, s.step.message}
	case !s.suspended() && !s.now.Before(deadline):
		message := fmt.Sprintf("No container ran within %s.", policy.ProvisioningPeriod(s.lease))
		if last := provisionedCondition(s.lease); last != nil && last.Message != "" {
			message += " Last: " + last.Message
		}
		return &ending{s.now, v1alpha1.FinishProvisioningFailed, message}
	}
	return nil
}

// vanishedEnding is for a lease whose container ran and is gone.
func (s *scope) vanishedEnding(expiration *time.Time, segments []v1alpha1.UsageSegment) *ending {
	lost := &ending{later(lastEnd(segments), s.lease.Status.StartTime.Time), v1alpha1.FinishLost,
		"The container was removed by someone else."}
	if s.exit == nil {
		return lost
	}
	// Removed by someone else, but not before its time.
	switch reason := s.reasonOf(expiration, s.exit.At, s.exit.ExitCode, false); reason {
	case v1alpha1.FinishExpired, v1alpha1.FinishDeleted:
		return &ending{s.exit.At, reason, endMessage(reason, s.exit.ExitCode)}
	default:
		return lost
	}
}

// isPause says whether the container, which has exited, was stopped by a suspension. That
// is so as long as the spec says Suspended; and afterwards if the status says that a
// suspension was under way, or in force, and the container has not run since.
func (s *scope) isPause() bool {
	switch readyReason(s.lease) {
	case v1alpha1.ReasonTerminating:
		return false
	case v1alpha1.ReasonSuspending:
		return true
	case v1alpha1.ReasonSuspended, v1alpha1.ReasonResuming:
		ranSince := s.container.StartedAt.After(lastEnd(s.lease.Status.Segments))
		return s.suspended() || !ranSince
	default:
		return s.suspended()
	}
}

// pausedEnding is for a lease whose container is stopped, but not for good.
func (s *scope) pausedEnding(expiration *time.Time) *ending {
	switch {
	case expiration != nil && !s.now.Before(*expiration):
		return &ending{*expiration, v1alpha1.FinishExpired, endMessage(v1alpha1.FinishExpired, 0)}
	case s.deleting():
		return &ending{s.now, v1alpha1.FinishDeleted, endMessage(v1alpha1.FinishDeleted, 0)}
	case s.step.hopeless:
		return &ending{s.now, v1alpha1.FinishFailed, "The container could not be resumed. " + s.step.message}
	}
	return nil
}

// exitedEnding is for a lease whose container exited.
func (s *scope) exitedEnding(expiration *time.Time, segments []v1alpha1.UsageSegment) *ending {
	at := lastEnd(segments)
	if s.crashed() {
		return &ending{at, v1alpha1.FinishLost, "The engine did not record when the container ended."}
	}
	reason := s.reasonOf(expiration, s.container.FinishedAt, s.container.ExitCode, s.container.OOMKilled)
	return &ending{at, reason, endMessage(reason, s.container.ExitCode)}
}

func (s *scope) reasonOf(expiration *time.Time, at time.Time, exitCode int, oomKilled bool) v1alpha1.FinishReason {
	var deletion *time.Time
	if s.deleting() {
		deletion = &s.lease.DeletionTimestamp.Time
	}
	deleted := policy.DeletedBefore(deletion, at)
	reason := policy.FinishReasonOf(deleted, expiration, at, exitCode, oomKilled)
	// An end that had begun is carried through, even if the time was extended meanwhile.
	if !s.deleting() && readyReason(s.lease) == v1alpha1.ReasonTerminating {
		return v1alpha1.FinishExpired
	}
	return reason
}

func endMessage(reason v1alpha1.FinishReason, exitCode int) string {
	switch reason {
	case v1alpha1.FinishExpired:
		return "The time was up."
	case v1alpha1.FinishDeleted:
		return "The lease was deleted."
	case v1alpha1.FinishOOMKilled:
		return "The command used more memory than its limit and was killed."
	}
	switch text := fmt.Sprintf("The command exited with code %d", exitCode); {
	case exitCode == 126:
		return text + ": it can't be executed."
	case exitCode == 127:
		return text + ": it was not found in the image, or one that it ran was not."
	case exitCode > 128 && exitCode < 128+65:
		return fmt.Sprintf("%s: it was ended by signal %d.", text, exitCode-128)
	default:
		return text + "."
	}
}

// provisioningDeadline is when a lease is given up whose container has not run. The time
// counts from when provisioning began, for the first time or anew after a suspension, which
// is when Provisioned became False. It does not count while nobody works on the lease.
func (s *scope) provisioningDeadline() time.Time {
	from := s.now
	if last := provisionedCondition(s.lease); last != nil && last.Status == metav1.ConditionFalse {
		from = last.LastTransitionTime.Time
	}
	return from.Add(policy.ProvisioningPeriod(s.lease))
}
