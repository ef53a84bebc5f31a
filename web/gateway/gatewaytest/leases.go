package gatewaytest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Images are those that the engine has. They are what the class standard's catalog refers to.
var Images = []string{"ubuntu:22.04", "alpine:3.22"}

// relaxClass lets leases be as short and small as tests want them.
func (f *Fixture) relaxClass() {
	f.t.Helper()
	class := &v1alpha1.LeaseClass{}
	if err := f.Admin.Get(f.t.Context(), client.ObjectKey{Name: "standard"}, class); err != nil {
		f.t.Fatalf("reading the class: %v", err)
	}
	class.Spec.TTL.Min = "1s"
	class.Spec.CPU.Min = resource.MustParse("50m")
	class.Spec.Memory.Min = resource.MustParse("16Mi")
	if err := f.Admin.Update(f.t.Context(), class); err != nil {
		f.t.Fatalf("relaxing the class: %v", err)
	}
}

// Lease reads a lease past the gateway.
func (f *Fixture) Lease(namespace, name string) *v1alpha1.ContainerLease {
	f.t.Helper()
	lease := &v1alpha1.ContainerLease{}
	if err := f.Admin.Get(f.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, lease); err != nil {
		f.t.Fatalf("reading lease %s/%s: %v", namespace, name, err)
	}
	return lease
}

// AwaitLease waits until a lease is as wanted, and returns it.
func (f *Fixture) AwaitLease(namespace, name, what string, wanted func(*v1alpha1.ContainerLease) bool) *v1alpha1.ContainerLease {
	f.t.Helper()
	var lease *v1alpha1.ContainerLease
	f.Await(what, func() bool {
		lease = f.Lease(namespace, name)
		return wanted(lease)
	})
	return lease
}

// Await waits until something is so.
func (f *Fixture) Await(what string, so func() bool) {
	f.t.Helper()
	for end := time.Now().Add(Patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Run stores a lease of namespace and waits until its container runs.
func (f *Fixture) Run(namespace, name string) *v1alpha1.ContainerLease {
	f.t.Helper()
	f.Namespace(namespace)
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", TTL: "30m"},
	}
	if err := f.Admin.Create(f.t.Context(), lease); err != nil {
		f.t.Fatalf("creating lease %s/%s: %v", namespace, name, err)
	}
	return f.AwaitLease(namespace, name, "the lease runs", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.Phase == v1alpha1.LeaseRunning
	})
}

// Namespace makes a namespace, unless it is there.
func (f *Fixture) Namespace(name string) {
	f.t.Helper()
	err := f.Admin.Create(f.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if client.IgnoreAlreadyExists(err) != nil {
		f.t.Fatalf("making namespace %s: %v", name, err)
	}
}
