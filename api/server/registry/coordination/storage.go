// Package coordination is the registry of coordination.k8s.io/v1 Leases, by which
// controllers elect a leader. They have nothing to do with ContainerLeases.
package coordination

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"

	"github.com/containerlease/containerlease/api/server/registry"
)

// New returns the storage of leases.coordination.k8s.io.
func New(options generic.RESTOptionsGetter) (*genericregistry.Store, error) {
	return registry.NewStore(registry.Resource{
		Plural:   coordinationv1.SchemeGroupVersion.WithResource("leases").GroupResource(),
		Singular: coordinationv1.SchemeGroupVersion.WithResource("lease").GroupResource(),
		New:      func() runtime.Object { return &coordinationv1.Lease{} },
		NewList:  func() runtime.Object { return &coordinationv1.LeaseList{} },
		Strategy: strategy{registry.NewStrategy(true)},
		Table:    table,
	}, options)
}

type strategy struct{ registry.Strategy }

// AllowUnconditionalUpdate is false: an election without a version is none.
func (strategy) AllowUnconditionalUpdate(context.Context) bool { return false }

// Validate implements rest.RESTCreateStrategy.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	lease := obj.(*coordinationv1.Lease)
	errs := apivalidation.ValidateObjectMeta(&lease.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validate(lease)...)
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	lease := obj.(*coordinationv1.Lease)
	errs := apivalidation.ValidateObjectMetaUpdate(&lease.ObjectMeta, &old.(*coordinationv1.Lease).ObjectMeta, field.NewPath("metadata"))
	return append(errs, validate(lease)...)
}

func validate(lease *coordinationv1.Lease) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec")
	if d := lease.Spec.LeaseDurationSeconds; d != nil && *d <= 0 {
		errs = append(errs, field.Invalid(path.Child("leaseDurationSeconds"), *d, "must be greater than 0"))
	}
	if n := lease.Spec.LeaseTransitions; n != nil && *n < 0 {
		errs = append(errs, field.Invalid(path.Child("leaseTransitions"), *n, "must not be negative"))
	}
	return errs
}

var table = registry.Table[*coordinationv1.Lease]{
	Columns: []registry.Column{
		{Name: "Name", IsName: true, Description: "Name of the lease"},
		{Name: "Holder", Description: "Who leads"},
		{Name: "Age", Description: "Time since the lease was made"},
	},
	Cells: func(lease *coordinationv1.Lease) []any {
		holder := ""
		if lease.Spec.HolderIdentity != nil {
			holder = *lease.Spec.HolderIdentity
		}
		return []any{lease.Name, holder, registry.Age(lease)}
	},
}
