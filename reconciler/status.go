package reconciler

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SetCondition sets a condition. The time of its last transition is now if its status
// changed, and stays otherwise: a new reason or message is no transition.
func SetCondition(conditions *[]metav1.Condition, now time.Time, condition metav1.Condition) {
	condition.LastTransitionTime = metav1.NewTime(now)
	meta.SetStatusCondition(conditions, condition)
}

// PatchStatus writes the status of desired, in one patch, if it differs from that of
// observed in what the API would store; it reports whether it did. Both must be the
// same object: observed as it was read, desired a copy of it with the status
// computed. If it wrote, desired is what the API stored.
//
// The patch fails with a conflict if the object has changed since it was read, so that
// a status computed from what no longer holds is never stored.
func PatchStatus(ctx context.Context, c client.SubResourceWriter, observed, desired client.Object) (bool, error) {
	diff, err := client.MergeFrom(observed).Data(desired)
	if err != nil {
		return false, fmt.Errorf("comparing the status: %w", err)
	}
	if string(diff) == "{}" {
		return false, nil
	}
	if err := c.Patch(ctx, desired, client.MergeFromWithOptions(observed, client.MergeFromWithOptimisticLock{})); err != nil {
		return false, fmt.Errorf("writing the status: %w", err)
	}
	return true, nil
}
