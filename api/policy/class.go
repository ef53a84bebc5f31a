package policy

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// IsDefaultClass says whether a class is the one of leases that name none.
func IsDefaultClass(class *v1alpha1.LeaseClass) bool {
	return class.Annotations[v1alpha1.DefaultClassAnnotation] == "true"
}

// DefaultClass returns the class of leases that name none, nil if no class is marked.
// If several are, the youngest one is taken, as for Kubernetes' default StorageClass:
// the mark was put there last. Names break a tie.
func DefaultClass(classes []v1alpha1.LeaseClass) *v1alpha1.LeaseClass {
	var chosen *v1alpha1.LeaseClass
	for i := range classes {
		class := &classes[i]
		if !IsDefaultClass(class) {
			continue
		}
		if chosen == nil || younger(class, chosen) {
			chosen = class
		}
	}
	return chosen
}

func younger(a, b *v1alpha1.LeaseClass) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return b.CreationTimestamp.Before(&a.CreationTimestamp)
}

// ApplyClassDefaults fills in what the lease leaves to its class. Idempotent.
func ApplyClassDefaults(lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass) {
	spec := &lease.Spec
	if spec.ClassName == "" {
		spec.ClassName = class.Name
	}
	if spec.TTL == "" {
		spec.TTL = class.Spec.TTL.Default
	}
	if spec.Resources.CPU == nil {
		cpu := class.Spec.CPU.Default.DeepCopy()
		spec.Resources.CPU = &cpu
	}
	if spec.Resources.Memory == nil {
		memory := class.Spec.Memory.Default.DeepCopy()
		spec.Resources.Memory = &memory
	}
}

// CheckClass returns every point in which the class does not allow the lease. With an
// old lease, only what changed since is checked: a change to something else must not
// fail because the class has changed meanwhile. Values that are malformed by
// themselves are left to v1alpha1.ValidateContainerLease.
func CheckClass(lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass, old *v1alpha1.ContainerLease) field.ErrorList {
	var errs field.ErrorList
	spec, path := &lease.Spec, field.NewPath("spec")
	if old == nil {
		errs = append(errs, checkImage(spec.Image, class, path.Child("image"))...)
	}
	if old == nil || spec.TTL != old.Spec.TTL {
		errs = append(errs, checkTTL(spec.TTL, class, path.Child("ttl"))...)
	}
	resources := path.Child("resources")
	if old == nil || quantityChanged(spec.Resources.CPU, old.Spec.Resources.CPU) {
		errs = append(errs, checkQuantity(spec.Resources.CPU, class.Spec.CPU, class.Name, resources.Child("cpu"))...)
	}
	if old == nil || quantityChanged(spec.Resources.Memory, old.Spec.Resources.Memory) {
		errs = append(errs, checkQuantity(spec.Resources.Memory, class.Spec.Memory, class.Name, resources.Child("memory"))...)
	}
	return errs
}

// ClassMatters says whether CheckClass has anything to check in this update.
func ClassMatters(lease, old *v1alpha1.ContainerLease) bool {
	return lease.Spec.TTL != old.Spec.TTL ||
		quantityChanged(lease.Spec.Resources.CPU, old.Spec.Resources.CPU) ||
		quantityChanged(lease.Spec.Resources.Memory, old.Spec.Resources.Memory)
}

// quantityChanged compares as written, which is cheap even for absurd exponents: what
// is equal but written otherwise is merely checked again.
func quantityChanged(a, b *resource.Quantity) bool {
	if a == nil || b == nil {
		return a != b
	}
	return a.String() != b.String()
}

func checkImage(image string, class *v1alpha1.LeaseClass, path *field.Path) field.ErrorList {
	_, err := ResolveImage(class.Spec.Images, image)
	if !errors.Is(err, ErrImageNotAllowed) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, image,
		fmt.Sprintf("not allowed by class %q: %s", class.Name, AllowedImages(class.Spec.Images)))}
}

func checkTTL(ttl v1alpha1.Duration, class *v1alpha1.LeaseClass, path *field.Path) field.ErrorList {
	d, err := ttl.Parse()
	if err != nil {
		return nil
	}
	bounds := class.Spec.TTL
	if within(d, bounds) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, ttl,
		fmt.Sprintf("class %q allows from %s to %s", class.Name, bounds.Min, bounds.Max))}
}

// within is false for a class whose bounds can't be read, which validation prevents.
func within(d time.Duration, bounds v1alpha1.DurationRange) bool {
	least, err := bounds.Min.Parse()
	if err != nil {
		return false
	}
	most, err := bounds.Max.Parse()
	return err == nil && least <= d && d <= most
}

func checkQuantity(q *resource.Quantity, bounds v1alpha1.QuantityRange, class string, path *field.Path) field.ErrorList {
	if q != nil && (!v1alpha1.IsComparable(*q) || q.Cmp(bounds.Min) >= 0 && q.Cmp(bounds.Max) <= 0) {
		return nil
	}
	value := "unset"
	if q != nil {
		value = q.String()
	}
	return field.ErrorList{field.Invalid(path, value,
		fmt.Sprintf("class %q allows from %s to %s", class, bounds.Min.String(), bounds.Max.String()))}
}
