package expiration_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

const uid = "00000000-0000-0000-0000-000000000001"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	goleak.VerifyTestMain(m)
}

func TestReconcile(t *testing.T) {
	tests := map[string]struct {
		reason    string
		world     func(*controllertest.Fixture)
		wantStop  bool
		wantAfter time.Duration
		wantErr   error
	}{
		"NotYet": {
			reason:    "comes back exactly when the time is up",
			world:     func(f *controllertest.Fixture) { f.Step(10 * time.Minute) },
			wantAfter: 20 * time.Minute,
		},
		"Due": {
			reason:   "stops; the container ends at once, so there is nothing more to do",
			world:    func(f *controllertest.Fixture) { f.Step(30 * time.Minute) },
			wantStop: true,
		},
		"DueAndStubborn": {
			reason: "comes back to stop again what outlives its grace",
			world: func(f *controllertest.Fixture) {
				f.Engine.IgnoreTerm(uid)
				f.Step(30 * time.Minute)
			},
			wantStop: true, wantAfter: 11 * time.Second,
		},
		"Extended": {
			reason: "the spec as it is now decides",
			world: func(f *controllertest.Fixture) {
				f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.TTL = "1h" })
				f.Step(30 * time.Minute)
			},
			wantAfter: 30 * time.Minute,
		},
		"EngineAway": {
			reason: "is retried",
			world: func(f *controllertest.Fixture) {
				f.Step(30 * time.Minute)
				f.Engine.FailNext(fake.OpStop, driver.ErrUnavailable)
			},
			wantStop: true, wantErr: driver.ErrUnavailable,
		},
		"ContainerGone": {
			reason: "is no error",
			world: func(f *controllertest.Fixture) {
				f.Engine.RemoveBehind(uid)
				f.Step(30 * time.Minute)
			},
			wantStop: true,
		},
		"Finished": {
			reason: "is none of its business",
			world: func(f *controllertest.Fixture) {
				f.Engine.Exit(uid, 0)
				f.Settle()
				f.Step(30 * time.Minute)
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := controllertest.New(t)
			f.Create(f.NewLease())
			f.Settle()
			tc.world(f)
			f.Engine.ClearCalls()
			writes := f.Fuse.Writes()

			result, err := f.Expire()
			if !errors.Is(err, tc.wantErr) {
				t.Errorf("%s: error is %v, want %v", tc.reason, err, tc.wantErr)
			}
			if result.RequeueAfter != tc.wantAfter {
				t.Errorf("%s: comes back after %v, want %v", tc.reason, result.RequeueAfter, tc.wantAfter)
			}
			if stopped := len(f.Engine.CallsOf(fake.OpStop)) == 1; stopped != tc.wantStop {
				t.Errorf("%s: stopped is %v, want %v", tc.reason, stopped, tc.wantStop)
			}
			if f.Fuse.Writes() != writes {
				t.Errorf("%s: it wrote something", tc.reason)
			}
		})
	}
}

// A container that started just before the store went away has a lease whose status does not know.
func TestExpiresWithoutAStatus(t *testing.T) {
	f := controllertest.New(t)
	lease := f.NewLease()
	f.Create(lease)
	if result, err := f.Expire(); err != nil || result.RequeueAfter != 0 {
		t.Fatalf("a lease without a container: %v, %v, want nothing to do", result, err)
	}
	f.Engine.AddOwned(driver.Identity{Namespace: "default", Name: "demo", UID: uid})
	if result, err := f.Expire(); err != nil || result.RequeueAfter != 30*time.Minute {
		t.Fatalf("comes back after %v (%v), want 30m", result.RequeueAfter, err)
	}
	f.Step(30 * time.Minute)
	if _, err := f.Expire(); err != nil {
		t.Fatal(err)
	}
	if c := f.Container(uid); c.State != driver.StateExited || !c.FinishedAt.Equal(f.Clock.Now()) {
		t.Errorf("the container is %+v, want it to have exited", c)
	}
	f.Settle()
	if got := f.Record(); got.FinishReason != v1alpha1.FinishExpired || got.BillableSeconds != "1800" {
		t.Errorf("billed %s seconds for %s, want 1800 for Expired", got.BillableSeconds, got.FinishReason)
	}
}
