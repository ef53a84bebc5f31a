package policy

import (
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// ExpirationTime is when a container that started at start has to end.
func ExpirationTime(start time.Time, ttl time.Duration) time.Time { return start.Add(ttl) }

// RemainingTime is how long it is from now until expiration; zero once it is reached.
func RemainingTime(expiration, now time.Time) time.Duration {
	return max(expiration.Sub(now), 0)
}

// FinishReasonOf says why a lease ended whose container exited at finishedAt. The
// first that holds:
//
//   - Expired: it exited at its expiration or after it, however that came about. What
//     stopped it then was us, so exit code and OOM flag say nothing about the command.
//   - OOMKilled: the engine says that the kernel killed in the container for want of
//     memory, and the command did not succeed. The flag also stands if only a child
//     of the command was killed; a command that coped with that and exited with 0
//     was not what was killed.
//   - Deleted: deleted says that the lease was being deleted when the container exited.
//   - Completed: the command exited with 0.
//   - Failed: anything else.
//
// deleted must hold only if the deletion was asked for no later than finishedAt;
// DeletedBefore says so. expiration is nil if the container never had one.
func FinishReasonOf(deleted bool, expiration *time.Time, finishedAt time.Time, exitCode int, oomKilled bool) v1alpha1.FinishReason {
	switch {
	case expiration != nil && !finishedAt.Before(*expiration):
		return v1alpha1.FinishExpired
	case oomKilled && exitCode != 0:
		return v1alpha1.FinishOOMKilled
	case deleted:
		return v1alpha1.FinishDeleted
	case exitCode == 0:
		return v1alpha1.FinishCompleted
	default:
		return v1alpha1.FinishFailed
	}
}

// DeletedBefore says whether a lease's deletion was asked for before finishedAt. A
// deletion timestamp has whole seconds, so one second of doubt goes to the deletion.
// deletionTimestamp is nil while the lease isn't being deleted.
func DeletedBefore(deletionTimestamp *time.Time, finishedAt time.Time) bool {
	return deletionTimestamp != nil && !finishedAt.Before(deletionTimestamp.Truncate(time.Second))
}
