package lifecycle

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// announcement is an Event about a lease.
type announcement struct {
	warning              bool
	reason, action, note string
}

// announce tells the world of a change of status that has just been persisted: in an Event,
// in the log and in the metrics. No change, no announcement: an attempt that fails for
// the same reason as the one before is not announced again.
func (c *Controller) announce(ctx context.Context, before, after *v1alpha1.ContainerLease) {
	for _, a := range announcements(&before.Status, &after.Status) {
		kind := corev1.EventTypeNormal
		if a.warning {
			kind = corev1.EventTypeWarning
		}
		c.recorder.Eventf(after, nil, kind, a.reason, a.action, "%s", a.note)
		log.FromContext(ctx).Info(a.note, "reason", a.reason, "containerID", containerID(after), "phase", after.Status.Phase)
	}
	c.measure(before, after)
}

// announcements are the events that lead from one status to another.
func announcements(before, after *v1alpha1.ContainerLeaseStatus) []announcement {
	var out []announcement
	changed := func(conditionType string) (reason, message string, ok bool) {
		c := meta.FindStatusCondition(after.Conditions, conditionType)
		if c == nil || c.Reason == reasonOf(before, conditionType) {
			return "", "", false
		}
		return c.Reason, c.Message, true
	}

	if reason, message, ok := changed(v1alpha1.ConditionAccepted); ok && reason != v1alpha1.ReasonPending {
		out = append(out, announcement{reason != v1alpha1.ReasonAccepted, reason, "Accept", message})
	}
	if reason, message, ok := changed(v1alpha1.ConditionProvisioned); ok {
		switch reason {
		case v1alpha1.ReasonPullFailed, v1alpha1.ReasonCreateFailed, v1alpha1.ReasonStartFailed,
			v1alpha1.ReasonResizeFailed, v1alpha1.ReasonEngineUnavailable, v1alpha1.ReasonDeadlineExceeded:
			out = append(out, announcement{true, reason, "Provision", message})
		case v1alpha1.ReasonPulling, v1alpha1.ReasonResizing, v1alpha1.ReasonRemoved:
			out = append(out, announcement{false, reason, "Provision", message})
		}
	}
	if reason, message, ok := changed(v1alpha1.ConditionReady); ok {
		switch reason {
		case v1alpha1.ReasonRunning, v1alpha1.ReasonSuspended, v1alpha1.ReasonResuming, v1alpha1.ReasonTerminating:
			out = append(out, announcement{false, reason, "Run", message})
		}
	}
	if n := len(after.Segments); n > len(before.Segments) && n > 1 && after.Segments[n-2].Evidence == v1alpha1.EvidenceResized {
		size := after.Segments[n-1]
		out = append(out, announcement{false, "Resized", "Resize",
			"The limits are now " + size.CPU.String() + " CPU and " + size.Memory.String() + " memory."})
	}
	if reason, message, ok := changed(v1alpha1.ConditionFinished); ok && after.FinishReason != "" {
		bad := after.FinishReason != v1alpha1.FinishExpired && after.FinishReason != v1alpha1.FinishCompleted &&
			after.FinishReason != v1alpha1.FinishDeleted
		out = append(out, announcement{bad, reason, "Finish", message})
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
