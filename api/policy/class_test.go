package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func quantity(s string) *resource.Quantity { return ptr.To(resource.MustParse(s)) }

func standardClass() *v1alpha1.LeaseClass {
	return &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: "standard"},
		Spec: v1alpha1.LeaseClassSpec{
			Images: v1alpha1.ImagePolicy{Catalog: []v1alpha1.CatalogImage{{Name: "ubuntu", Reference: "ubuntu:22.04"}}},
			TTL:    v1alpha1.DurationRange{Min: "5m", Default: "30m", Max: "2h"},
			CPU:    v1alpha1.QuantityRange{Min: *quantity("250m"), Default: *quantity("500m"), Max: *quantity("2")},
			Memory: v1alpha1.QuantityRange{Min: *quantity("256Mi"), Default: *quantity("512Mi"), Max: *quantity("2Gi")},
		},
	}
}

func TestApplyClassDefaults(t *testing.T) {
	var lease v1alpha1.ContainerLease
	ApplyClassDefaults(&lease, standardClass())
	want := v1alpha1.ContainerLeaseSpec{ClassName: "standard", TTL: "30m",
		Resources: v1alpha1.ResourceLimits{CPU: quantity("500m"), Memory: quantity("512Mi")}}
	if diff := cmp.Diff(want, lease.Spec); diff != "" {
		t.Errorf("empty lease: -want +got\n%s", diff)
	}
	given := v1alpha1.ContainerLeaseSpec{ClassName: "other", TTL: "7m",
		Resources: v1alpha1.ResourceLimits{CPU: quantity("1"), Memory: quantity("1Gi")}}
	lease.Spec = *given.DeepCopy()
	ApplyClassDefaults(&lease, standardClass())
	if diff := cmp.Diff(given, lease.Spec); diff != "" {
		t.Errorf("complete lease: -want +got\n%s", diff)
	}
}

func TestCheckClass(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ContainerLeaseSpec)
		// changed is made to the lease after its old state was taken; nil means a new lease.
		changed func(*v1alpha1.ContainerLeaseSpec)
		want    []string
	}{
		"Allowed": {change: func(*v1alpha1.ContainerLeaseSpec) {}},
		"AtTheMin": {change: func(s *v1alpha1.ContainerLeaseSpec) {
			s.TTL, s.Resources.CPU, s.Resources.Memory = "300s", quantity("0.25"), quantity("268435456")
		}},
		"AtTheMax": {change: func(s *v1alpha1.ContainerLeaseSpec) {
			s.TTL, s.Resources.CPU, s.Resources.Memory = "120m", quantity("2000m"), quantity("2Gi")
		}},
		"Below": {change: func(s *v1alpha1.ContainerLeaseSpec) {
			s.TTL, s.Resources.CPU, s.Resources.Memory = "299s", quantity("249m"), quantity("268435455")
		},
			want: []string{"spec.ttl", "spec.resources.cpu", "spec.resources.memory"}},
		"Above": {change: func(s *v1alpha1.ContainerLeaseSpec) {
			s.TTL, s.Resources.CPU, s.Resources.Memory = "121m", quantity("2001m"), quantity("2147483649")
		},
			want: []string{"spec.ttl", "spec.resources.cpu", "spec.resources.memory"}},
		"Absurd": {change: func(s *v1alpha1.ContainerLeaseSpec) {
			s.TTL, s.Resources.CPU, s.Resources.Memory = "0s", quantity("1e9"), quantity("-1")
		},
			want: []string{"spec.ttl", "spec.resources.cpu", "spec.resources.memory"}},
		"Image":     {change: func(s *v1alpha1.ContainerLeaseSpec) { s.Image = "evil/ubuntu" }, want: []string{"spec.image"}},
		"Malformed": {change: func(s *v1alpha1.ContainerLeaseSpec) { s.Image, s.TTL = "Up Case", "soon" }},
		"UnrelatedUpdate": {change: func(s *v1alpha1.ContainerLeaseSpec) { s.Image, s.TTL, s.Resources.CPU = "gone", "10h", quantity("64") },
			changed: func(s *v1alpha1.ContainerLeaseSpec) { s.OperatingMode = v1alpha1.OperatingModeSuspended }},
		"OnlyWhatChanged": {change: func(s *v1alpha1.ContainerLeaseSpec) { s.TTL, s.Resources.CPU = "10h", quantity("64") },
			changed: func(s *v1alpha1.ContainerLeaseSpec) { s.TTL = "11h" }, want: []string{"spec.ttl"}},
	} {
		t.Run(name, func(t *testing.T) {
			lease := &v1alpha1.ContainerLease{Spec: v1alpha1.ContainerLeaseSpec{Image: "ubuntu"}}
			ApplyClassDefaults(lease, standardClass())
			tc.change(&lease.Spec)
			var old *v1alpha1.ContainerLease
			if tc.changed != nil {
				old = lease.DeepCopy()
				tc.changed(&lease.Spec)
			}
			var got []string
			for _, err := range CheckClass(lease, standardClass(), old) {
				got = append(got, err.Field)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if old != nil && len(got) > 0 && !ClassMatters(lease, old) {
				t.Error("ClassMatters is false although CheckClass complains")
			}
		})
	}
}

func TestDefaultClass(t *testing.T) {
	class := func(name, mark string, age time.Duration) v1alpha1.LeaseClass {
		return v1alpha1.LeaseClass{ObjectMeta: metav1.ObjectMeta{Name: name,
			Annotations: map[string]string{v1alpha1.DefaultClassAnnotation: mark}, CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-age))}}
	}
	for name, tc := range map[string]struct {
		classes []v1alpha1.LeaseClass
		want    string
	}{
		"None":     {nil, ""},
		"Unmarked": {[]v1alpha1.LeaseClass{class("a", "false", 0), class("b", "", 0)}, ""},
		"Marked":   {[]v1alpha1.LeaseClass{class("a", "", 0), class("b", "true", 0)}, "b"},
		"Youngest": {[]v1alpha1.LeaseClass{class("a", "true", time.Hour), class("b", "true", time.Minute), class("c", "true", time.Hour)}, "b"},
		"Tie":      {[]v1alpha1.LeaseClass{class("b", "true", 0), class("a", "true", 0)}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if class := DefaultClass(tc.classes); class != nil {
				got = class.Name
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
