// Package leases finds the lease that an ID in a URL stands for, among those that the
// caller may know of.
package leases

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// patience bounds a search.
	patience = 10 * time.Second
	// pageSize is how many leases are read at once where no selector can find the one.
	pageSize = 500
	// shortID and fullID are how long a container ID is, at least and at most: the engine's
	// own abbreviation, and all of it.
	shortID, fullID = 12, 64
)

// Find returns the lease with an ID: its UID, or the ID of its container, which may be
// abbreviated to its first 12 digits. It reads with the rights of the caller in ctx, in the
// namespaces that the caller knows.
//
// It fails with problem.NotFound for what there is not and for what is not the caller's, alike;
// with problem.BadRequest for an abbreviation of several IDs; and with
// problem.Unauthenticated if nobody is signed in.
func Find(ctx context.Context, api client.Reader, id string) (*v1alpha1.ContainerLease, error) {
	who, ok := caller.From(ctx)
	if !ok {
		return nil, problem.Unauthenticated.With("")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	search, ok := searchFor(id)
	if !ok {
		return nil, notFound(id)
	}
	namespaces := who.Namespaces
	if who.Admin {
		namespaces = []string{""} // all
	}
	var found *v1alpha1.ContainerLease
	for _, namespace := range namespaces {
		one, err := search.in(ctx, api, namespace)
		switch {
		case apierrors.IsForbidden(err):
			continue // a role that was taken away meanwhile
		case err != nil:
			return nil, fmt.Errorf("looking for lease %s: %w", id, err)
		case one == nil:
			continue
		case found != nil:
			return nil, ambiguous(id)
		}
		found = one
	}
	if found == nil {
		return nil, notFound(id)
	}
	return found, nil
}

func notFound(id string) error {
	const enough = 64
	if len(id) > enough {
		id = id[:enough] + "…"
	}
	return problem.NotFound.With(fmt.Sprintf("there is no container %q that you may know of", strings.ToValidUTF8(id, "�")))
}

func ambiguous(id string) error {
	return problem.BadRequest.With(fmt.Sprintf("%q is the beginning of more than one container's ID: give more of it", id))
}

// search is how to find a lease: by a field that is selected on, or by looking at each.
type search struct {
	selector client.MatchingFields
	prefix   string
}

// searchFor says how to look for an ID; not ok if nothing can have it.
func searchFor(id string) (search, bool) {
	switch {
	case len(id) == len(uuid.Nil.String()) && uuid.Validate(id) == nil:
		return search{selector: client.MatchingFields{"metadata.uid": strings.ToLower(id)}}, true
	case !isHex(id) || len(id) < shortID || len(id) > fullID:
		return search{}, false
	case len(id) == fullID:
		return search{selector: client.MatchingFields{"status.container.id": id}}, true
	default:
		return search{prefix: id}, true
	}
}

func isHex(id string) bool { return strings.Trim(id, "0123456789abcdef") == "" }

// in returns the lease of a namespace that is looked for; nil if it is not there.
func (s search) in(ctx context.Context, api client.Reader, namespace string) (*v1alpha1.ContainerLease, error) {
	options := []client.ListOption{client.InNamespace(namespace), client.Limit(pageSize)}
	if s.selector != nil {
		options = append(options, s.selector)
	}
	var found *v1alpha1.ContainerLease
	var next string
	for {
		var page v1alpha1.ContainerLeaseList
		if err := api.List(ctx, &page, append(options, client.Continue(next))...); err != nil {
			return nil, err
		}
		for i := range page.Items {
			lease := &page.Items[i]
			if !s.matches(lease) {
				continue
			}
			if found != nil {
				return nil, ambiguous(s.prefix)
			}
			found = lease.DeepCopy() // a page is a large thing to hold on to
		}
		if next = page.Continue; next == "" {
			return found, nil
		}
	}
}

func (s search) matches(lease *v1alpha1.ContainerLease) bool {
	if s.selector != nil {
		return true
	}
	return lease.Status.Container != nil && strings.HasPrefix(lease.Status.Container.ID, s.prefix)
}
