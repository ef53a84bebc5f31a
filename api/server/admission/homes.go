package admission

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// homes makes the namespaces that users have been given a role in: to be told that one may
// use what does not exist would help nobody.
type homes struct {
	namespaces corev1client.NamespaceInterface
	known      corelisters.NamespaceLister
}

// mayMakeHome says whether a request may bring its namespace into being: a lease is created
// in it by somebody who was made an editor of just this namespace, or by an admin at home.
// Being an admin of everything is not enough: it would make a namespace of every typing error.
func mayMakeHome(a admission.Attributes) bool {
	if a.GetOperation() != admission.Create || a.GetSubresource() != "" ||
		a.GetResource().GroupResource() != v1alpha1.Resource("containerleases") || a.GetNamespace() == "" {
		return false
	}
	grants := roles.Of(a.GetUserInfo())
	return grants.Namespaces[a.GetNamespace()].Includes(roles.Editor) || grants.Admin && a.GetNamespace() == grants.Own
}

// missing says whether there is no such namespace. What the lister doesn't know is asked for.
func (h homes) missing(ctx context.Context, name string) (bool, error) {
	if _, err := h.known.Get(name); err == nil {
		return false, nil
	}
	_, err := h.namespaces.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// ensure makes a namespace unless there is one, and says whether it has. Its error is an API
// error.
func (h homes) ensure(ctx context.Context, name, user string) (bool, error) {
	if _, err := h.known.Get(name); err == nil {
		return false, nil
	}
	_, err := h.namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Annotations: map[string]string{v1alpha1.CreatedByAnnotation: user},
	}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	return err == nil, err
}
