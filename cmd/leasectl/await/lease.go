// Package await waits for a lease to get somewhere, by watching it. It never polls and
// never changes anything.
package await

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Lease blocks until done says true or fails for some state of the lease, and returns
// done's error. It survives lost connections and restarts of the server. It returns a
// NotFound error once the lease, known by its UID, is gone, and ctx's cause when ctx
// ends first. done is called from one goroutine, for the present state and for each
// later one that is seen; states may be skipped.
func Lease(ctx context.Context, c client.WithWatch, lease *v1alpha1.ContainerLease, done func(*v1alpha1.ContainerLease) (bool, error)) error {
	gone := apierrors.NewNotFound(v1alpha1.Resource("containerleases"), lease.Name)

	present := func(store cache.Store) (bool, error) {
		if len(store.ListKeys()) == 0 {
			return false, gone
		}
		return false, nil
	}
	condition := func(event watch.Event) (bool, error) {
		seen, ok := event.Object.(*v1alpha1.ContainerLease)
		if !ok {
			return false, fmt.Errorf("watching lease %q: unexpected %T", lease.Name, event.Object)
		}
		if event.Type == watch.Deleted || seen.UID != lease.UID {
			return false, gone
		}
		return done(seen)
	}

	_, err := watchtools.UntilWithSync(ctx, listWatch(c, lease), &v1alpha1.ContainerLease{}, present, condition)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func listWatch(c client.WithWatch, lease *v1alpha1.ContainerLease) cache.ListerWatcher {
	only := fields.OneTermEqualSelector(metav1.ObjectNameField, lease.Name)
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: lease.Namespace, FieldSelector: only, Raw: &raw}
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := &v1alpha1.ContainerLeaseList{}
			return list, c.List(ctx, list, options(raw))
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, &v1alpha1.ContainerLeaseList{}, options(raw))
		},
	}
}
