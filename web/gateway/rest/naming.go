package rest

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

const (
	// maxNameBase leaves room for the suffix of a made-up name in the 63 bytes of a label.
	maxNameBase = 50
	nameSuffix  = 5
	// nameAttempts is how many made-up names may be taken. There are millions.
	nameAttempts = 5
)

// create creates a lease, and makes up a name for one that has none. The API would do so, too, but
// the audit, which has the name of the request, would then not say which lease was made.
func (h *Handler) create(ctx context.Context, lease *v1alpha1.ContainerLease) error {
	if lease.Name != "" {
		return h.api.Create(ctx, lease)
	}
	base := nameBase(lease.Spec.Image)
	var err error
	for range nameAttempts {
		lease.Name = base + utilrand.String(nameSuffix)
		if err = h.api.Create(ctx, lease); !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	return err
}

// nameBase is the beginning of a made-up name: the last segment of the image without tag
// and digest, in the letters that names have, and a dash.
func nameBase(image string) string {
	base, _, _ := strings.Cut(image, "@")
	base = base[strings.LastIndexByte(base, '/')+1:]
	base, _, _ = strings.Cut(base, ":")
	base = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(base))
	base = strings.Trim(base[:min(len(base), maxNameBase)], "-")
	if base == "" {
		base = "lease"
	}
	return base + "-"
}
