package rest

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/leases"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// contention is how long a change that others come before is tried again: some two seconds, which
// is enough for dozens at once, and at times that differ, so that they don't meet again.
var contention = wait.Backoff{Steps: 10, Duration: 10 * time.Millisecond, Factor: 1.6, Jitter: 1}

// changeContainer computes the change from the lease as it is and writes it only if nobody
// else changed the lease meanwhile; else it starts again, so that no change is lost.
func (h *Handler) changeContainer(w http.ResponseWriter, r *http.Request, _ caller.Caller) error {
	var body openapi.ContainerChange
	if err := decode(w, r, &body); err != nil {
		return err
	}
	change, err := changeOf(body)
	if err != nil {
		return err
	}
	lease, err := leases.Find(r.Context(), h.api, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	again := false
	err = retry.RetryOnConflict(contention, func() error {
		if again {
			// What somebody else has made of it: read after the pause, since it grows old in one.
			if err := h.reread(r.Context(), lease); err != nil {
				return err
			}
		}
		again = true
		before := lease.DeepCopy()
		if err := change.apply(lease); err != nil {
			return err
		}
		// Sent even if nothing is different: whether the caller may is the API's to say.
		return h.api.Patch(r.Context(), lease, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	if err != nil {
		return change.renamed(h.refusal(r.Context(), err, lease))
	}
	return h.answerContainer(w, r, lease)
}

// renamed is an error of the API in the words of this request, which may have asked for a longer time
// by its difference.
func (c change) renamed(err error) error {
	var p *problem.Problem
	if c.extend == 0 || !errors.As(err, &p) || p.Type != problem.Invalid.Type || len(p.Errors) == 0 {
		return err
	}
	for i := range p.Errors {
		if field := &p.Errors[i]; field.Field == "durationMinutes" {
			field.Field, field.Message = "extendMinutes", "the whole "+field.Message
		}
	}
	return invalid(p.Errors...)
}

// change is what a request asks to be different, in the terms of a lease.
type change struct {
	ttl    v1alpha1.Duration // "" stays
	extend time.Duration
	size   v1alpha1.ResourceLimits
	mode   v1alpha1.OperatingMode // "" stays
}

func changeOf(body openapi.ContainerChange) (change, error) {
	var c conversion
	asked := change{size: c.size(body.CPUMilli, body.MemoryMB), mode: body.OperatingMode}
	if body.DurationMinutes != nil && c.between("durationMinutes", *body.DurationMinutes, maxMinutes, "minutes") {
		asked.ttl = c.ttl("durationMinutes", *body.DurationMinutes)
	}
	if body.ExtendMinutes != nil && c.between("extendMinutes", *body.ExtendMinutes, maxMinutes, "minutes") {
		asked.extend = time.Duration(*body.ExtendMinutes) * time.Minute
	}
	if body.DurationMinutes != nil && body.ExtendMinutes != nil {
		c.refuse("extendMinutes", "can't be given together with durationMinutes")
	}
	if body == (openapi.ContainerChange{}) {
		return asked, problem.Invalid.With("give at least one of durationMinutes, extendMinutes, cpuMilli, memoryMB and operatingMode")
	}
	return asked, c.err()
}

// apply changes the spec of a lease. One that is over can't be changed: the API would accept
// some changes, and they would mean nothing.
func (c change) apply(lease *v1alpha1.ContainerLease) error {
	switch {
	case ended(lease):
		return problem.Conflict.With(fmt.Sprintf("the lease has ended (%s): provision another", lease.Status.FinishReason))
	case !lease.DeletionTimestamp.IsZero():
		return problem.Conflict.With("the lease is being deleted: provision another")
	}
	spec := &lease.Spec
	if c.ttl != "" {
		spec.TTL = c.ttl
	}
	if c.extend > 0 {
		has, err := spec.TTL.Parse()
		if err != nil {
			return fmt.Errorf("spec.ttl %q: %w", spec.TTL, err)
		}
		if has > math.MaxInt64-c.extend {
			return invalid(problem.FieldError{Field: "extendMinutes", Message: "is longer than any lease can last"})
		}
		spec.TTL = v1alpha1.DurationOf(has + c.extend)
	}
	if c.size.CPU != nil {
		spec.Resources.CPU = c.size.CPU
	}
	if c.size.Memory != nil {
		spec.Resources.Memory = c.size.Memory
	}
	if c.mode != "" {
		spec.OperatingMode = c.mode
	}
	return nil
}
