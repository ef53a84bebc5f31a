package containerlease

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/server/registry"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Classes reads LeaseClasses as they are now. Errors are API errors.
type Classes interface {
	Class(ctx context.Context, name string) (*v1alpha1.LeaseClass, error)
	Classes(ctx context.Context) ([]v1alpha1.LeaseClass, error)
}

type strategy struct {
	registry.Strategy
	classes Classes
}

// PrepareForCreate starts the lease's life: whatever status somebody sent is dropped. The
// finalizer is on it from the first moment, so that even a lease that is deleted at once
// goes only after its record is written.
func (strategy) PrepareForCreate(ctx context.Context, obj runtime.Object) {
	lease := obj.(*v1alpha1.ContainerLease)
	lease.Generation = 1
	lease.Status = v1alpha1.ContainerLeaseStatus{Phase: v1alpha1.LeasePending}
	if !slices.Contains(lease.Finalizers, v1alpha1.Finalizer) {
		lease.Finalizers = append(lease.Finalizers, v1alpha1.Finalizer)
	}
	sign(ctx, lease)
}

// PrepareForUpdate keeps the status and what a lease's owner has no say in, and counts
// changes of the spec.
func (strategy) PrepareForUpdate(ctx context.Context, obj, old runtime.Object) {
	lease, was := obj.(*v1alpha1.ContainerLease), old.(*v1alpha1.ContainerLease)
	lease.Status = was.Status
	lease.Generation = registry.NextGeneration(was.Generation, &lease.Spec, &was.Spec)
	keepSignature(lease, was)
	keepFinalizer(ctx, lease, was)
}

// Validate reports what is wrong with the lease by itself and what its class doesn't
// allow, all at once. The class is checked here and not in an admission plugin since
// those run only after the strategy has found nothing.
func (s strategy) Validate(ctx context.Context, obj runtime.Object) field.ErrorList {
	lease := obj.(*v1alpha1.ContainerLease)
	return merge(v1alpha1.ValidateContainerLease(lease), s.checkClass(ctx, lease, nil))
}

// ValidateUpdate is Validate for what has changed.
func (s strategy) ValidateUpdate(ctx context.Context, obj, old runtime.Object) field.ErrorList {
	lease, was := obj.(*v1alpha1.ContainerLease), old.(*v1alpha1.ContainerLease)
	errs := v1alpha1.ValidateContainerLeaseUpdate(lease, was)
	if lease.Spec.ClassName != was.Spec.ClassName || !policy.ClassMatters(lease, was) {
		return errs
	}
	return merge(errs, s.checkClass(ctx, lease, was))
}

func (s strategy) checkClass(ctx context.Context, lease, old *v1alpha1.ContainerLease) field.ErrorList {
	path := field.NewPath("spec", "className")
	name := lease.Spec.ClassName
	if name == "" {
		return field.ErrorList{field.Required(path, "no class is marked as default; "+s.existing(ctx))}
	}
	class, err := s.classes.Class(ctx, name)
	switch {
	case apierrors.IsNotFound(err):
		return field.ErrorList{field.Invalid(path, name, "there is no such class; "+s.existing(ctx))}
	case err != nil:
		return field.ErrorList{field.InternalError(path, err)}
	}
	return policy.CheckClass(lease, class, old)
}

// existing names the classes there are, for a message.
func (s strategy) existing(ctx context.Context) string {
	classes, err := s.classes.Classes(ctx)
	if err != nil || len(classes) == 0 {
		return "create a LeaseClass first"
	}
	names := make([]string, len(classes))
	for i := range classes {
		names[i] = fmt.Sprintf("%q", classes[i].Name)
	}
	return "use " + strings.Join(names, " or ")
}

// merge adds what the class says. Where both have something to say about a field, the
// class has the last word: its bounds are the ones that help.
func merge(errs, ofClass field.ErrorList) field.ErrorList {
	said := map[string]bool{}
	for _, err := range ofClass {
		said[err.Field] = true
	}
	errs = slices.DeleteFunc(errs, func(err *field.Error) bool { return said[err.Field] })
	return append(errs, ofClass...)
}
