package await_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/await"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

func demo(phase v1alpha1.LeasePhase) *v1alpha1.ContainerLease {
	return &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: "demo", UID: "first"},
		Status:     v1alpha1.ContainerLeaseStatus{Phase: phase},
	}
}

func connected(t *testing.T, server *stubapi.Server) client.WithWatch {
	t.Helper()
	c, err := connect.Client(server.Getter())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isRunning(lease *v1alpha1.ContainerLease) (bool, error) {
	return lease.Status.Phase == v1alpha1.LeaseRunning, nil
}

func TestLease(t *testing.T) {
	failed := errors.New("failed")
	tests := map[string]struct {
		before  func(*testing.T, *stubapi.Server) // before the wait
		during  func(*testing.T, *stubapi.Server) // once it watches
		done    func(*v1alpha1.ContainerLease) (bool, error)
		wantErr func(error) bool
	}{
		"AlreadyThere": {
			before: func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeaseRunning)) },
			done:   isRunning,
		},
		"GetsThere": {
			before: func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeasePending)) },
			during: func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeaseRunning)) },
			done:   isRunning,
		},
		"GetsThereWhileTheConnectionIsLost": {
			before: func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeasePending)) },
			during: func(t *testing.T, s *stubapi.Server) {
				s.DropWatches()
				s.Put(t, stubapi.Leases, demo(v1alpha1.LeaseRunning))
			},
			done: isRunning,
		},
		"Fails": {
			before:  func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeaseFailed)) },
			done:    func(*v1alpha1.ContainerLease) (bool, error) { return true, failed },
			wantErr: func(err error) bool { return errors.Is(err, failed) },
		},
		"NeverWas": {
			done:    isRunning,
			wantErr: apierrors.IsNotFound,
		},
		"Goes": {
			before:  func(t *testing.T, s *stubapi.Server) { s.Put(t, stubapi.Leases, demo(v1alpha1.LeasePending)) },
			during:  func(_ *testing.T, s *stubapi.Server) { s.Remove(stubapi.Leases, "demo") },
			done:    isRunning,
			wantErr: apierrors.IsNotFound,
		},
		"IsAnotherOfTheSameName": {
			before: func(t *testing.T, s *stubapi.Server) {
				other := demo(v1alpha1.LeaseRunning)
				other.UID = "second"
				s.Put(t, stubapi.Leases, other)
			},
			done:    isRunning,
			wantErr: apierrors.IsNotFound,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := stubapi.New(t)
			if tc.before != nil {
				tc.before(t, server)
			}
			if tc.during != nil {
				server.OnWatch = sync.OnceFunc(func() { tc.during(t, server) })
			}
			err := await.Lease(t.Context(), connected(t, server), demo(""), tc.done)
			if tc.wantErr == nil && err != nil || tc.wantErr != nil && !tc.wantErr(err) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestLeaseEndsWithItsContext(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, demo(v1alpha1.LeasePending))
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	server.OnWatch = func() { cancel(enough) }
	if err := await.Lease(ctx, connected(t, server), demo(""), isRunning); !errors.Is(err, enough) {
		t.Errorf("error = %v, want the context's cause", err)
	}
}
