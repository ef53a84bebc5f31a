package billing_test

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
)

const uid = "00000000-0000-0000-0000-000000000001"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	goleak.VerifyTestMain(m)
}

// ended returns a world in which the lease "demo" ended after ten minutes and awaits its bill.
func ended(t *testing.T) *controllertest.Fixture {
	t.Helper()
	f := controllertest.New(t)
	lease := f.NewLease()
	lease.Annotations = map[string]string{v1alpha1.CreatedByAnnotation: "ann"}
	f.Create(lease)
	f.Settle()
	f.Step(10 * time.Minute)
	f.Engine.Exit(uid, 0)
	f.MustReconcile()
	f.Events.Take()
	return f
}

func bill(t *testing.T, f *controllertest.Fixture) {
	t.Helper()
	if _, err := f.Bill(); err != nil {
		t.Fatal(err)
	}
}

func TestBillsOnceWithEveryInput(t *testing.T) {
	f := ended(t)
	bill(t, f)
	record := f.Record()
	amount, seconds, err := policy.Amount(record.Pricing, record.Segments)
	if err != nil || amount != record.Amount || seconds != record.BillableSeconds {
		t.Errorf("recomputed %s for %s seconds (%v), the record says %s for %s", amount, seconds, err, record.Amount, record.BillableSeconds)
	}
	if record.Amount != "0.00375" || record.BillableSeconds != "600" || record.Image != controllertest.Image ||
		record.Lease != (v1alpha1.LeaseReference{Name: "demo", UID: uid}) {
		t.Errorf("record is %+v", record)
	}
	if user := f.Records()[0].Annotations[v1alpha1.CreatedByAnnotation]; user != "ann" {
		t.Errorf("the record is %q's", user)
	}
	if owners := f.Records()[0].OwnerReferences; len(owners) != 0 {
		t.Errorf("the record has owners, and would go with them: %v", owners)
	}
	bill(t, f)
	if diff := cmp.Diff([]string{"Normal Billed"}, f.Events.Take()); diff != "" {
		t.Errorf("events of two attempts (-want +got):\n%s", diff)
	}
}

func TestRecordThatDiffersStands(t *testing.T) {
	f := ended(t)
	bill(t, f)
	forged := f.Records()[0]
	forged.Spec.Amount = "100"
	if err := f.Client.Update(f.Ctx, &forged); err != nil {
		t.Fatal(err)
	}
	f.Events.Take()
	bill(t, f)
	if got := f.Record().Amount; got != "100" {
		t.Errorf("the record was overwritten: %s", got)
	}
	if diff := cmp.Diff([]string{"Warning BillMismatch"}, f.Events.Take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestNotDue(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease())
	bill(t, f)
	f.Settle()
	bill(t, f)
	if records := f.Records(); len(records) != 0 {
		t.Errorf("billed a lease that runs: %+v", records)
	}
}

func TestLeaseWithoutAPrice(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease(func(l *v1alpha1.ContainerLease) { l.Spec.ClassName = "absent" }))
	f.Settle()
	if record := f.Record(); record.Amount != "0" || record.Currency != "XXX" {
		t.Errorf("billed %s %s, want nothing in no currency", record.Amount, record.Currency)
	}
}
