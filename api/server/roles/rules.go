package roles

import (
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// rule allows verbs on resources of a group.
type rule struct {
	group     string
	resources []string
	verbs     []string
	// least is the role it takes, in the namespace of the request.
	least Role
}

var (
	read  = []string{"get", "list", "watch"}
	write = []string{"create", "update", "patch", "delete", "deletecollection"}
)

// inNamespaces is what roles may do in the namespaces that they are for. The status and
// the finalizers of leases, and bills, are the controllers' to write.
var inNamespaces = []rule{
	{v1alpha1.GroupName, []string{"containerleases", "billingrecords"}, read, Viewer},
	{v1alpha1.GroupName, []string{"containerleases/log", "containerleases/stats"}, []string{"get"}, Viewer},
	{corev1.GroupName, []string{"events"}, read, Viewer},
	{eventsv1.GroupName, []string{"events"}, read, Viewer},
	// The namespace itself, by name: a list would show those of others.
	{corev1.GroupName, []string{namespaces}, []string{"get"}, Viewer},
	{v1alpha1.GroupName, []string{"containerleases"}, write, Editor},
}

// everywhere is what every authenticated user may do: see what can be leased, and ask
// about itself.
var everywhere = []rule{
	{group: v1alpha1.GroupName, resources: []string{"leaseclasses"}, verbs: read},
	{group: authorizationv1.GroupName, resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}, verbs: []string{"create"}},
	{group: authenticationv1.GroupName, resources: []string{"selfsubjectreviews"}, verbs: []string{"create"}},
}

// readablePaths are what every authenticated user may read beside resources and what the
// server shows to anybody: what the API is. A trailing * stands for any rest.
var readablePaths = []string{"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"}

const namespaces = "namespaces"

// matches says whether the rule is about a request, whoever makes it.
func (r rule) matches(a authorizer.Attributes) bool {
	resource := a.GetResource()
	if sub := a.GetSubresource(); sub != "" {
		resource += "/" + sub
	}
	return r.group == a.GetAPIGroup() && slices.Contains(r.resources, resource) && slices.Contains(r.verbs, a.GetVerb())
}

// info is the rule as SelfSubjectRulesReview shows it, for a namespace.
func (r rule) info(namespace string) authorizer.ResourceRuleInfo {
	info := &authorizer.DefaultResourceRuleInfo{Verbs: r.verbs, APIGroups: []string{r.group}, Resources: r.resources}
	if slices.Contains(r.resources, namespaces) {
		info.ResourceNames = []string{namespace}
	}
	return info
}
