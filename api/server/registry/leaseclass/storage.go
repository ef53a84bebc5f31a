// Package leaseclass is the registry of LeaseClasses.
package leaseclass

import (
	"context"
	"fmt"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/server/registry"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Storage serves leaseclasses.
type Storage struct{ *genericregistry.Store }

// ShortNames are what people type.
func (Storage) ShortNames() []string { return []string{"lc"} }

// New returns the storage of leaseclasses.
func New(options generic.RESTOptionsGetter) (Storage, error) {
	store, err := registry.NewStore(registry.Resource{
		Plural:   v1alpha1.Resource("leaseclasses"),
		Singular: v1alpha1.Resource("leaseclass"),
		New:      func() runtime.Object { return &v1alpha1.LeaseClass{} },
		NewList:  func() runtime.Object { return &v1alpha1.LeaseClassList{} },
		Strategy: strategy{registry.NewStrategy(false)},
		Table:    table,
	}, options)
	return Storage{store}, err
}

// Class returns a class by name, as it is now. Its error is an API error.
func (s Storage) Class(ctx context.Context, name string) (*v1alpha1.LeaseClass, error) {
	obj, err := s.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return obj.(*v1alpha1.LeaseClass), nil
}

// Classes returns all classes, as they are now. Its error is an API error.
func (s Storage) Classes(ctx context.Context) ([]v1alpha1.LeaseClass, error) {
	obj, err := s.List(ctx, &metainternalversion.ListOptions{})
	if err != nil {
		return nil, err
	}
	return obj.(*v1alpha1.LeaseClassList).Items, nil
}

type strategy struct{ registry.Strategy }

// PrepareForCreate numbers the first generation.
func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	obj.(*v1alpha1.LeaseClass).Generation = 1
}

// PrepareForUpdate counts changes of the spec.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	class, was := obj.(*v1alpha1.LeaseClass), old.(*v1alpha1.LeaseClass)
	class.Generation = registry.NextGeneration(was.Generation, &class.Spec, &was.Spec)
}

// Validate implements rest.RESTCreateStrategy.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return v1alpha1.ValidateLeaseClass(obj.(*v1alpha1.LeaseClass))
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return v1alpha1.ValidateLeaseClassUpdate(obj.(*v1alpha1.LeaseClass), old.(*v1alpha1.LeaseClass))
}

var table = registry.Table[*v1alpha1.LeaseClass]{
	Columns: []registry.Column{
		{Name: "Name", IsName: true, Description: "Name of the class"},
		{Name: "Default", Description: "Whether leases that name no class get this one"},
		{Name: "CPU", Description: "Least and most CPU of a lease"},
		{Name: "Memory", Description: "Least and most memory of a lease"},
		{Name: "TTL", Description: "Shortest and longest time of a lease"},
		{Name: "Price", Description: "Price of a core and of a GiB of memory for an hour"},
		{Name: "Images", Wide: true, Description: "Images of the catalog"},
		{Name: "Age", Description: "Time since the class was made"},
	},
	Cells: func(class *v1alpha1.LeaseClass) []any {
		spec := &class.Spec
		images := ""
		for i, image := range spec.Images.Catalog {
			if i > 0 {
				images += ","
			}
			images += image.Name
		}
		mark := ""
		if policy.IsDefaultClass(class) {
			mark = "yes"
		}
		return []any{
			class.Name, mark,
			registry.QuantityText(spec.CPU.Min) + "-" + registry.QuantityText(spec.CPU.Max),
			registry.QuantityText(spec.Memory.Min) + "-" + registry.QuantityText(spec.Memory.Max),
			string(spec.TTL.Min) + "-" + string(spec.TTL.Max),
			fmt.Sprintf("%s/CPUh %s/GiBh %s", spec.Pricing.PerCPUHour, spec.Pricing.PerGiBHour, spec.Pricing.Currency),
			images, registry.Age(class),
		}
	},
}
