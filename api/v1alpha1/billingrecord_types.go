package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BillingRecord is what an ended lease cost, with every input of the sum. Its
// name is the lease's UID, so that a lease can't have two. It can't be changed
// and outlives the lease.
//
// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=br;bill;bills
// +kubebuilder:printcolumn:name=Lease,type=string,JSONPath=.spec.lease.name
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=.spec.finishReason
// +kubebuilder:printcolumn:name=Seconds,type=string,JSONPath=.spec.billableSeconds
// +kubebuilder:printcolumn:name=Amount,type=string,JSONPath=.spec.amount
// +kubebuilder:printcolumn:name=Currency,type=string,JSONPath=.spec.currency
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=.metadata.creationTimestamp
type BillingRecord struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the bill.
	Spec BillingRecordSpec `json:"spec"`
}

// BillingRecordList is a list of billing records.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type BillingRecordList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BillingRecord `json:"items"`
}

// BillingRecordSpec is a bill. Amount is
//
//	perLease + Σ over segments of (cpu · perCPUHour + memory · perGiBHour) · duration
//
// rounded once, half to even, to nine decimals; zero without segments.
type BillingRecordSpec struct {
	// Lease is the lease that ended.
	Lease LeaseReference `json:"lease"`
	// ClassName is the class of the lease.
	ClassName string `json:"className"`
	// Image is the canonical reference of the image.
	Image string `json:"image"`
	// Segments are the runs of the container, each at one size.
	// +optional
	// +listType=atomic
	Segments []UsageSegment `json:"segments,omitempty"`
	// Pricing is what was pinned when the lease was accepted.
	Pricing Pricing `json:"pricing"`
	// BillableSeconds is the sum of the segments' durations, a decimal string.
	BillableSeconds string `json:"billableSeconds"`
	// Amount is what is charged, a decimal string in Currency.
	Amount string `json:"amount"`
	// Currency is the ISO 4217 code of the amount.
	Currency string `json:"currency"`
	// FinishReason says why the lease ended.
	FinishReason FinishReason `json:"finishReason"`
	// Estimated says that the end of a segment was not recorded by the engine, so that
	// the amount is a lower bound.
	Estimated bool `json:"estimated"`
}
