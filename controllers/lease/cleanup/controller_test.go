package cleanup_test

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
)

const uid = "00000000-0000-0000-0000-000000000001"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	goleak.VerifyTestMain(m)
}

func TestReconcile(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease())
	want := func(what string, after time.Duration) {
		t.Helper()
		result, err := f.Cleanup()
		if err != nil || result.RequeueAfter != after {
			t.Errorf("%s: comes back after %v (%v), want %v", what, result.RequeueAfter, err, after)
		}
	}
	f.Settle()
	want("running", 0)

	f.Engine.Exit(uid, 0)
	f.MustReconcile()
	f.Step(2 * time.Hour)
	want("finished, but not billed", 0)
	if f.Lease().DeletionTimestamp != nil {
		t.Fatal("deleted before it was billed")
	}

	f.Update(func(l *v1alpha1.ContainerLease) { *l.Spec.TTLSecondsAfterFinished = 3 * 3600 })
	f.Settle()
	want("billed", time.Hour)
	f.Step(time.Hour - time.Second)
	want("almost", time.Second)
	f.Step(time.Second)
	f.Settle()
	if f.Lease() != nil {
		t.Error("still there")
	}
}
