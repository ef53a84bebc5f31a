// Package containerlease is the registry of ContainerLeases: the resource itself
// (strategy.go), its status (status.go), its log (log.go), and how it is printed
// (table.go).
package containerlease

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/registry"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Storage serves containerleases.
type Storage struct{ *genericregistry.Store }

// ShortNames are what people type.
func (Storage) ShortNames() []string { return []string{"cl", "lease", "leases"} }

// Categories make `kubectl get all` list leases.
func (Storage) Categories() []string { return []string{"all"} }

// New returns the storage of containerleases and of their status. Leases are checked
// against the classes that classes knows.
func New(options generic.RESTOptionsGetter, classes Classes, clock clock.PassiveClock) (Storage, StatusStorage, error) {
	behaviour := strategy{registry.NewStrategy(true), classes}
	store, err := registry.NewStore(registry.Resource{
		Plural:     v1alpha1.Resource("containerleases"),
		Singular:   v1alpha1.Resource("containerlease"),
		New:        func() runtime.Object { return &v1alpha1.ContainerLease{} },
		NewList:    func() runtime.Object { return &v1alpha1.ContainerLeaseList{} },
		Strategy:   behaviour,
		Reset:      registry.Reset("status"),
		Attributes: attributes,
		Indexed:    []string{uidField, containerField},
		Table:      newTable(clock),
	}, options)
	if err != nil {
		return Storage{}, StatusStorage{}, err
	}
	status := *store
	status.UpdateStrategy = statusStrategy{behaviour}
	status.ResetFieldsStrategy = registry.Reset("spec", "metadata")
	return Storage{store}, StatusStorage{&status}, nil
}

// Lease returns a lease of the namespace in ctx, as it is now. Its error is an API error.
func (s Storage) Lease(ctx context.Context, name string) (*v1alpha1.ContainerLease, error) {
	obj, err := s.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return obj.(*v1alpha1.ContainerLease), nil
}

// The fields that a lease is looked up by when its namespace and name are not known.
const (
	uidField       = "metadata.uid"
	containerField = "status.container.id"
)

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	lease := obj.(*v1alpha1.ContainerLease)
	containerID := ""
	if lease.Status.Container != nil {
		containerID = lease.Status.Container.ID
	}
	return lease.Labels, generic.AddObjectMetaFieldsSet(fields.Set{
		uidField:              string(lease.UID),
		containerField:        containerID,
		"spec.className":      lease.Spec.ClassName,
		"spec.image":          lease.Spec.Image,
		"status.phase":        string(lease.Status.Phase),
		"status.finishReason": string(lease.Status.FinishReason),
	}, &lease.ObjectMeta, true), nil
}
