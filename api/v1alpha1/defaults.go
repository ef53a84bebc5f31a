package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// Values of fields that a manifest leaves out and that no class decides.
const (
	DefaultTerminationGracePeriodSeconds int64 = 10
	DefaultProvisioningDeadlineSeconds   int64 = 300
	DefaultTTLSecondsAfterFinished       int64 = 3600
	DefaultPidsLimit                     int64 = 512
)

// AddDefaults registers the static defaults with the scheme of the API server, so that
// they are filled in whenever an object is decoded. Clients don't need it.
func AddDefaults(scheme *runtime.Scheme) {
	scheme.AddTypeDefaultingFunc(&ContainerLease{}, func(obj any) { SetContainerLeaseDefaults(obj.(*ContainerLease)) })
	scheme.AddTypeDefaultingFunc(&ContainerLeaseList{}, func(obj any) {
		for i := range obj.(*ContainerLeaseList).Items {
			SetContainerLeaseDefaults(&obj.(*ContainerLeaseList).Items[i])
		}
	})
	scheme.AddTypeDefaultingFunc(&LeaseClass{}, func(obj any) { SetLeaseClassDefaults(obj.(*LeaseClass)) })
	scheme.AddTypeDefaultingFunc(&LeaseClassList{}, func(obj any) {
		for i := range obj.(*LeaseClassList).Items {
			SetLeaseClassDefaults(&obj.(*LeaseClassList).Items[i])
		}
	})
}

// SetContainerLeaseDefaults fills in what is the same for every class. What depends on
// the class (className, ttl, resources) is policy.ApplyClassDefaults' business. Idempotent.
func SetContainerLeaseDefaults(lease *ContainerLease) {
	spec := &lease.Spec
	if spec.OperatingMode == "" {
		spec.OperatingMode = OperatingModeRunning
	}
	if spec.TerminationGracePeriodSeconds == nil {
		spec.TerminationGracePeriodSeconds = ptr.To(DefaultTerminationGracePeriodSeconds)
	}
	if spec.ProvisioningDeadlineSeconds == nil {
		spec.ProvisioningDeadlineSeconds = ptr.To(DefaultProvisioningDeadlineSeconds)
	}
	if spec.TTLSecondsAfterFinished == nil {
		spec.TTLSecondsAfterFinished = ptr.To(DefaultTTLSecondsAfterFinished)
	}
	for i := range spec.Ports {
		if spec.Ports[i].Protocol == "" {
			spec.Ports[i].Protocol = corev1.ProtocolTCP
		}
	}
}

// SetLeaseClassDefaults fills in what a class leaves out. Idempotent.
func SetLeaseClassDefaults(class *LeaseClass) {
	spec := &class.Spec
	if spec.Images.PullPolicy == "" {
		spec.Images.PullPolicy = PullIfNotPresent
	}
	if spec.Pricing.PerLease == "" {
		spec.Pricing.PerLease = "0"
	}
	if spec.Isolation.PidsLimit == nil {
		spec.Isolation.PidsLimit = ptr.To(DefaultPidsLimit)
	}
	if spec.Isolation.Network == "" {
		spec.Isolation.Network = NetworkIsolated
	}
}
