package lifecycle

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// segmentsOf returns the usage segments that the persisted ones and the engine's
// evidence make: runs that began are opened, runs that ended are closed, and a run whose
// size we changed is split. Looking again at the same world adds nothing.
func segmentsOf(s *scope) []v1alpha1.UsageSegment {
	segments := slices.Clone(s.lease.Status.Segments)
	if s.engineErr != nil || s.beingRemoved() || finished(s.lease) {
		return segments
	}
	if !s.exists() {
		if last := open(segments); last != nil {
			at, evidence := s.vanished(last)
			closeSegment(last, at, evidence)
		}
		return segments
	}
	if !s.hasRun() {
		return segments
	}
	segments = s.begin(segments)
	last := open(segments)
	switch {
	case last == nil: // The run is closed already.
	case !s.running():
		at, evidence := s.ended(last)
		closeSegment(last, at, evidence)
	case s.resized(last):
		at := later(s.now, last.StartedAt.Time)
		closeSegment(last, at, v1alpha1.EvidenceResized)
		segments = append(segments, s.newSegment(at))
	}
	return segments
}

// begin opens a segment if the container's last run is not in the segments yet.
func (s *scope) begin(segments []v1alpha1.UsageSegment) []v1alpha1.UsageSegment {
	last, end := open(segments), lastEnd(segments)
	switch {
	case last != nil && s.container.StartedAt.After(last.StartedAt.Time):
		// It was restarted while nobody looked. The engine no longer describes the run before.
		at, evidence := s.vanished(last)
		if at.After(s.container.StartedAt) {
			at, evidence = s.container.StartedAt, v1alpha1.EvidenceLastSeen
		}
		closeSegment(last, at, evidence)
		return append(segments, s.newSegment(s.container.StartedAt))
	case last == nil && (s.running() || s.container.StartedAt.After(end)):
		return append(segments, s.newSegment(later(s.container.StartedAt, end)))
	default:
		return segments
	}
}

// resized says whether the limits in force are those of the spec, and other ones than the
// segment's. Limits that someone else changed don't count: nobody agreed to a price for
// them, and they are put right.
func (s *scope) resized(segment *v1alpha1.UsageSegment) bool {
	if s.drifted() {
		return false
	}
	return segment.CPU.MilliValue() != s.container.Limits.MilliCPU || segment.Memory.Value() != s.container.Limits.MemoryBytes
}

// newSegment begins a segment at the size that is in force.
func (s *scope) newSegment(at time.Time) v1alpha1.UsageSegment {
	cpu, memory := sizeOf(s.container.Limits)
	return v1alpha1.UsageSegment{
		ContainerID: s.container.ID,
		StartedAt:   v1alpha1.NewTimestamp(at),
		CPU:         cpu,
		Memory:      memory,
	}
}

func sizeOf(limits driver.Limits) (cpu, memory resource.Quantity) {
	return *resource.NewMilliQuantity(limits.MilliCPU, resource.DecimalSI),
		*resource.NewQuantity(limits.MemoryBytes, resource.BinarySI)
}

// ended returns when the container's last run ended, which the segment is of, and how
// that is known.
func (s *scope) ended(segment *v1alpha1.UsageSegment) (time.Time, v1alpha1.UsageEvidence) {
	if s.crashed() || s.container.FinishedAt.IsZero() {
		seen := s.lastSeen(segment)
		if finished := s.container.FinishedAt; !finished.IsZero() && finished.Before(seen) {
			seen = finished
		}
		return seen, v1alpha1.EvidenceLastSeen
	}
	return s.container.FinishedAt, v1alpha1.EvidenceEngineExit
}

// vanished returns when a run ended that the engine no longer describes. Once the container is
// gone, the engine's memory of its exit says when it was last seen, but is no evidence
// that anybody could check later.
func (s *scope) vanished(segment *v1alpha1.UsageSegment) (time.Time, v1alpha1.UsageEvidence) {
	if s.exit != nil && !s.exit.At.Before(segment.StartedAt.Time) {
		if !s.exists() {
			return s.exit.At, v1alpha1.EvidenceLastSeen
		}
		return s.exit.At, v1alpha1.EvidenceEngineExit
	}
	return s.lastSeen(segment), v1alpha1.EvidenceLastSeen
}

// lastSeen is the last moment the segment's run was seen; its beginning if it never was.
func (s *scope) lastSeen(segment *v1alpha1.UsageSegment) time.Time {
	if seen := s.lease.Status.LastObservedTime; seen != nil {
		return later(seen.Time, segment.StartedAt.Time)
	}
	return segment.StartedAt.Time
}

// closeSegment ends a segment, never before it began: clocks that were set back must not
// make a negative charge.
func closeSegment(segment *v1alpha1.UsageSegment, at time.Time, evidence v1alpha1.UsageEvidence) {
	finished := v1alpha1.NewTimestamp(later(at, segment.StartedAt.Time))
	segment.FinishedAt = &finished
	segment.Evidence = evidence
}

// open returns the segment that goes on, which can only be the last; nil if there is none.
func open(segments []v1alpha1.UsageSegment) *v1alpha1.UsageSegment {
	if n := len(segments); n > 0 && segments[n-1].FinishedAt == nil {
		return &segments[n-1]
	}
	return nil
}

// lastEnd returns when the last closed segment ended; zero if there is none.
func lastEnd(segments []v1alpha1.UsageSegment) time.Time {
	if n := len(segments); n > 0 && segments[n-1].FinishedAt != nil {
		return segments[n-1].FinishedAt.Time
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
