package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestLeaseDefaults(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	created := lease("demo")
	created.Spec.Ports = []v1alpha1.ContainerPort{{ContainerPort: 80}}
	created.Status.Phase = v1alpha1.LeaseFinished // not for the user to say
	must(t, c.Create(t.Context(), created))
	want := v1alpha1.ContainerLeaseSpec{
		Image: "ubuntu", ClassName: "standard", TTL: "30m",
		Resources:                     v1alpha1.ResourceLimits{CPU: ptr.To(resource.MustParse("500m")), Memory: ptr.To(resource.MustParse("512Mi"))},
		Ports:                         []v1alpha1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}},
		OperatingMode:                 v1alpha1.OperatingModeRunning,
		TerminationGracePeriodSeconds: ptr.To[int64](10), ProvisioningDeadlineSeconds: ptr.To[int64](300), TTLSecondsAfterFinished: ptr.To[int64](3600),
	}
	if diff := cmp.Diff(want, created.Spec); diff != "" {
		t.Errorf("spec: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(v1alpha1.ContainerLeaseStatus{Phase: v1alpha1.LeasePending}, created.Status); diff != "" {
		t.Errorf("status: -want +got\n%s", diff)
	}
	if created.Generation != 1 {
		t.Errorf("generation %d", created.Generation)
	}

	// The whole object without what has defaults: the immutable part stays, the rest is defaulted again.
	replaced := created.DeepCopy()
	replaced.Spec = v1alpha1.ContainerLeaseSpec{Image: "ubuntu", Ports: created.Spec.Ports}
	must(t, c.Update(t.Context(), replaced))
	if diff := cmp.Diff(created, replaced, cmpopts.IgnoreFields(metav1.ObjectMeta{}, "ManagedFields")); diff != "" {
		t.Errorf("after a replace: -want +got\n%s", diff)
	}
}

func TestStatusIsASubresource(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	l := lease("demo")
	must(t, c.Create(t.Context(), l))

	changed := l.DeepCopy()
	changed.Status.Phase = v1alpha1.LeaseRunning
	changed.Spec.TTL = "31m"
	must(t, c.Update(t.Context(), changed))
	if changed.Status.Phase != v1alpha1.LeasePending || changed.Spec.TTL != "31m" || changed.Generation != 2 {
		t.Errorf("after an update: phase %s, ttl %s, generation %d", changed.Status.Phase, changed.Spec.TTL, changed.Generation)
	}

	observed := v1alpha1.NewTimestamp(time.Unix(1700000000, 123456789))
	patched := changed.DeepCopy()
	patched.Status.Phase, patched.Status.StartTime = v1alpha1.LeaseRunning, &observed
	patched.Spec.TTL = "1h"
	patched.Labels = map[string]string{"a": "b"}
	must(t, c.Status().Update(t.Context(), patched))
	var got v1alpha1.ContainerLease
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(l), &got))
	if got.Status.Phase != v1alpha1.LeaseRunning || !got.Status.StartTime.Equal(&observed) {
		t.Errorf("status: %+v", got.Status)
	}
	if got.Spec.TTL != "31m" || got.Generation != 2 || len(got.Labels) != 0 {
		t.Errorf("a status update changed ttl to %s, generation to %d, labels to %v", got.Spec.TTL, got.Generation, got.Labels)
	}

	stale := changed.DeepCopy()
	stale.Status.Phase = v1alpha1.LeaseFailed
	if err := c.Status().Update(t.Context(), stale); !apierrors.IsConflict(err) {
		t.Errorf("a status update with a stale version: %v", err)
	}
}

// TestClassChangesLeaveLeasesAlone: only what a user changes is checked against the
// class as it is now.
func TestClassChangesLeaveLeasesAlone(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	l := lease("demo")
	must(t, c.Create(t.Context(), l))

	var class v1alpha1.LeaseClass
	must(t, c.Get(t.Context(), client.ObjectKey{Name: "standard"}, &class))
	class.Spec.TTL = v1alpha1.DurationRange{Min: "1m", Default: "2m", Max: "3m"}
	class.Spec.Images = v1alpha1.ImagePolicy{Allow: []string{"redis"}}
	must(t, c.Update(t.Context(), &class))

	patch := func(body string) error {
		return c.Patch(t.Context(), l, client.RawPatch("application/merge-patch+json", []byte(body)))
	}
	must(t, patch(`{"metadata":{"labels":{"a":"b"}},"spec":{"operatingMode":"Suspended"}}`))
	if err := patch(`{"spec":{"resources":{"cpu":"1e2000000000"}}}`); !apierrors.IsInvalid(err) {
		t.Errorf("an absurd size: %v", err)
	}
	if err := patch(`{"spec":{"ttl":"31m"}}`); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "from 1m to 3m") {
		t.Errorf("a new ttl beyond the class: %v", err)
	}
	must(t, c.Delete(t.Context(), &class))
	must(t, patch(`{"metadata":{"labels":{"a":"c"}}}`))
	if err := patch(`{"spec":{"ttl":"2m"}}`); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "no such class") {
		t.Errorf("a new ttl without the class: %v", err)
	}
	if err := c.Create(t.Context(), lease("other")); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "no class is marked as default") {
		t.Errorf("a lease without any class: %v", err)
	}
	must(t, c.Delete(t.Context(), l))
}

// TestFinalizers: a lease goes when its last finalizer does, and not before.
func TestFinalizers(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	l := lease("demo")
	l.Finalizers = []string{v1alpha1.Finalizer}
	must(t, c.Create(t.Context(), l))
	must(t, c.Delete(t.Context(), l, client.PropagationPolicy(metav1.DeletePropagationForeground)))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(l), l))
	if l.DeletionTimestamp == nil || !cmp.Equal(l.Finalizers, []string{v1alpha1.Finalizer}) {
		t.Fatalf("after delete: %v, %v", l.DeletionTimestamp, l.Finalizers)
	}
	l.Finalizers = nil
	must(t, c.Update(t.Context(), l))
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(l), l); !apierrors.IsNotFound(err) {
		t.Errorf("after the last finalizer: %v", err)
	}
}

func TestBillingRecordsCannotBeChanged(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	record := record("2ad3a3c4-0000-4000-8000-000000000000", metav1.NamespaceDefault)
	must(t, c.Create(t.Context(), record))
	again := record.DeepCopy()
	again.ResourceVersion = ""
	if err := c.Create(t.Context(), again); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second record: %v", err)
	}
	err := c.Patch(t.Context(), record.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"amount":"1"}}`)))
	if !apierrors.IsInvalid(err) {
		t.Errorf("another amount: %v", err)
	}
	must(t, c.Patch(t.Context(), record, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"paid":"yes"}}}`))))
}

// record is the bill of a lease that never started.
func record(uid, namespace string) *v1alpha1.BillingRecord {
	return &v1alpha1.BillingRecord{
		ObjectMeta: metav1.ObjectMeta{Name: uid, Namespace: namespace},
		Spec: v1alpha1.BillingRecordSpec{
			Lease: v1alpha1.LeaseReference{Name: "demo", UID: "2ad3a3c4-0000-4000-8000-000000000000"}, ClassName: "standard", Image: "docker.io/library/ubuntu:22.04",
			Pricing:         v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"},
			BillableSeconds: "0", Amount: "0", Currency: "USD", FinishReason: v1alpha1.FinishDeleted,
		},
	}
}
