package connect

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestLeaseMapperPrefersOurs(t *testing.T) {
	coordination := schema.GroupVersion{Group: "coordination.k8s.io", Version: "v1"}
	all := meta.NewDefaultRESTMapper([]schema.GroupVersion{coordination, v1alpha1.SchemeGroupVersion})
	all.Add(coordination.WithKind("Lease"), meta.RESTScopeNamespace)
	all.Add(v1alpha1.SchemeGroupVersion.WithKind("ContainerLease"), meta.RESTScopeNamespace)

	tests := map[string]struct {
		asked schema.GroupVersionResource
		want  schema.GroupVersionKind
	}{
		"Plural":      {schema.GroupVersionResource{Resource: "leases"}, v1alpha1.SchemeGroupVersion.WithKind("ContainerLease")},
		"Singular":    {schema.GroupVersionResource{Resource: "lease"}, v1alpha1.SchemeGroupVersion.WithKind("ContainerLease")},
		"TheirGroup":  {schema.GroupVersionResource{Group: "coordination.k8s.io", Resource: "leases"}, coordination.WithKind("Lease")},
		"OurFullName": {schema.GroupVersionResource{Resource: "containerleases"}, v1alpha1.SchemeGroupVersion.WithKind("ContainerLease")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mapper := leaseMapper{all}
			if got, err := mapper.KindFor(tc.asked); err != nil || got != tc.want {
				t.Errorf("KindFor(%v) = %v, %v, want %v", tc.asked, got, err, tc.want)
			}
			if got, err := mapper.KindsFor(tc.asked); err != nil || len(got) != 1 || got[0] != tc.want {
				t.Errorf("KindsFor(%v) = %v, %v, want %v", tc.asked, got, err, tc.want)
			}
			resource, err := mapper.ResourceFor(tc.asked)
			if err != nil || resource.Group != tc.want.Group {
				t.Errorf("ResourceFor(%v) = %v, %v", tc.asked, resource, err)
			}
			resources, err := mapper.ResourcesFor(tc.asked)
			if err != nil || len(resources) != 1 || resources[0] != resource {
				t.Errorf("ResourcesFor(%v) = %v, %v", tc.asked, resources, err)
			}
		})
	}
}
