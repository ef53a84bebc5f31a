package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 255

	// keyLabel is on a lease that was asked for with an Idempotency-Key: a hash of the key and
	// of who used it. It is a label so that the lease can be found by it.
	keyLabel = v1alpha1.GroupName + "/idempotency-key"
	// requestAnnotation holds a hash of the request that made such a lease.
	requestAnnotation = v1alpha1.GroupName + "/idempotent-request"

	// hashDigits are half of SHA-256, which is what a label can hold. It is plenty.
	hashDigits = 32
	// nameDigits of the hash make a name.
	nameDigits = 16
)

// idempotencyKey returns the key of a request, "" if it has none.
func (q *query) idempotencyKey(header http.Header) string {
	keys := header.Values(idempotencyHeader)
	if len(keys) == 0 {
		return ""
	}
	printable := strings.IndexFunc(keys[0], func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxIdempotencyKey || !printable {
		q.refuse(idempotencyHeader, fmt.Sprintf("must be given once, with 1 to %d printable ASCII characters", maxIdempotencyKey))
	}
	return keys[0]
}

// keyed is a request that may have been sent before.
type keyed struct {
	user string
	key  string
	body openapi.ProvisionRequest
}

// createOnce creates a lease; or, if the request has a key, returns the one that an earlier
// request with this key made. The name is what makes it safe: of requests at the same time,
// which all find no lease yet, only one can create it.
func (h *Handler) createOnce(ctx context.Context, lease *v1alpha1.ContainerLease, request keyed) (_ *v1alpha1.ContainerLease, replayed bool, _ error) {
	if request.key == "" {
		err := h.create(ctx, lease)
		return lease, false, h.refusal(ctx, err, lease)
	}
	if err := request.mark(lease); err != nil {
		return nil, false, err
	}
	var earlier v1alpha1.ContainerLeaseList
	err := h.api.List(ctx, &earlier, client.InNamespace(lease.Namespace), client.MatchingLabels{keyLabel: lease.Labels[keyLabel]})
	switch {
	case err != nil:
		return nil, false, err
	case len(earlier.Items) > 0:
		return replay(&earlier.Items[0], lease)
	}
	err = h.api.Create(ctx, lease)
	if !apierrors.IsAlreadyExists(err) {
		return lease, false, h.refusal(ctx, err, lease)
	}
	var existing v1alpha1.ContainerLease
	if err := h.api.Get(ctx, client.ObjectKeyFromObject(lease), &existing); err != nil {
		return nil, false, err
	}
	if existing.Labels[keyLabel] != lease.Labels[keyLabel] {
		return nil, false, err // the name is taken
	}
	return replay(&existing, lease)
}

// mark makes a lease recognisable as the one that this request asks for.
func (k keyed) mark(lease *v1alpha1.ContainerLease) error {
	body, err := json.Marshal(k.body)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	key := hash(k.user, k.key)
	if lease.Name == "" {
		lease.Name = "lease-" + key[:nameDigits]
	}
	lease.Labels = map[string]string{keyLabel: key}
	lease.Annotations = map[string]string{requestAnnotation: hash(string(body))}
	return nil
}

// hash of parts, which can't be mistaken for other parts: none holds a NUL.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:hashDigits]
}

// replay answers with the lease that an earlier request made, if that was the same request.
func replay(earlier, wanted *v1alpha1.ContainerLease) (*v1alpha1.ContainerLease, bool, error) {
	if earlier.Annotations[requestAnnotation] != wanted.Annotations[requestAnnotation] {
		return nil, false, invalid(problem.FieldError{
			Field:   idempotencyHeader,
			Message: fmt.Sprintf("was used for another request, which made %q: use a new key for a new request", earlier.Name),
		})
	}
	return earlier, true, nil
}
