package rest

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

const bytesPerMiB = 1 << 20

// containerModel is a lease as the REST API shows it.
func containerModel(lease *v1alpha1.ContainerLease, prices prices, now time.Time) openapi.Container {
	spec, status := &lease.Spec, &lease.Status
	cpu, memory := sizeOf(spec)
	cost := prices.cost(lease)
	expires := expiryOf(lease)
	model := openapi.Container{
		ID: string(lease.UID), Name: lease.Name, Namespace: lease.Namespace,
		ImageType: spec.Image, Status: status.Phase, Message: messageOf(lease),
		CreatedBy: lease.Annotations[v1alpha1.CreatedByAnnotation], CreatedAt: lease.CreationTimestamp.UTC(),
		StartTime: timeOf(status.StartTime), ExpiryTime: expires, RemainingSeconds: remaining(lease, expires, now),
		DurationMinutes: minutesOf(spec.TTL), CPUMilli: cpu.MilliValue(), MemoryMB: mebibytes(memory),
		ClassName: spec.ClassName, OperatingMode: spec.OperatingMode, Command: spec.Command,
		FinishReason: status.FinishReason, FinishTime: timeOf(status.FinishTime),
		HourlyRate: cost.HourlyRate, EstimatedCost: cost.Estimated, FinalCost: cost.Final, Currency: cost.Currency,
	}
	// Names only: values are what people hide there.
	for _, variable := range spec.Env {
		model.EnvNames = append(model.EnvNames, variable.Name)
	}
	for i := range status.Conditions {
		model.Conditions = append(model.Conditions, conditionModel(&status.Conditions[i]))
	}
	if c := status.Container; c != nil {
		model.Image, model.ContainerID, model.ExitCode = c.Image, c.ID, c.ExitCode
		for _, port := range c.Ports {
			model.Ports = append(model.Ports, openapi.Port{
				ContainerPort: port.ContainerPort, Protocol: string(port.Protocol), HostIP: port.HostIP, HostPort: port.HostPort,
			})
		}
	}
	return model
}

func conditionModel(c *metav1.Condition) openapi.Condition {
	return openapi.Condition{
		Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message,
		LastTransitionTime: c.LastTransitionTime.UTC(),
	}
}

// provisionedModel is what POST /api/provision answers with: what does not depend on when.
func provisionedModel(lease *v1alpha1.ContainerLease, prices prices) openapi.Provisioned {
	cost := prices.cost(lease)
	model := openapi.Provisioned{
		ID: string(lease.UID), Name: lease.Name, Namespace: lease.Namespace,
		ImageType: lease.Spec.Image, Status: lease.Status.Phase, Message: messageOf(lease),
		CreatedAt: lease.CreationTimestamp.UTC(), StartTime: timeOf(lease.Status.StartTime), ExpiryTime: expiryOf(lease),
		FinishReason: lease.Status.FinishReason, EstimatedCost: cost.Estimated, HourlyRate: cost.HourlyRate, Currency: cost.Currency,
	}
	if c := lease.Status.Container; c != nil {
		model.ContainerID, model.ExitCode = c.ID, c.ExitCode
	}
	return model
}

// ended says whether a lease's time is over, even if its container is still being removed.
func ended(lease *v1alpha1.ContainerLease) bool { return lease.Status.FinishReason != "" }

// messageOf says why a lease does not run; nothing if it does.
func messageOf(lease *v1alpha1.ContainerLease) string {
	conditions := lease.Status.Conditions
	message := func(conditionType string) string {
		if c := meta.FindStatusCondition(conditions, conditionType); c != nil {
			return c.Message
		}
		return ""
	}
	switch {
	case ended(lease):
		return message(v1alpha1.ConditionFinished)
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady):
		return ""
	case meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionAccepted):
		return message(v1alpha1.ConditionAccepted)
	case lease.Status.StartTime == nil && lease.Spec.OperatingMode != v1alpha1.OperatingModeSuspended:
		return message(v1alpha1.ConditionProvisioned)
	}
	return message(v1alpha1.ConditionReady)
}

// expiryOf is when a lease expires by its spec, which its status follows a moment later; nil
// until its container has started.
func expiryOf(lease *v1alpha1.ContainerLease) *time.Time {
	ttl, err := lease.Spec.TTL.Parse()
	if err != nil || ended(lease) || lease.Status.StartTime == nil {
		return timeOf(lease.Status.ExpirationTime)
	}
	return ptr.To(policy.ExpirationTime(lease.Status.StartTime.UTC(), ttl))
}

func remaining(lease *v1alpha1.ContainerLease, expires *time.Time, now time.Time) *int64 {
	switch {
	case ended(lease):
		return ptr.To[int64](0)
	case expires == nil:
		return nil
	}
	return ptr.To(int64(policy.RemainingTime(*expires, now) / time.Second))
}

func timeOf(t *v1alpha1.Timestamp) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	return ptr.To(t.UTC())
}

// minutesOf is zero for what is no duration, which the API lets no lease have.
func minutesOf(d v1alpha1.Duration) float64 {
	parsed, err := d.Parse()
	if err != nil {
		return 0
	}
	return parsed.Minutes()
}

// sizeOf is the size of a lease; the API gives each lease one.
func sizeOf(spec *v1alpha1.ContainerLeaseSpec) (cpu, memory resource.Quantity) {
	return ptr.Deref(spec.Resources.CPU, resource.Quantity{}), ptr.Deref(spec.Resources.Memory, resource.Quantity{})
}

// mebibytes is exact for any memory there is.
func mebibytes(q resource.Quantity) float64 { return float64(q.Value()) / bytesPerMiB }
