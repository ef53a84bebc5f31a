// Package billingrecord is the registry of BillingRecords.
package billingrecord

import (
	"context"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"

	"github.com/containerlease/containerlease/api/server/registry"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Storage serves billingrecords.
type Storage struct{ *genericregistry.Store }

// ShortNames are what people type.
func (Storage) ShortNames() []string { return []string{"br", "bill", "bills"} }

// New returns the storage of billingrecords.
func New(options generic.RESTOptionsGetter) (Storage, error) {
	store, err := registry.NewStore(registry.Resource{
		Plural:     v1alpha1.Resource("billingrecords"),
		Singular:   v1alpha1.Resource("billingrecord"),
		New:        func() runtime.Object { return &v1alpha1.BillingRecord{} },
		NewList:    func() runtime.Object { return &v1alpha1.BillingRecordList{} },
		Strategy:   strategy{registry.NewStrategy(true)},
		Attributes: attributes,
		Table:      table,
	}, options)
	return Storage{store}, err
}

type strategy struct{ registry.Strategy }

// Validate implements rest.RESTCreateStrategy.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return v1alpha1.ValidateBillingRecord(obj.(*v1alpha1.BillingRecord))
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return v1alpha1.ValidateBillingRecordUpdate(obj.(*v1alpha1.BillingRecord), old.(*v1alpha1.BillingRecord))
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	record := obj.(*v1alpha1.BillingRecord)
	return record.Labels, generic.AddObjectMetaFieldsSet(fields.Set{
		"spec.lease.name":   record.Spec.Lease.Name,
		"spec.lease.uid":    string(record.Spec.Lease.UID),
		"spec.className":    record.Spec.ClassName,
		"spec.finishReason": string(record.Spec.FinishReason),
	}, &record.ObjectMeta, true), nil
}

var table = registry.Table[*v1alpha1.BillingRecord]{
	Columns: []registry.Column{
		{Name: "Name", IsName: true, Description: "UID of the lease"},
		{Name: "Lease", Description: "Name of the lease"},
		{Name: "Reason", Description: "Why the lease ended"},
		{Name: "Seconds", Description: "Seconds charged"},
		{Name: "Amount", Description: "What is charged; ~ if the end of a run was not recorded"},
		{Name: "Currency", Description: "Currency of the amount"},
		{Name: "Class", Wide: true, Description: "Class of the lease"},
		{Name: "Image", Wide: true, Description: "Image of the lease"},
		{Name: "Age", Description: "Time since the record was made"},
	},
	Cells: func(record *v1alpha1.BillingRecord) []any {
		spec := &record.Spec
		amount := spec.Amount
		if spec.Estimated {
			amount = "~" + amount
		}
		return []any{
			record.Name, spec.Lease.Name, string(spec.FinishReason), spec.BillableSeconds, amount, spec.Currency,
			spec.ClassName, spec.Image, registry.Age(record),
		}
	},
}
