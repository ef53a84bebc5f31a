package billing

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// noPricing is of a lease that no class ever accepted: it has no price, and ISO 4217 has a
// code for that.
var noPricing = v1alpha1.Pricing{Currency: "XXX", PerCPUHour: "0", PerGiBHour: "0", PerLease: "0"}

// recordOf computes the bill of a lease that has ended. It is a function of the lease alone.
func recordOf(lease *v1alpha1.ContainerLease) (*v1alpha1.BillingRecord, error) {
	pricing := noPricing
	if lease.Status.Pricing != nil {
		pricing = *lease.Status.Pricing
	}
	if pricing.PerLease == "" {
		pricing.PerLease = "0" // As the API would default it.
	}
	amount, seconds, err := policy.Amount(pricing, lease.Status.Segments)
	if err != nil {
		return nil, err
	}
	image := lease.Spec.Image
	if lease.Status.Container != nil && lease.Status.Container.Image != "" {
		image = lease.Status.Container.Image
	}
	return &v1alpha1.BillingRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: lease.Namespace, Name: string(lease.UID), Annotations: creator(lease)},
		Spec: v1alpha1.BillingRecordSpec{
			Lease:           v1alpha1.LeaseReference{Name: lease.Name, UID: lease.UID},
			ClassName:       lease.Spec.ClassName,
			Image:           image,
			Segments:        lease.Status.Segments,
			Pricing:         pricing,
			BillableSeconds: seconds,
			Amount:          amount,
			Currency:        pricing.Currency,
			FinishReason:    lease.Status.FinishReason,
			Estimated:       estimated(lease.Status.Segments),
		},
	}, nil
}

// creator names who is billed for a lease, as far as it is known.
func creator(lease *v1alpha1.ContainerLease) map[string]string {
	user, known := lease.Annotations[v1alpha1.CreatedByAnnotation]
	if !known {
		return nil
	}
	return map[string]string{v1alpha1.CreatedByAnnotation: user}
}

// estimated says whether the end of a segment was not recorded by the engine.
func estimated(segments []v1alpha1.UsageSegment) bool {
	for _, segment := range segments {
		if segment.Evidence == v1alpha1.EvidenceLastSeen {
			return true
		}
	}
	return false
}

// same says whether two records bill the same, as they would be stored.
func same(a, b *v1alpha1.BillingRecord) bool {
	x, errX := json.Marshal(a.Spec)
	y, errY := json.Marshal(b.Spec)
	return errX == nil && errY == nil && string(x) == string(y)
}
