package connect

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Getter is kubectl's connection flags, except that "lease" and "leases" mean ours. The
// server also has the leases of coordination.k8s.io, by which its own parts elect a
// leader, and kubectl prefers them because that is their full name; ours is a short one.
// Theirs are still to be had as leases.coordination.k8s.io.
type Getter struct {
	*genericclioptions.ConfigFlags
}

var _ genericclioptions.RESTClientGetter = Getter{}

// ToRESTMapper implements genericclioptions.RESTClientGetter.
func (g Getter) ToRESTMapper() (meta.RESTMapper, error) {
	mapper, err := g.ConfigFlags.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	return leaseMapper{mapper}, nil
}

// leaseMapper finds our leases by the names that are somebody else's, too.
type leaseMapper struct {
	meta.RESTMapper
}

var _ meta.ResettableRESTMapper = leaseMapper{}

// ours replaces "lease" and "leases" of no particular group.
func ours(resource schema.GroupVersionResource) schema.GroupVersionResource {
	if resource.Group == "" && resource.Version == "" && slices.Contains([]string{"lease", "leases"}, resource.Resource) {
		return v1alpha1.Resource("containerleases").WithVersion("")
	}
	return resource
}

// KindFor implements meta.RESTMapper.
func (m leaseMapper) KindFor(resource schema.GroupVersionResource) (schema.GroupVersionKind, error) {
	return m.RESTMapper.KindFor(ours(resource))
}

// KindsFor implements meta.RESTMapper.
func (m leaseMapper) KindsFor(resource schema.GroupVersionResource) ([]schema.GroupVersionKind, error) {
	return m.RESTMapper.KindsFor(ours(resource))
}

// ResourceFor implements meta.RESTMapper.
func (m leaseMapper) ResourceFor(input schema.GroupVersionResource) (schema.GroupVersionResource, error) {
	return m.RESTMapper.ResourceFor(ours(input))
}

// ResourcesFor implements meta.RESTMapper.
func (m leaseMapper) ResourcesFor(input schema.GroupVersionResource) ([]schema.GroupVersionResource, error) {
	return m.RESTMapper.ResourcesFor(ours(input))
}

// Reset implements meta.ResettableRESTMapper: a resource that is not found may be new.
func (m leaseMapper) Reset() { meta.MaybeResetRESTMapper(m.RESTMapper) }
