package containerlease

import (
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/server/registry"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

func newTable(clock clock.PassiveClock) registry.Table[*v1alpha1.ContainerLease] {
	return registry.Table[*v1alpha1.ContainerLease]{
		Columns: []registry.Column{
			{Name: "Name", IsName: true, Description: "Name of the lease"},
			{Name: "Image", Description: "Image as the lease names it"},
			{Name: "Phase", Description: "Where the lease is in its life"},
			{Name: "CPU", Description: "CPU limit"},
			{Name: "Memory", Description: "Memory limit"},
			{Name: "Expires In", Description: "Time left until the lease expires"},
			{Name: "Cost", Description: "What the lease cost; ~ and an estimate until it has ended"},
			{Name: "Class", Wide: true, Description: "Class of the lease"},
			{Name: "Container", Wide: true, Description: "Engine's short ID of the container"},
			{Name: "Reason", Wide: true, Description: "Why the lease ended"},
			{Name: "Age", Description: "Time since the lease was made"},
		},
		Cells: func(lease *v1alpha1.ContainerLease) []any {
			spec, status := &lease.Spec, &lease.Status
			cpu, memory := "", ""
			if spec.Resources.CPU != nil {
				cpu = registry.QuantityText(*spec.Resources.CPU)
			}
			if spec.Resources.Memory != nil {
				memory = registry.QuantityText(*spec.Resources.Memory)
			}
			return []any{
				lease.Name, spec.Image, string(status.Phase), cpu, memory,
				expiresIn(status, clock.Now()), cost(status.Cost), spec.ClassName, containerID(status.Container),
				string(status.FinishReason), registry.Age(lease),
			}
		},
	}
}

func expiresIn(status *v1alpha1.ContainerLeaseStatus, now time.Time) string {
	if status.ExpirationTime == nil || status.FinishTime != nil {
		return "-"
	}
	return duration.HumanDuration(policy.RemainingTime(status.ExpirationTime.Time, now))
}

func cost(cost *v1alpha1.LeaseCost) string {
	switch {
	case cost == nil:
		return "-"
	case cost.Final != "":
		return cost.Final + " " + cost.Currency
	default:
		return "~" + cost.Estimated + " " + cost.Currency
	}
}

func containerID(container *v1alpha1.ContainerStatus) string {
	if container == nil || container.ID == "" {
		return "-"
	}
	const short = 12
	return container.ID[:min(short, len(container.ID))]
}
