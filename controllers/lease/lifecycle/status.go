package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// observedEvery is how old status.lastObservedTime may get while the container runs. What
// is charged for an end that nobody saw is this much too little, at most.
const observedEvery = 30 * time.Second

// statusOf computes the whole status of a lease from one look at it. It is the only place where a
// status is made. It has no side effects, and the same look gives the same status.
func statusOf(s *scope) v1alpha1.ContainerLeaseStatus {
	status := *s.lease.Status.DeepCopy()
	status.ObservedGeneration = s.lease.Generation

	status.Container = s.containerStatus(status.Container)
	status.Segments = segmentsOf(s)
	status.LastObservedTime = s.lastObserved()
	if len(status.Segments) > 0 {
		status.StartTime = ptr.To(status.Segments[0].StartedAt)
	}
	var end *ending
	if !finished(s.lease) {
		status.ExpirationTime = s.expiration(status.StartTime)
		if end = endingOf(s, timeOf(status.ExpirationTime), status.Segments); end != nil {
			status.FinishTime = ptr.To(v1alpha1.NewTimestamp(end.at))
			status.FinishReason = end.reason
		}
	}
	if status.Pricing == nil && s.acceptance != nil && s.acceptance.accepted {
		status.Pricing = ptr.To(s.acceptance.class.Spec.Pricing)
	}
	status.Cost = s.cost(&status)
	setConditions(s, &status, end)
	status.Phase = phaseOf(s, &status)
	return status
}

// containerStatus describes the container, and keeps what was known of it once it is gone.
func (s *scope) containerStatus(known *v1alpha1.ContainerStatus) *v1alpha1.ContainerStatus {
	if known == nil {
		known = &v1alpha1.ContainerStatus{}
	}
	if s.acceptance != nil && s.acceptance.accepted {
		known.Image = s.acceptance.image
	}
	if c := s.container; c != nil {
		known.ID, known.Engine = c.ID, c.Engine
		known.ImageDigest = c.ImageDigest
		known.Ports = portsOf(c.Ports)
		known.ExitCode, known.OOMKilled = nil, false
		if s.hasRun() && !s.running() && !s.beingRemoved() {
			known.ExitCode, known.OOMKilled = ptr.To(int32(c.ExitCode)), c.OOMKilled //nolint:gosec // an exit code has eight bits
		}
	} else if s.exit != nil {
		known.ExitCode = ptr.To(int32(s.exit.ExitCode)) //nolint:gosec // an exit code has eight bits
	}
	if known.ID == "" && known.Image == "" {
		return nil
	}
	return known
}

func portsOf(ports []driver.Port) []v1alpha1.PortStatus {
	var out []v1alpha1.PortStatus
	for _, p := range ports {
		protocol := corev1.ProtocolTCP
		if p.Protocol == "udp" {
			protocol = corev1.ProtocolUDP
		}
		out = append(out, v1alpha1.PortStatus{
			ContainerPort: p.ContainerPort, Protocol: protocol, HostIP: p.HostIP, HostPort: p.HostPort,
		})
	}
	return out
}

// lastObserved is the last moment the container was seen running, persisted only so often.
func (s *scope) lastObserved() *v1alpha1.Timestamp {
	last := s.lease.Status.LastObservedTime
	if !s.running() || finished(s.lease) {
		return last
	}
	if last != nil && s.now.Sub(last.Time) < observedEvery && !last.Before(s.container.StartedAt) {
		return last
	}
	return ptr.To(v1alpha1.NewTimestamp(s.now))
}

// expiration is startTime + spec.ttl; nil as long as the clock does not run.
func (s *scope) expiration(start *v1alpha1.Timestamp) *v1alpha1.Timestamp {
	if start == nil {
		return nil
	}
	ttl, err := s.lease.Spec.TTL.Parse()
	if err != nil {
		// The API validates it. Were it to fail, the last good value is the safe one.
		return s.lease.Status.ExpirationTime
	}
	return ptr.To(v1alpha1.NewTimestamp(policy.ExpirationTime(start.Time, ttl)))
}

// cost is what the lease costs: by its size and time until it has ended, by its record then.
func (s *scope) cost(status *v1alpha1.ContainerLeaseStatus) *v1alpha1.LeaseCost {
	cost := status.Cost
	if pricing := status.Pricing; pricing != nil && !finished(s.lease) {
		cpu, memory := sizeOf(wanted(s.lease))
		ttl, _ := s.lease.Spec.TTL.Parse() // Zero if invalid, which the API rules out.
		rate, err := policy.HourlyRate(*pricing, cpu, memory)
		if err == nil {
			var estimated string
			if estimated, err = policy.Estimate(*pricing, cpu, memory, ttl); err == nil {
				cost = &v1alpha1.LeaseCost{Currency: pricing.Currency, HourlyRate: rate, Estimated: estimated}
			}
		}
		if err != nil {
			cost = nil // Not a price; the bill will say so.
		}
	}
	if s.record == nil {
		return cost
	}
	if cost == nil {
		cost = &v1alpha1.LeaseCost{Currency: s.record.Spec.Currency, HourlyRate: "0", Estimated: "0"}
	}
	cost.Final = s.record.Spec.Amount
	return cost
}

// phaseOf sums the conditions up in a word.
func phaseOf(s *scope, status *v1alpha1.ContainerLeaseStatus) v1alpha1.LeasePhase {
	if status.FinishReason != "" {
		switch {
		case settled(s.lease):
			return s.lease.Status.Phase
		case s.engineErr != nil || s.exists() || !isTrue(status, v1alpha1.ConditionBilled):
			return v1alpha1.LeaseTerminating
		}
		switch status.FinishReason {
		case v1alpha1.FinishExpired, v1alpha1.FinishCompleted, v1alpha1.FinishDeleted:
			return v1alpha1.LeaseFinished
		default:
			return v1alpha1.LeaseFailed
		}
	}
	switch reasonOf(status, v1alpha1.ConditionReady) {
	case v1alpha1.ReasonRunning, v1alpha1.ReasonSuspending:
		return v1alpha1.LeaseRunning
	case v1alpha1.ReasonTerminating:
		return v1alpha1.LeaseTerminating
	case v1alpha1.ReasonSuspended:
		return v1alpha1.LeaseSuspended
	}
	if isTrue(status, v1alpha1.ConditionAccepted) {
		return v1alpha1.LeaseProvisioning
	}
	return v1alpha1.LeasePending
}

// settled says whether a lease has ended, is billed, and its container is gone: all persisted.
func settled(lease *v1alpha1.ContainerLease) bool {
	return lease.Status.Phase == v1alpha1.LeaseFinished || lease.Status.Phase == v1alpha1.LeaseFailed
}

func timeOf(t *v1alpha1.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	return &t.Time
}
