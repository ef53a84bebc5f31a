package orphans

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

const uid = "00000000-0000-0000-0000-000000000001"

var owner = driver.Identity{Namespace: "default", Name: "demo", UID: uid}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	goleak.VerifyTestMain(m)
}

// awayReader is an API that can't be read.
type awayReader struct{ client.Reader }

var errAway = errors.New("the store is away")

func (awayReader) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errAway
}

// ownInstance is what this server marks its containers with.
const ownInstance = "own"

func newController(f *controllertest.Fixture) *Controller {
	return New(f.Client, f.Client, f.Engine, ownInstance, f.Clock, time.Minute)
}

func TestReconcile(t *testing.T) {
	old := func(f *controllertest.Fixture) { f.Step(time.Minute) }
	tests := map[string]struct {
		reason    string
		lease     func(*v1alpha1.ContainerLease)
		world     func(*controllertest.Fixture)
		live      func(*controllertest.Fixture) client.Reader
		instance  string
		wantGone  bool
		wantAfter time.Duration
		wantErr   error
	}{
		"NoLease": {
			reason: "an orphan", world: old,
			wantGone: true, wantAfter: time.Second,
		},
		"OfOurs": {
			reason: "an orphan that this server made", world: old,
			instance: ownInstance, wantGone: true, wantAfter: time.Second,
		},
		"OfAnotherServer": {
			reason: "another server on the same engine has its own leases, even while it is down", world: old,
			instance: "another",
		},
		"Young": {
			reason: "its creation may be under way; looks again exactly when it is old enough",
			world:  func(f *controllertest.Fixture) { f.Step(5 * time.Second) }, wantAfter: 10 * time.Second,
		},
		"Leased": {
			reason: "has a lease", world: old,
			lease: func(*v1alpha1.ContainerLease) {},
		},
		"AnotherLeaseOfThatName": {
			reason: "the UID decides", world: old,
			lease:    func(l *v1alpha1.ContainerLease) { l.UID = types.UID("00000000-0000-0000-0000-000000000002") },
			wantGone: true, wantAfter: time.Second,
		},
		"LeaseIsOver": {
			reason: "a creation whose reply was lost took effect after the lease was over", world: old,
			lease:    func(l *v1alpha1.ContainerLease) { l.Status.Phase = v1alpha1.LeaseFailed },
			wantGone: true, wantAfter: time.Second,
		},
		"APIAway": {
			reason: "in doubt, nothing is removed", world: old,
			live:    func(*controllertest.Fixture) client.Reader { return awayReader{} },
			wantErr: errAway,
		},
		"RemovalFails": {
			reason: "is retried with back-off",
			world: func(f *controllertest.Fixture) {
				old(f)
				f.Engine.FailNext(fake.OpRemove, driver.ErrUnavailable)
			},
			wantErr: driver.ErrUnavailable,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := controllertest.New(t)
			labels := owner.Labels()
			labels[driver.LabelInstance] = tc.instance
			f.Engine.AddForeign(driver.ContainerName(uid), labels)
			if tc.lease != nil {
				lease := f.NewLease(tc.lease)
				status := lease.Status
				f.Create(lease)
				lease.Status = status
				if err := f.Client.Status().Update(f.Ctx, lease); err != nil {
					t.Fatal(err)
				}
			}
			tc.world(f)
			c := newController(f)
			if tc.live != nil {
				c.live = tc.live(f)
			}

			result, err := c.Reconcile(f.Ctx, suspect{kind: kindContainer, owner: owner})
			if !errors.Is(err, tc.wantErr) {
				t.Errorf("%s: error is %v, want %v", tc.reason, err, tc.wantErr)
			}
			if result.RequeueAfter != tc.wantAfter {
				t.Errorf("%s: looks again after %v, want %v", tc.reason, result.RequeueAfter, tc.wantAfter)
			}
			if gone := f.Container(uid) == nil; gone != tc.wantGone {
				t.Errorf("%s: gone is %v, want %v", tc.reason, gone, tc.wantGone)
			}
		})
	}
}

func TestSuspectsAreASetDifference(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease())
	f.Engine.AddOwned(owner)
	orphan := driver.Identity{Namespace: "default", Name: "gone", UID: "00000000-0000-0000-0000-000000000002"}
	f.Engine.AddOwned(orphan)
	foreign := f.Engine.AddForeign("containerlease-00000000-0000-0000-0000-000000000003",
		map[string]string{driver.LabelUID: "00000000-0000-0000-0000-000000000003"})
	volume := f.Engine.AddStray("volume", orphan.Labels())
	network := f.Engine.AddStray("network", owner.Labels())
	shared := f.Engine.AddStray("network", map[string]string{driver.LabelManaged: "true"})
	c := newController(f)

	got, err := c.suspects(f.Ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []suspect{{kind: kindContainer, owner: orphan}, {kind: "volume", id: volume, owner: orphan}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(suspect{})); diff != "" {
		t.Errorf("suspects (-want +got):\n%s", diff)
	}

	f.Step(time.Minute)
	for _, s := range got {
		if _, err := c.Reconcile(f.Ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := c.suspects(f.Ctx); err != nil || len(left) != 0 {
		t.Errorf("suspects left: %v (%v)", left, err)
	}
	if diff := cmp.Diff([]string{network, shared}, f.Engine.Strays("network")); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	if left := f.Engine.Strays("volume"); len(left) != 0 {
		t.Errorf("volumes left: %v", left)
	}
	if !f.Engine.Running(foreign) || f.Container(uid) == nil {
		t.Error("something that is no orphan was touched")
	}
}
