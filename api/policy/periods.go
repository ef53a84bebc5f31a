package policy

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// The periods of a lease. The API fills in the defaults when it reads a lease, so that they count only
// for one that never passed through it.

// GracePeriod is how long the command has to end after its stop signal.
func GracePeriod(lease *v1alpha1.ContainerLease) time.Duration {
	return seconds(lease.Spec.TerminationGracePeriodSeconds, v1alpha1.DefaultTerminationGracePeriodSeconds)
}

// ProvisioningPeriod is how long it may take until the container runs.
func ProvisioningPeriod(lease *v1alpha1.ContainerLease) time.Duration {
	return seconds(lease.Spec.ProvisioningDeadlineSeconds, v1alpha1.DefaultProvisioningDeadlineSeconds)
}

// TTLAfterFinished is how long a lease that has finished stays to be read.
func TTLAfterFinished(lease *v1alpha1.ContainerLease) time.Duration {
	return seconds(lease.Spec.TTLSecondsAfterFinished, v1alpha1.DefaultTTLSecondsAfterFinished)
}

func seconds(n *int64, otherwise int64) time.Duration {
	return time.Duration(ptr.Deref(n, otherwise)) * time.Second
}
