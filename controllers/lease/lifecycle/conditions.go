package lifecycle

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler"
)

// verdict is a condition before it has a type.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

// setConditions computes the five conditions. The rest of status is computed already; end
// is set if the lease ended just now.
func setConditions(s *scope, status *v1alpha1.ContainerLeaseStatus, end *ending) {
	set := func(conditionType string, v verdict) {
		reconciler.SetCondition(&status.Conditions, s.now, metav1.Condition{
			Type: conditionType, Status: v.status, Reason: v.reason, Message: v.message,
			ObservedGeneration: s.lease.Generation,
		})
	}
	set(v1alpha1.ConditionAccepted, s.acceptedVerdict())
	set(v1alpha1.ConditionProvisioned, s.provisionedVerdict(status))
	set(v1alpha1.ConditionReady, s.readyVerdict(status))
	set(v1alpha1.ConditionFinished, s.finishedVerdict(status, end))
	set(v1alpha1.ConditionBilled, s.billedVerdict(status))
}

// was is the condition as it was persisted, and otherwise if it wasn't.
func (s *scope) was(conditionType string, otherwise verdict) verdict {
	if c := meta.FindStatusCondition(s.lease.Status.Conditions, conditionType); c != nil {
		return verdict{c.Status, c.Reason, c.Message}
	}
	return otherwise
}

func (s *scope) acceptedVerdict() verdict {
	if a := s.acceptance; a != nil {
		if a.accepted {
			return verdict{metav1.ConditionTrue, v1alpha1.ReasonAccepted, a.message}
		}
		return verdict{metav1.ConditionFalse, a.reason, a.message}
	}
	return s.was(v1alpha1.ConditionAccepted, verdict{metav1.ConditionUnknown, v1alpha1.ReasonPending, "The class has not been asked."})
}

func (s *scope) provisionedVerdict(status *v1alpha1.ContainerLeaseStatus) verdict {
	pending := verdict{metav1.ConditionUnknown, v1alpha1.ReasonPending, "Nothing has been done yet."}
	creating := verdict{metav1.ConditionFalse, v1alpha1.ReasonCreating, "The container is being created and started."}
	before := s.was(v1alpha1.ConditionProvisioned, pending)

	switch {
	case status.FinishReason != "":
		return s.provisionedAtEnd(before)
	case s.engineErr != nil:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonEngineUnavailable, sentence(s.engineErr)}
	case s.step.reason != "":
		return verdict{metav1.ConditionFalse, s.step.reason, s.step.message}
	case s.suspended() && !s.exists():
		return pending
	case !s.suspended() && !s.running(), !s.exists():
		// Until the step has said something new, what the last one said still stands:
		// a condition must not flap between two attempts.
		return keep(before, creating,
			v1alpha1.ReasonPulling, v1alpha1.ReasonPullFailed, v1alpha1.ReasonCreateFailed,
			v1alpha1.ReasonStartFailed, v1alpha1.ReasonEngineUnavailable)
	case s.drifted():
		message := fmt.Sprintf("The limits in force, %s, are not those of the spec, %s.",
			sizeText(s.container.Limits), sizeText(wanted(s.lease)))
		return keep(before, verdict{metav1.ConditionFalse, v1alpha1.ReasonResizing, message}, v1alpha1.ReasonResizeFailed)
	default:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonProvisioned, "The container exists with the limits of the spec."}
	}
}

// provisionedAtEnd is the condition of a lease that has ended.
func (s *scope) provisionedAtEnd(before verdict) verdict {
	switch {
	case s.engineErr != nil || settled(s.lease):
		return before
	case s.step.hopeless:
		return verdict{metav1.ConditionFalse, s.step.reason, s.step.message}
	case !s.exists() && s.lease.Status.Container != nil && s.lease.Status.Container.ID != "":
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonRemoved, "The lease has ended and its container is gone."}
	case !finished(s.lease) && !s.started() && !s.deleting() && (s.acceptance == nil || s.acceptance.accepted):
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonDeadlineExceeded, before.message}
	default:
		return before
	}
}

// keep returns before if its reason is one of those given, and otherwise the other.
func keep(before, otherwise verdict, reasons ...string) verdict {
	for _, reason := range reasons {
		if before.reason == reason && before.status == metav1.ConditionFalse {
			return before
		}
	}
	return otherwise
}

func (s *scope) readyVerdict(status *v1alpha1.ContainerLeaseStatus) verdict {
	before := s.was(v1alpha1.ConditionReady, verdict{metav1.ConditionFalse, v1alpha1.ReasonProvisioning, "There is no running container yet."})
	switch {
	case status.FinishReason != "":
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonFinished, "The lease has ended."}
	case s.engineErr != nil || s.beingRemoved():
		return before
	case s.running():
		return s.runningVerdict(status, before)
	case s.suspended() && !s.hasRun():
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonSuspended, "Suspended before the container ran."}
	case s.suspended():
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonSuspended, "The container is stopped; the time goes on."}
	case s.hasRun():
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonResuming, "The container is being started again."}
	default:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonProvisioning, "There is no running container yet."}
	}
}

// runningVerdict is Ready while the container runs. A stop that has begun can't be taken
// back, so it is carried through even if the spec no longer asks for it.
func (s *scope) runningVerdict(status *v1alpha1.ContainerLeaseStatus, before verdict) verdict {
	switch {
	case s.deleting():
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonTerminating, "The lease is being deleted; the container is being stopped."}
	case before.reason == v1alpha1.ReasonTerminating:
		return before
	case status.ExpirationTime != nil && !s.now.Before(status.ExpirationTime.Time):
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonTerminating, "The time is up; the container is being stopped."}
	case s.suspended() || before.reason == v1alpha1.ReasonSuspending:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonSuspending, "The container is being stopped for now."}
	default:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonRunning, "The container runs."}
	}
}

func (s *scope) finishedVerdict(status *v1alpha1.ContainerLeaseStatus, end *ending) verdict {
	if end != nil {
		return verdict{metav1.ConditionTrue, string(status.FinishReason), end.message}
	}
	return s.was(v1alpha1.ConditionFinished, verdict{metav1.ConditionFalse, v1alpha1.ReasonNotFinished, ""})
}

func (s *scope) billedVerdict(status *v1alpha1.ContainerLeaseStatus) verdict {
	switch {
	case s.record != nil:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonBilled,
			fmt.Sprintf("Billed %s %s by record %s.", s.record.Spec.Amount, s.record.Spec.Currency, s.record.Name)}
	case isTrue(&s.lease.Status, v1alpha1.ConditionBilled):
		return s.was(v1alpha1.ConditionBilled, verdict{})
	case status.FinishReason != "":
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonBillPending, "The record is being written."}
	default:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonNotFinishedYet, ""}
	}
}

func provisionedCondition(lease *v1alpha1.ContainerLease) *metav1.Condition {
	return meta.FindStatusCondition(lease.Status.Conditions, v1alpha1.ConditionProvisioned)
}

// readyReason is the persisted reason of Ready: what was going on at the last look.
func readyReason(lease *v1alpha1.ContainerLease) string {
	return reasonOf(&lease.Status, v1alpha1.ConditionReady)
}

func reasonOf(status *v1alpha1.ContainerLeaseStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Reason
	}
	return ""
}

func isTrue(status *v1alpha1.ContainerLeaseStatus, conditionType string) bool {
	return meta.IsStatusConditionTrue(status.Conditions, conditionType)
}
