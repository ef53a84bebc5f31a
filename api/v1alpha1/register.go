package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the objects.
const GroupName = "containerlease.dev"

// Labels and annotations that other programs rely on. The labels are on every
// container, network and volume that belongs to a lease.
const (
	// LabelNamespace holds the namespace of the lease a container belongs to.
	LabelNamespace = "containerlease.dev/namespace"
	// LabelName holds the name of the lease a container belongs to.
	LabelName = "containerlease.dev/name"
	// LabelUID holds the UID of the lease a container belongs to.
	LabelUID = "containerlease.dev/uid"
)

var (
	// SchemeGroupVersion is the group and version of the objects.
	SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}
	// SchemeBuilder collects what AddToScheme registers.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme registers the objects of this group and version.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Resource qualifies a resource with the group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}

// Kind qualifies a kind with the group.
func Kind(kind string) schema.GroupKind {
	return SchemeGroupVersion.WithKind(kind).GroupKind()
}

// KnownTypes returns a new value of each type of the group, lists included.
func KnownTypes() []runtime.Object {
	return []runtime.Object{
		&ContainerLease{}, &ContainerLeaseList{},
		&LeaseClass{}, &LeaseClassList{},
		&BillingRecord{}, &BillingRecordList{},
		&ContainerLeaseLogOptions{}, &ContainerLeaseStatsOptions{}, &LeaseStats{},
	}
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, KnownTypes()...)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
