package admission

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// SystemNamespace is where what belongs to the server itself is kept.
const SystemNamespace = "containerlease-system"

// Namespaces is Kubernetes' NamespaceLifecycle: nothing is created in a namespace that
// does not exist or is being deleted. What tells of the end of the leases in it is exempt:
// their billing records, which must be written, and Events, which go with the namespace
// or after an hour. And a namespace that is somebody's to use is made when it is first
// used; see homes.
type Namespaces struct {
	*lifecycle.Lifecycle
	homes homes
}

var tellsOfTheEnd = sets.New(
	v1alpha1.Resource("billingrecords"), corev1.Resource("events"), eventsv1.Resource("events"))

var (
	_ admission.MutationInterface   = Namespaces{}
	_ admission.ValidationInterface = Namespaces{}
)

// NewNamespaces returns the plugin. It is ready once the informers have synced.
func NewNamespaces(client kubernetes.Interface, informers informers.SharedInformerFactory) (Namespaces, error) {
	plugin, err := lifecycle.NewLifecycle(sets.New(metav1.NamespaceDefault, SystemNamespace))
	if err != nil {
		return Namespaces{}, err
	}
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(informers)
	known := informers.Core().V1().Namespaces().Lister()
	return Namespaces{plugin, homes{client.CoreV1().Namespaces(), known}}, plugin.ValidateInitialization()
}

// Admit implements admission.MutationInterface. The namespace that Validate would make
// isn't missed yet.
func (n Namespaces) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if a.GetOperation() == admission.Create && tellsOfTheEnd.Has(a.GetResource().GroupResource()) {
		return nil
	}
	if mayMakeHome(a) && n.WaitForReady() {
		missing, err := n.homes.missing(ctx, a.GetNamespace())
		if err != nil || missing {
			return err
		}
	}
	return n.Lifecycle.Admit(ctx, a, o)
}

// Validate implements admission.ValidationInterface. It runs when all else about the request
// is good, so that no namespace is left behind by a lease that is refused.
func (n Namespaces) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if !mayMakeHome(a) || a.IsDryRun() {
		return nil
	}
	made, err := n.homes.ensure(ctx, a.GetNamespace(), a.GetUserInfo().GetName())
	if err != nil || made {
		return err
	}
	// It was there, or somebody else was faster: then it may be about to end, too.
	return n.Lifecycle.Admit(ctx, a, o)
}
