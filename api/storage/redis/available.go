package redis

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/warning"
)

// staleWarning goes to clients as a Warning header, which kubectl prints.
const staleWarning = "Redis is unreachable: this is what was last known, and may be out of date"

// availableReads answers reads from the watch cache while Redis cannot be reached, if they ask for
// nothing in particular, and says so. A person who looks at leases during an outage is better
// served by the last known state than by a 503.
//
// The server's own components get the 503: what they do depends on the truth.
type availableReads struct {
	storage.Interface // through the watch cache
}

// Get implements storage.Interface.
func (a availableReads) Get(ctx context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	err := a.Interface.Get(ctx, key, opts, out)
	if !mayBeStale(ctx, err, opts.ResourceVersion) {
		return err
	}
	opts.ResourceVersion = "0"
	if cached := a.Interface.Get(ctx, key, opts, out); cached != nil {
		return err // Not even "not found" is certain now.
	}
	warning.AddWarning(ctx, "", staleWarning)
	return nil
}

// GetList implements storage.Interface.
func (a availableReads) GetList(ctx context.Context, key string, opts storage.ListOptions, out runtime.Object) error {
	err := a.Interface.GetList(ctx, key, opts, out)
	if !mayBeStale(ctx, err, opts.ResourceVersion) || opts.Predicate.Continue != "" {
		return err
	}
	opts.ResourceVersion, opts.ResourceVersionMatch = "0", ""
	if cached := a.Interface.GetList(ctx, key, opts, out); cached != nil {
		return err
	}
	warning.AddWarning(ctx, "", staleWarning)
	return nil
}

// mayBeStale says whether a read that failed may be answered from the cache.
func mayBeStale(ctx context.Context, err error, resourceVersion string) bool {
	if resourceVersion != "" || !apierrors.IsServiceUnavailable(err) || ctx.Err() != nil {
		return false
	}
	who, known := request.UserFrom(ctx)
	return known && who.GetName() != user.APIServerUser
}
