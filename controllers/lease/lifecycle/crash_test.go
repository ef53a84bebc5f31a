package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

// note returns a check that writes down the steps of a teardown as they begin.
func note(order *[]string) func(string, client.Object) {
	return func(call string, obj client.Object) {
		switch lease, isLease := obj.(*v1alpha1.ContainerLease); {
		case call == "engine.Stop" || call == "engine.Remove":
		case call == "PatchStatus" && lease.Status.FinishReason != "" && lease.Status.Phase == v1alpha1.LeaseTerminating &&
			lease.Status.Conditions[4].Reason == v1alpha1.ReasonBillPending:
			call = "PatchStatus(Finished)"
		case call == "Create":
			call = "Create(BillingRecord)"
		case call == "Patch" && isLease && !controllerutil.ContainsFinalizer(lease, v1alpha1.Finalizer):
			call = "Patch(released)"
		default:
			return
		}
		*order = append(*order, call)
	}
}

// life takes a lease through everything that can be asked of it.
func life(f *controllertest.Fixture) {
	f.Create(f.NewLease(func(l *v1alpha1.ContainerLease) { l.Spec.TTLSecondsAfterFinished = new(int64) }))
	f.Settle()
	f.Step(5 * time.Minute)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.Resources = controllertest.Size("1", "1Gi") })
	f.Settle()
	f.Step(5 * time.Minute)
	f.Update(suspend)
	f.Settle()
	f.Step(5 * time.Minute)
	f.Update(resume)
	f.Settle()
	f.Step(15 * time.Minute)
	f.Settle() // Expires, is billed, removed and, at once, deleted.
}

// TestPowerCutAnywhere cuts the power after everything that the controllers do in the life of a
// lease. Whatever is cut, nothing may be billed twice or differently, and nothing may be left.
func TestPowerCutAnywhere(t *testing.T) {
	rehearsal := controllertest.New(t)
	rehearsal.Fuse.BlowAt(0)
	life(rehearsal)
	effects := rehearsal.Fuse.Effects()
	want := rehearsal.Record()
	if want.Amount != "0.016875" { // 5 min at 0.0225 an hour, 5 + 15 min at 0.045; 5 min suspended.
		t.Fatalf("billed %s without a power cut, want 0.016875: %+v", want.Amount, want.Segments)
	}
	t.Logf("%d effects in the life of a lease", effects)

	for n := 1; n <= effects; n++ {
		t.Run(fmt.Sprintf("AfterEffect%d", n), func(t *testing.T) {
			t.Parallel()
			f := controllertest.New(t)
			f.Fuse.Check = invariants(t, f)
			f.Fuse.BlowAt(n)
			life(f)
			if f.Lease() != nil || f.Container(uid) != nil {
				t.Fatalf("something is left\n%s", f.Describe())
			}
			record := f.Record()
			if record.Amount != want.Amount || record.FinishReason != want.FinishReason || record.Estimated {
				t.Errorf("billed %s for %s (estimated: %v), want %s for %s",
					record.Amount, record.FinishReason, record.Estimated, want.Amount, want.FinishReason)
			}
			if used := distinctContainers(record); used != 1 {
				t.Errorf("%d containers were used, want 1", used)
			}
		})
	}
}

func distinctContainers(record v1alpha1.BillingRecordSpec) int {
	ids := map[string]bool{}
	for _, segment := range record.Segments {
		ids[segment.ContainerID] = true
	}
	return len(ids)
}

// invariants returns a check of what must be persisted before something is destroyed, or made.
func invariants(t *testing.T, f *controllertest.Fixture) func(string, client.Object) {
	return func(call string, obj client.Object) {
		t.Helper()
		switch call {
		case "engine.Create":
			if !controllerutil.ContainsFinalizer(f.Lease(), v1alpha1.Finalizer) || f.Lease().Status.Pricing == nil {
				t.Error("a container is created before the finalizer and the price are persisted")
			}
		case "engine.Start":
			c := f.Container(uid)
			segments := f.Lease().Status.Segments
			if c != nil && c.State == driver.StateExited && segments[len(segments)-1].FinishedAt == nil {
				t.Error("a container is started again before the end of its last run is persisted")
			}
		case "engine.Remove":
			if len(f.Records()) != 1 {
				t.Error("a container is removed before it is billed")
			}
		case "Patch":
			released := !controllerutil.ContainsFinalizer(obj, v1alpha1.Finalizer)
			if _, isLease := obj.(*v1alpha1.ContainerLease); isLease && released && f.Container(uid) != nil {
				t.Error("a lease is released before its container is gone")
			}
		}
	}
}

// TestEngineFailsAnywhere lets each kind of call to the engine fail in turn, at each point of the
// life of a lease.
func TestEngineFailsAnywhere(t *testing.T) {
	for _, op := range []fake.Op{fake.OpObserve, fake.OpImageExists, fake.OpCreate, fake.OpStart, fake.OpStop, fake.OpRemove} {
		t.Run(string(op), func(t *testing.T) {
			f := controllertest.New(t)
			f.Fuse.Check = invariants(t, f)
			f.Create(f.NewLease())
			f.Engine.FailNext(op, driver.ErrUnavailable)
			f.SettleThroughErrors()
			wantPhase(t, f, v1alpha1.LeaseRunning)
			f.Step(10 * time.Minute)
			f.Delete()
			f.SettleThroughErrors()
			if f.Lease() != nil || f.Container(uid) != nil {
				t.Fatalf("something is left\n%s", f.Describe())
			}
			if got := f.Record().Amount; got != "0.00375" {
				t.Errorf("billed %s, want 0.00375", got)
			}
		})
	}
}
