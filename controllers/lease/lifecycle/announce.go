package lifecycle

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// announcement is an Event about a lease.
type announcement struct {
	kind, reason, action, note string
}

// announced are the reasons of conditions that are worth an Event when they come about, by the
// type of the condition, with the kind of the Event. How a lease ends always is.
var announced = map[string]map[string]string{
	v1alpha1.ConditionAccepted: {
		v1alpha1.ReasonAccepted:      corev1.EventTypeNormal,
		v1alpha1.ReasonClassNotFound: corev1.EventTypeWarning,
		v1alpha1.ReasonNotAllowed:    corev1.EventTypeWarning,
	},
	v1alpha1.ConditionProvisioned: {
		v1alpha1.ReasonPulling:           corev1.EventTypeNormal,
		v1alpha1.ReasonResizing:          corev1.EventTypeNormal,
		v1alpha1.ReasonRemoved:           corev1.EventTypeNormal,
		v1alpha1.ReasonPullFailed:        corev1.EventTypeWarning,
		v1alpha1.ReasonCreateFailed:      corev1.EventTypeWarning,
		v1alpha1.ReasonStartFailed:       corev1.EventTypeWarning,
		v1alpha1.ReasonResizeFailed:      corev1.EventTypeWarning,
		v1alpha1.ReasonEngineUnavailable: corev1.EventTypeWarning,
		v1alpha1.ReasonDeadlineExceeded:  corev1.EventTypeWarning,
	},
	v1alpha1.ConditionReady: {
		v1alpha1.ReasonRunning:     corev1.EventTypeNormal,
		v1alpha1.ReasonSuspended:   corev1.EventTypeNormal,
		v1alpha1.ReasonResuming:    corev1.EventTypeNormal,
		v1alpha1.ReasonTerminating: corev1.EventTypeNormal,
	},
	v1alpha1.ConditionFinished: {
		string(v1alpha1.FinishExpired):            corev1.EventTypeNormal,
		string(v1alpha1.FinishCompleted):          corev1.EventTypeNormal,
		string(v1alpha1.FinishDeleted):            corev1.EventTypeNormal,
		string(v1alpha1.FinishFailed):             corev1.EventTypeWarning,
		string(v1alpha1.FinishOOMKilled):          corev1.EventTypeWarning,
		string(v1alpha1.FinishLost):               corev1.EventTypeWarning,
		string(v1alpha1.FinishProvisioningFailed): corev1.EventTypeWarning,
	},
}

// actions are what the controller was doing when a condition changed, for the Event.
var actions = map[string]string{
	v1alpha1.ConditionAccepted:    "Accept",
	v1alpha1.ConditionProvisioned: "Provision",
	v1alpha1.ConditionReady:       "Run",
	v1alpha1.ConditionFinished:    "Finish",
}

// announce tells the world of a change of status that has just been persisted: in an Event,
// in the log and in the metrics. No change, no announcement: an attempt that fails for
// the same reason as the one before is not announced again.
func (c *Controller) announce(ctx context.Context, before, after *v1alpha1.ContainerLease) {
	for _, a := range announcements(&before.Status, &after.Status) {
		c.recorder.Eventf(after, nil, a.kind, a.reason, a.action, "%s", a.note)
		log.FromContext(ctx).Info(a.note, "reason", a.reason, "containerID", containerID(after), "phase", after.Status.Phase)
	}
	c.measure(before, after)
}

// announcements are the events that lead from one status to another, in the order of the
// conditions.
func announcements(before, after *v1alpha1.ContainerLeaseStatus) []announcement {
	var out []announcement
	for _, condition := range after.Conditions {
		kind, worthIt := announced[condition.Type][condition.Reason]
		if worthIt && condition.Reason != reasonOf(before, condition.Type) {
			out = append(out, announcement{kind, condition.Reason, actions[condition.Type], condition.Message})
		}
	}
	if n := len(after.Segments); n > len(before.Segments) && n > 1 && after.Segments[n-2].Evidence == v1alpha1.EvidenceResized {
		size := after.Segments[n-1]
		out = append(out, announcement{corev1.EventTypeNormal, "Resized", "Resize",
			"The limits are now " + size.CPU.String() + " CPU and " + size.Memory.String() + " memory."})
	}
	return out
}

// measure observes what has been decided by this change.
func (c *Controller) measure(before, after *v1alpha1.ContainerLease) {
	if before.Status.StartTime == nil && after.Status.StartTime != nil {
		took := after.Status.StartTime.Sub(after.CreationTimestamp.Time)
		provisioningDuration.Observe(max(took, 0).Seconds())
	}
	if before.Status.FinishReason != "" || after.Status.FinishReason == "" {
		return
	}
	finishedTotal.WithLabelValues(string(after.Status.FinishReason)).Inc()
	if after.Status.FinishReason == v1alpha1.FinishExpired && after.Status.ExpirationTime != nil {
		lag := after.Status.FinishTime.Sub(after.Status.ExpirationTime.Time)
		expiryLag.Observe(max(lag, time.Duration(0)).Seconds())
	}
}

func containerID(lease *v1alpha1.ContainerLease) string {
	if lease.Status.Container == nil {
		return ""
	}
	return lease.Status.Container.ID
}
