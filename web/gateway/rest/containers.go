package rest

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/leases"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

func (h *Handler) listContainers(w http.ResponseWriter, r *http.Request, who caller.Caller) error {
	q := readQuery(r)
	namespaces, err := scope(who, q.one("namespace"))
	if err != nil {
		return err
	}
	selector := leaseSelector(q.status(), q.one("image"))
	listing := q.listing(namespaces)
	if err := q.err(); err != nil {
		return err
	}
	model := openapi.ContainerList{Containers: []openapi.Container{}}
	next, err := read(r.Context(), h.api, listing, func(page *v1alpha1.ContainerLeaseList) (int, error) {
		prices, err := h.pricesOf(r.Context(), page.Items...)
		if err != nil {
			return 0, err
		}
		now := h.clock.Now()
		for i := range page.Items {
			model.Containers = append(model.Containers, containerModel(&page.Items[i], prices, now))
		}
		return len(page.Items), nil
	}, client.MatchingFieldsSelector{Selector: selector})
	if err != nil {
		return err
	}
	model.Continue = next.String()
	return answer(w, http.StatusOK, model)
}

// leaseSelector selects leases of any of these statuses, all if there are none, and of an
// image, any if it is empty.
func leaseSelector(wanted []v1alpha1.LeasePhase, image string) fields.Selector {
	var all []fields.Selector
	if len(wanted) > 0 {
		// Selectors know no "or": what is left when all others are excluded is the same.
		isWanted := map[v1alpha1.LeasePhase]bool{}
		for _, status := range wanted {
			isWanted[status] = true
		}
		for _, status := range statuses {
			if !isWanted[status] {
				all = append(all, fields.OneTermNotEqualSelector("status.phase", string(status)))
			}
		}
	}
	if image != "" {
		all = append(all, fields.OneTermEqualSelector("spec.image", image))
	}
	return fields.AndSelectors(all...)
}

func (h *Handler) getContainer(w http.ResponseWriter, r *http.Request, _ caller.Caller) error {
	lease, err := leases.Find(r.Context(), h.api, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	return h.answerContainer(w, r, lease)
}

func (h *Handler) answerContainer(w http.ResponseWriter, r *http.Request, lease *v1alpha1.ContainerLease) error {
	prices, err := h.pricesOf(r.Context(), *lease)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, containerModel(lease, prices, h.clock.Now()))
}

// deleteContainer succeeds for a lease that is going already, and for one that went while it
// was looked at.
func (h *Handler) deleteContainer(w http.ResponseWriter, r *http.Request, _ caller.Caller) error {
	lease, err := leases.Find(r.Context(), h.api, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	err = h.api.Delete(r.Context(), lease, client.Preconditions{UID: &lease.UID})
	// A conflict is with a lease of the same name that is not the one that was meant.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return err
	}
	return answer(w, http.StatusOK, openapi.Success{Success: true})
}
