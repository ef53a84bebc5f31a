package rest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// refusal is renamed, with the bounds of the lease's class in the units of the REST API. If the
// class can't be had, the words stay those of the API.
func (h *Handler) refusal(ctx context.Context, err error, lease *v1alpha1.ContainerLease) error {
	err = renamed(err, lease)
	var p *problem.Problem
	if !errors.As(err, &p) || p.Type != problem.Invalid.Type || len(p.Errors) == 0 {
		return err
	}
	class, missing := h.class(ctx, lease.Spec.ClassName, "className")
	if missing != nil {
		return err
	}
	return invalid(inUnits(p.Errors, lease, class)...)
}

// inUnits says anew what is wrong with those values that are out of the bounds of their class.
func inUnits(fields []problem.FieldError, lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass) []problem.FieldError {
	allowed := imagesModel(class)
	cpu, memory := sizeOf(&lease.Spec)
	for i := range fields {
		var value float64
		var bounds openapi.Bounds
		switch fields[i].Field {
		case "durationMinutes":
			value, bounds = minutesOf(lease.Spec.TTL), allowed.DurationMinutes
		case "cpuMilli":
			value, bounds = float64(cpu.MilliValue()), allowed.CPUMilli
		case "memoryMB":
			value, bounds = mebibytes(memory), allowed.MemoryMB
		default:
			continue
		}
		if value < bounds.Min || value > bounds.Max {
			fields[i].Message = fmt.Sprintf("must be from %s to %s, the bounds of class %q, not %s",
				decimal(bounds.Min), decimal(bounds.Max), class.Name, decimal(value))
		}
	}
	return fields
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
