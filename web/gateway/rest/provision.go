package rest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

func (h *Handler) provision(w http.ResponseWriter, r *http.Request, who caller.Caller) error {
	q := readQuery(r)
	wait, asked := q.wait(), q.one("namespace")
	key := q.idempotencyKey(r.Header)
	if err := q.err(); err != nil {
		return err
	}
	var body openapi.ProvisionRequest
	if err := decode(w, r, &body); err != nil {
		return err
	}
	lease, err := leaseOf(body)
	if err != nil {
		return err
	}
	if lease.Namespace, err = home(who, asked); err != nil {
		return err
	}
	lease, replayed, err := h.createOnce(r.Context(), lease, keyed{user: who.User, key: key, body: body})
	if err != nil {
		return err
	}
	lease, err = h.await(r.Context(), lease, wait)
	if err != nil {
		return err
	}
	if replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	return h.answerProvisioned(w, r, lease)
}

// answerProvisioned says how far a lease has come: a command that has ended already is a success,
// too.
func (h *Handler) answerProvisioned(w http.ResponseWriter, r *http.Request, lease *v1alpha1.ContainerLease) error {
	ran := lease.Status.StartTime != nil
	if ended(lease) && !ran {
		return unprovisioned(lease)
	}
	prices, err := h.pricesOf(r.Context(), *lease)
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if ran {
		status = http.StatusCreated
	}
	w.Header().Set("Location", "/api/containers/"+string(lease.UID))
	return answer(w, status, provisionedModel(lease, prices))
}

// unprovisioned says why a lease ended before its container ran.
func unprovisioned(lease *v1alpha1.ContainerLease) error {
	kind := problem.ProvisioningFailed
	if lease.Status.FinishReason == v1alpha1.FinishDeleted {
		kind = problem.Gone
	}
	p := kind.With(messageOf(lease))
	p.ID = string(lease.UID)
	return p
}

// leaseOf is the lease that a request asks for. It checks only what can't be said in a lease:
// what is allowed is the API's to say.
func leaseOf(body openapi.ProvisionRequest) (*v1alpha1.ContainerLease, error) {
	var c conversion
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Name: body.Name},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: body.ImageType, ClassName: c.className(body.ClassName), Command: body.Command,
			TTL:       c.ttl("durationMinutes", body.DurationMinutes),
			Resources: c.size(body.CPUMilli, body.MemoryMB),
		},
	}
	if body.ImageType == "" {
		c.refuse("imageType", `is required: a name of /api/images, such as "ubuntu", or an image reference that the class allows`)
	}
	for _, name := range slices.Sorted(maps.Keys(body.Env)) {
		lease.Spec.Env = append(lease.Spec.Env, v1alpha1.EnvVar{Name: name, Value: body.Env[name]})
	}
	return lease, c.err()
}

// Bounds of what a lease can say; those of the classes are much narrower. They stand in the
// document, too.
const (
	maxMinutes  = 366 * 24 * 60
	maxCPUMilli = 4096 * 1000
	maxMemoryMB = 64 << 20
)

// conversion turns numbers of a request into those of a lease. What is wrong with any of
// them is collected.
type conversion struct{ wrong []problem.FieldError }

func (c *conversion) refuse(field, message string) {
	c.wrong = append(c.wrong, problem.FieldError{Field: field, Message: message})
}

func (c *conversion) err() error {
	if len(c.wrong) > 0 {
		return invalid(c.wrong...)
	}
	return nil
}

func (c *conversion) between(field string, value, most int64, unit string) bool {
	if 1 <= value && value <= most {
		return true
	}
	c.refuse(field, fmt.Sprintf("must be a whole number of %s from 1 to %d, not %d", unit, most, value))
	return false
}

func (c *conversion) ttl(field string, minutes int64) v1alpha1.Duration {
	if minutes == 0 {
		// Not given, or given as 0.
		c.refuse(field, fmt.Sprintf("must be given as a whole number of minutes from 1 to %d, such as 30", maxMinutes))
		return ""
	}
	if !c.between(field, minutes, maxMinutes, "minutes") {
		return ""
	}
	return v1alpha1.DurationOf(time.Duration(minutes) * time.Minute)
}

func (c *conversion) size(cpuMilli, memoryMB *int64) v1alpha1.ResourceLimits {
	var limits v1alpha1.ResourceLimits
	if cpuMilli != nil && c.between("cpuMilli", *cpuMilli, maxCPUMilli, "thousandths of a core") {
		limits.CPU = resource.NewMilliQuantity(*cpuMilli, resource.DecimalSI)
	}
	if memoryMB != nil && c.between("memoryMB", *memoryMB, maxMemoryMB, "MiB") {
		limits.Memory = resource.NewQuantity(*memoryMB*bytesPerMiB, resource.BinarySI)
	}
	return limits
}

// className refuses what the API would look for as a part of a path.
func (c *conversion) className(name string) string {
	if name != "" && len(apivalidation.NameIsDNSSubdomain(name, false)) > 0 {
		c.refuse("className", fmt.Sprintf("Invalid value: %q: no class can have this name", abbreviate(name)))
		return ""
	}
	return name
}
