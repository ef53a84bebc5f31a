package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultClassAnnotation marks, with the value "true", the class of leases that name none.
const DefaultClassAnnotation = "containerlease.dev/is-default-class"

// LeaseClass says what may be leased, within which bounds, at what price and
// how it is isolated. It is cluster-scoped.
//
// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=lc
// +kubebuilder:printcolumn:name=Default,type=string,JSONPath=.metadata.annotations.containerlease\.dev/is-default-class
// +kubebuilder:printcolumn:name=Currency,type=string,JSONPath=.spec.pricing.currency
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=.metadata.creationTimestamp
type LeaseClass struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the class allows.
	Spec LeaseClassSpec `json:"spec"`
}

// LeaseClassList is a list of classes.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type LeaseClassList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LeaseClass `json:"items"`
}

// LeaseClassSpec is what a class allows. A change concerns leases made or
// changed afterwards; the pricing of a lease is pinned when it is accepted.
type LeaseClassSpec struct {
	// Images are the images that may be leased.
	Images ImagePolicy `json:"images"`
	// TTL bounds spec.ttl of a lease.
	TTL DurationRange `json:"ttl"`
	// CPU bounds spec.resources.cpu of a lease.
	CPU QuantityRange `json:"cpu"`
	// Memory bounds spec.resources.memory of a lease.
	Memory QuantityRange `json:"memory"`
	// Pricing is what a lease costs.
	Pricing Pricing `json:"pricing"`
	// Isolation is what a container may do to its host.
	// +optional
	Isolation Isolation `json:"isolation,omitempty"`
}

// ImagePolicy says which images may be leased.
type ImagePolicy struct {
	// Catalog are images with a short name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchStrategy=merge
	// +patchMergeKey=name
	Catalog []CatalogImage `json:"catalog,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// Allow are patterns of other references that a lease may name, such as
	// "docker.io/library/alpine:*". A "*" stands for one path segment, or for any tag;
	// a pattern without tag or digest allows any. Compared in canonical form.
	// +optional
	// +listType=atomic
	Allow []string `json:"allow,omitempty"`
	// PullPolicy says when an image is pulled. Defaults to IfNotPresent.
	// +optional
	PullPolicy PullPolicy `json:"pullPolicy,omitempty"`
}

// CatalogImage is an image with a short name.
type CatalogImage struct {
	// Name is what a lease says for spec.image, such as "ubuntu".
	Name string `json:"name"`
	// Reference is the image reference it stands for, such as "ubuntu:22.04". With a
	// digest ("ubuntu:22.04@sha256:…"), the digest decides.
	Reference string `json:"reference"`
	// Description is shown beside the name.
	// +optional
	Description string `json:"description,omitempty"`
}

// PullPolicy says when an image is pulled.
// +enum
type PullPolicy string

const (
	// PullIfNotPresent pulls an image that the engine doesn't have.
	PullIfNotPresent PullPolicy = "IfNotPresent"
	// PullAlways asks the registry each time a container is created.
	PullAlways PullPolicy = "Always"
	// PullNever uses only what the engine has.
	PullNever PullPolicy = "Never"
)

// DurationRange bounds a duration. min <= default <= max.
type DurationRange struct {
	// Min is the shortest allowed.
	Min Duration `json:"min"`
	// Default is used where a lease says nothing.
	Default Duration `json:"default"`
	// Max is the longest allowed.
	Max Duration `json:"max"`
}

// QuantityRange bounds a quantity. min <= default <= max.
type QuantityRange struct {
	// Min is the least allowed.
	Min resource.Quantity `json:"min"`
	// Default is used where a lease says nothing.
	Default resource.Quantity `json:"default"`
	// Max is the most allowed.
	Max resource.Quantity `json:"max"`
}

// Pricing is what a lease costs. Prices are non-negative decimal strings with at
// most nine decimals.
type Pricing struct {
	// Currency is an ISO 4217 code, such as "USD".
	Currency string `json:"currency"`
	// PerCPUHour is the price of one CPU core for an hour.
	PerCPUHour string `json:"perCPUHour"`
	// PerGiBHour is the price of one GiB of memory for an hour.
	PerGiBHour string `json:"perGiBHour"`
	// PerLease is charged once for each lease whose container started. Defaults to "0".
	// +optional
	PerLease string `json:"perLease,omitempty"`
}

// Isolation is what a container may do to its host.
type Isolation struct {
	// PidsLimit is the largest number of processes and threads. 1 to 32768, default 512.
	// +optional
	PidsLimit *int64 `json:"pidsLimit,omitempty"`
	// ReadOnlyRootFilesystem mounts the image read-only, with a writable /tmp in memory.
	// +optional
	ReadOnlyRootFilesystem bool `json:"readOnlyRootFilesystem,omitempty"`
	// Network is Isolated (the default) or None.
	// +optional
	Network NetworkMode `json:"network,omitempty"`
	// Runtime names an OCI runtime of the engine, such as "runsc". Empty is the engine's default.
	// +optional
	Runtime string `json:"runtime,omitempty"`
}

// NetworkMode says what a container can reach.
// +enum
type NetworkMode string

const (
	// NetworkIsolated lets a container reach out, but not other leases.
	NetworkIsolated NetworkMode = "Isolated"
	// NetworkNone gives a container a loopback interface only.
	NetworkNone NetworkMode = "None"
)
