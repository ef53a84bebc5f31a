package rest

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// TestAwait: whatever happens to the watch, the lease is there.
func TestAwait(t *testing.T) {
	const uid, patience = "11111111-1111-4111-8111-111111111111", 30 * time.Second
	made := func(phase v1alpha1.LeasePhase) *v1alpha1.ContainerLease {
		lease := leaseAt(func(s *v1alpha1.ContainerLeaseStatus) { s.Phase = phase })
		lease.UID = uid
		return lease
	}
	another := made(v1alpha1.LeaseFinished)
	another.UID = "22222222-2222-4222-8222-222222222222"
	resource := v1alpha1.Resource("containerleases")
	events := func(events ...watch.Event) watch.Interface {
		w := watch.NewFakeWithChanSize(len(events), false)
		for _, event := range events {
			w.Action(event.Type, event.Object)
		}
		w.Stop() // what was sent is still read
		return w
	}
	expired := apierrors.NewResourceExpired("too old").Status()

	// A step is what a watch does; after the last one, the API has the lease as stored says.
	type step struct {
		events watch.Interface
		err    error
	}
	for _, tc := range []struct {
		name     string
		patience time.Duration
		steps    []step
		stored   *v1alpha1.ContainerLease
		want     v1alpha1.LeasePhase
		fail     problem.Problem
	}{
		{name: "Settles", patience: patience, want: v1alpha1.LeaseFinished, steps: []step{
			{events: events(watch.Event{Type: watch.Modified, Object: made(v1alpha1.LeaseProvisioning)},
				watch.Event{Type: watch.Modified, Object: made(v1alpha1.LeaseFinished)})}}},
		{name: "WatchFailsAndEnds", patience: patience, want: v1alpha1.LeaseFailed, steps: []step{
			{err: errors.New("connection refused")},
			{events: events(watch.Event{Type: watch.Modified, Object: made(v1alpha1.LeaseProvisioning)})},
			{events: events(watch.Event{Type: watch.Modified, Object: made(v1alpha1.LeaseFailed)})}},
			stored: made(v1alpha1.LeasePending)},
		{name: "WatchTooOld", patience: patience, want: v1alpha1.LeaseFinished, stored: made(v1alpha1.LeaseFinished), steps: []step{
			{events: events(watch.Event{Type: watch.Error, Object: &expired})}}},
		{name: "NoPatience", want: v1alpha1.LeasePending, stored: made(v1alpha1.LeasePending)},
		{name: "NeverSettles", patience: 50 * time.Millisecond, want: v1alpha1.LeaseProvisioning, stored: made(v1alpha1.LeaseProvisioning),
			steps: []step{{events: events(watch.Event{Type: watch.Modified, Object: made(v1alpha1.LeaseProvisioning)})}}},
		{name: "Deleted", patience: patience, fail: problem.Gone, steps: []step{
			{events: events(watch.Event{Type: watch.Deleted, Object: made(v1alpha1.LeaseFinished)})}}},
		{name: "Replaced", patience: patience, fail: problem.Gone, steps: []step{
			{events: events(watch.Event{Type: watch.Modified, Object: another})}}},
		{name: "ReplacedUnseen", patience: patience, fail: problem.Gone, steps: []step{{err: errors.New("cut")}}, stored: another},
		{name: "GoneUnseen", patience: patience, fail: problem.Gone, steps: []step{{err: errors.New("cut")}}},
		{name: "SignedOut", patience: patience, fail: problem.Unauthenticated, steps: []step{{err: apierrors.NewUnauthorized("revoked")}}},
		{name: "RoleTaken", patience: patience, fail: problem.Forbidden, steps: []step{{err: apierrors.NewForbidden(resource, "demo", nil)}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			builder := fake.NewClientBuilder().WithScheme(scheme)
			if tc.stored != nil {
				builder.WithObjects(tc.stored.DeepCopy())
			}
			steps := tc.steps
			api := builder.WithInterceptorFuncs(interceptor.Funcs{
				Watch: func(ctx context.Context, _ client.WithWatch, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
					if len(steps) == 0 {
						return nil, errors.New("no more")
					}
					step := steps[0]
					steps = steps[1:]
					return step.events, step.err
				},
			}).Build()
			lease, err := New(api, clock.RealClock{}).await(t.Context(), made(v1alpha1.LeasePending), tc.patience)
			if tc.want != "" {
				if err != nil || lease.Status.Phase != tc.want {
					t.Errorf("got %v, %v; want %s", lease, err, tc.want)
				}
				return
			}
			if p := problem.From(err); err == nil || p.Type != tc.fail.Type {
				t.Errorf("got %v, %v; want %s", lease, err, tc.fail.Type)
			}
		})
	}
}

// TestAwaitEndsWithTheRequest: nobody waits for a client that left.
func TestAwaitEndsWithTheRequest(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	api := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			leave()
			return nil, ctx.Err()
		},
	}).Build()
	lease := leaseAt(func(*v1alpha1.ContainerLeaseStatus) {})
	if _, err := New(api, clock.RealClock{}).await(ctx, lease, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
