// Package admission holds what the API server does to a request between its decoding
// and the registry: filling in what a lease leaves to its class, keeping new things out
// of namespaces that are being deleted, and making the namespaces that users may use.
package admission

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/admission"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/server/registry/containerlease"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// LeaseDefaults fills in the class of a lease that names none, and what the lease
// leaves to its class. It refuses nothing: what is wrong is for the registry to say,
// which says everything at once.
type LeaseDefaults struct {
	*admission.Handler
	classes containerlease.Classes
}

var _ admission.MutationInterface = &LeaseDefaults{}

// NewLeaseDefaults returns the plugin.
func NewLeaseDefaults(classes containerlease.Classes) *LeaseDefaults {
	return &LeaseDefaults{admission.NewHandler(admission.Create, admission.Update), classes}
}

// Admit implements admission.MutationInterface. It fails only if a class can't be read.
func (d *LeaseDefaults) Admit(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetResource().GroupResource() != v1alpha1.Resource("containerleases") || a.GetSubresource() != "" {
		return nil
	}
	lease, ok := a.GetObject().(*v1alpha1.ContainerLease)
	if !ok {
		return apierrors.NewBadRequest(fmt.Sprintf("unexpected object %T", a.GetObject()))
	}
	// An update by the whole object may leave out what can't be changed anyway.
	old, updating := a.GetOldObject().(*v1alpha1.ContainerLease)
	if updating && lease.Spec.ClassName == "" {
		lease.Spec.ClassName = old.Spec.ClassName
	}
	if complete(&lease.Spec) {
		return nil
	}
	class, err := d.class(ctx, lease.Spec.ClassName)
	switch {
	case err != nil:
		return err
	case class != nil:
		policy.ApplyClassDefaults(lease, class)
	case updating:
		// The class is gone: what the lease had stays.
		keep(&lease.Spec, &old.Spec)
	}
	return nil
}

func complete(spec *v1alpha1.ContainerLeaseSpec) bool {
	return spec.ClassName != "" && spec.TTL != "" && spec.Resources.CPU != nil && spec.Resources.Memory != nil
}

// class returns the class of that name, the default class for none; nil if there is no such class.
func (d *LeaseDefaults) class(ctx context.Context, name string) (*v1alpha1.LeaseClass, error) {
	if name == "" {
		classes, err := d.classes.Classes(ctx)
		if err != nil {
			return nil, err
		}
		return policy.DefaultClass(classes), nil
	}
	class, err := d.classes.Class(ctx, name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return class, err
}

func keep(spec, old *v1alpha1.ContainerLeaseSpec) {
	if spec.TTL == "" {
		spec.TTL = old.TTL
	}
	if spec.Resources.CPU == nil {
		spec.Resources.CPU = old.Resources.CPU
	}
	if spec.Resources.Memory == nil {
		spec.Resources.Memory = old.Resources.Memory
	}
}
