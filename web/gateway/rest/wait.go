package rest

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// Between two attempts to watch, if the API does not let us.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// errWatchEnded says that a watch ended before what it was for: not unusual.
var errWatchEnded = errors.New("the watch ended")

// await watches a lease until it has come as far as it will without time passing (see
// settled), but no longer than patience, and returns it as it was last seen. What goes wrong
// meanwhile is tried again until then, since the lease is there, whatever happens to us: it
// fails only if the lease is gone, if the caller may not see it any more, or if ctx ends.
func (h *Handler) await(ctx context.Context, lease *v1alpha1.ContainerLease, patience time.Duration) (*v1alpha1.ContainerLease, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := firstPause; !settled(lease); pause = min(2*pause, maxPause) {
		seen, err := h.watch(waiting, lease)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err() // the client is gone
		case waiting.Err() != nil:
			return seen, nil
		case err == nil:
			return seen, nil
		case apierrors.IsNotFound(err):
			return nil, gone(lease)
		case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err):
			return nil, err
		}
		lease = seen
		select {
		case <-waiting.Done():
		case <-time.After(pause):
		}
		if err := h.reread(waiting, lease); apierrors.IsNotFound(err) {
			return nil, gone(lease)
		}
	}
	return lease, nil
}

// watch returns the lease once it has settled, or as it was last seen and why it sees no more:
// a NotFound error if the lease is gone, or about to be: its container may start yet, but only to end.
func (h *Handler) watch(ctx context.Context, lease *v1alpha1.ContainerLease) (*v1alpha1.ContainerLease, error) {
	events, err := h.api.Watch(ctx, &v1alpha1.ContainerLeaseList{},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: lease.ResourceVersion}},
		client.InNamespace(lease.Namespace), client.MatchingFields{metav1.ObjectNameField: lease.Name})
	if err != nil {
		return lease, err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		seen, ok := event.Object.(*v1alpha1.ContainerLease)
		switch {
		case !ok:
			return lease, apierrors.FromObject(event.Object)
		case seen.UID != lease.UID || event.Type == watch.Deleted || seen.DeletionTimestamp != nil:
			return lease, apierrors.NewNotFound(v1alpha1.Resource("containerleases"), lease.Name)
		case settled(seen):
			return seen, nil
		}
		lease = seen
	}
	return lease, errWatchEnded
}

// reread reads the lease again, in place. Its error is NotFound if the lease is gone, or about to be.
func (h *Handler) reread(ctx context.Context, lease *v1alpha1.ContainerLease) error {
	var now v1alpha1.ContainerLease
	if err := h.api.Get(ctx, client.ObjectKeyFromObject(lease), &now); err != nil {
		return err
	}
	if now.UID != lease.UID || now.DeletionTimestamp != nil {
		return apierrors.NewNotFound(v1alpha1.Resource("containerleases"), lease.Name)
	}
	*lease = now
	return nil
}

// settled says that nothing more will happen to a lease that was just made, by itself: its
// container runs, or is not to run, or it is over with it.
func settled(lease *v1alpha1.ContainerLease) bool {
	switch lease.Status.Phase {
	case v1alpha1.LeaseSuspended, v1alpha1.LeaseFinished, v1alpha1.LeaseFailed:
		return true
	}
	return meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionReady)
}

func gone(lease *v1alpha1.ContainerLease) error {
	p := problem.Gone.With("the lease was deleted while its container was being provisioned")
	p.ID = string(lease.UID)
	return p
}
