// Package v1alpha1 holds the objects of the containerlease.dev/v1alpha1 API:
// ContainerLease (what somebody wants to run, and for how long), LeaseClass
// (what may be leased and at what price) and BillingRecord (what an ended lease
// cost). It holds their defaults, their validation and the condition and reason
// constants. It performs no I/O and imports nothing else of this module.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=dev.containerlease.v1alpha1
// +groupName=containerlease.dev
package v1alpha1
