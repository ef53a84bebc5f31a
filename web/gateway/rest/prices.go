package rest

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// prices are those of the classes of leases whose own are not pinned yet.
type prices map[string]v1alpha1.Pricing

// pricesOf reads the classes that the prices of leases depend on. A class that is gone is not
// among them.
func (h *Handler) pricesOf(ctx context.Context, leases ...v1alpha1.ContainerLease) (prices, error) {
	of := prices{}
	for i := range leases {
		name := leases[i].Spec.ClassName
		if _, known := of[name]; known || leases[i].Status.Pricing != nil || ended(&leases[i]) {
			continue
		}
		var class v1alpha1.LeaseClass
		err := h.api.Get(ctx, client.ObjectKey{Name: name}, &class)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, err
		default:
			of[name] = class.Spec.Pricing
		}
	}
	return of, nil
}

// cost is what a lease costs by its spec as it is now; what its status says follows a moment
// later. A lease that ended costs what its status says. It is empty while nothing is known.
func (p prices) cost(lease *v1alpha1.ContainerLease) v1alpha1.LeaseCost {
	var said v1alpha1.LeaseCost
	if lease.Status.Cost != nil {
		said = *lease.Status.Cost
	}
	pricing, known := p[lease.Spec.ClassName]
	if lease.Status.Pricing != nil {
		pricing, known = *lease.Status.Pricing, true
	}
	if ended(lease) || !known {
		return said
	}
	if cost, err := costOf(&lease.Spec, pricing); err == nil {
		return cost
	}
	return said // no price; the lease's conditions say so
}

// costOf is what a complete spec costs at a price.
func costOf(spec *v1alpha1.ContainerLeaseSpec, pricing v1alpha1.Pricing) (v1alpha1.LeaseCost, error) {
	cpu, memory := sizeOf(spec)
	ttl, err := spec.TTL.Parse()
	if err != nil {
		return v1alpha1.LeaseCost{}, err
	}
	rate, err := policy.HourlyRate(pricing, cpu, memory)
	if err != nil {
		return v1alpha1.LeaseCost{}, err
	}
	estimated, err := policy.Estimate(pricing, cpu, memory, ttl)
	return v1alpha1.LeaseCost{Currency: pricing.Currency, HourlyRate: rate, Estimated: estimated}, err
}

func pricingModel(pricing v1alpha1.Pricing) openapi.Pricing {
	model := openapi.Pricing{
		Currency: pricing.Currency, PerCPUHour: pricing.PerCPUHour, PerGiBHour: pricing.PerGiBHour, PerLease: pricing.PerLease,
	}
	if model.PerLease == "" {
		model.PerLease = "0"
	}
	return model
}
