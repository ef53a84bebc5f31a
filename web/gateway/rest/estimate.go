package rest

import (
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// estimate prices a lease that nobody makes, by the rules that the API has for one that
// somebody does.
func (h *Handler) estimate(w http.ResponseWriter, r *http.Request, _ caller.Caller) error {
	var body openapi.EstimateRequest
	if err := decode(w, r, &body); err != nil {
		return err
	}
	var c conversion
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "estimate"},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: body.ImageType, ClassName: c.className(body.ClassName),
			TTL:       c.ttl("durationMinutes", body.DurationMinutes),
			Resources: c.size(body.CPUMilli, body.MemoryMB),
		},
	}
	if err := c.err(); err != nil {
		return err
	}
	class, err := h.class(r.Context(), body.ClassName, "className")
	if err != nil {
		return err
	}
	v1alpha1.SetContainerLeaseDefaults(lease)
	policy.ApplyClassDefaults(lease, class)
	if errs := check(lease, class); len(errs) > 0 {
		return invalidLease(errs, lease, class)
	}
	cost, err := costOf(&lease.Spec, class.Spec.Pricing)
	if err != nil {
		return err
	}
	cpu, memory := sizeOf(&lease.Spec)
	return answer(w, http.StatusOK, openapi.Estimate{
		ImageType: body.ImageType, ClassName: class.Name,
		DurationMinutes: minutesOf(lease.Spec.TTL), CPUMilli: cpu.MilliValue(), MemoryMB: mebibytes(memory),
		EstimatedCost: cost.Estimated, HourlyRate: cost.HourlyRate, Currency: cost.Currency,
	})
}

// check says what the API would say of a lease, but that an estimate needs no image. Where both
// the lease by itself and its class have something to say about a field, the class has the
// last word.
func check(lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass) field.ErrorList {
	ofClass := policy.CheckClass(lease, class, nil)
	said := map[string]bool{}
	for _, err := range ofClass {
		said[err.Field] = true
	}
	errs := slices.DeleteFunc(v1alpha1.ValidateContainerLease(lease), func(err *field.Error) bool {
		return said[err.Field] || err.Field == "spec.image" && lease.Spec.Image == ""
	})
	return append(errs, ofClass...)
}
