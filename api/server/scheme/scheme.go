// Package scheme knows every type that the API server serves, and how to write and
// read them: on the wire, in query parameters and in the store.
package scheme

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

var (
	// Scheme holds each type in its version and, as the same Go type, as the internal
	// version that k8s.io/apiserver works with: with one version there is nothing to
	// convert. Events are the exception, see events.go.
	Scheme = runtime.NewScheme()
	// Public holds the versions only. OpenAPI names definitions by the kinds of a type,
	// and server-side apply requires that there be one.
	Public = runtime.NewScheme()

	// Codecs reads and writes the types of Scheme.
	Codecs = serializer.NewCodecFactory(Scheme)
	// ParameterCodec reads query parameters.
	ParameterCodec = runtime.NewParameterCodec(Scheme)
)

// groupVersions are those served, with what adds their types to a scheme.
var groupVersions = []struct {
	schema.GroupVersion
	add func(*runtime.Scheme) error
	// internal are the types that stand for the internal version.
	internal []runtime.Object
}{
	{v1alpha1.SchemeGroupVersion, v1alpha1.AddToScheme, v1alpha1.KnownTypes()},
	{corev1.SchemeGroupVersion, addCore, []runtime.Object{
		&corev1.Namespace{}, &corev1.NamespaceList{}, &corev1.Event{}, &corev1.EventList{},
	}},
	{eventsv1.SchemeGroupVersion, eventsv1.AddToScheme, []runtime.Object{&corev1.Event{}, &corev1.EventList{}}},
	{coordinationv1.SchemeGroupVersion, coordinationv1.AddToScheme, []runtime.Object{
		&coordinationv1.Lease{}, &coordinationv1.LeaseList{},
	}},
	{authenticationv1.SchemeGroupVersion, authenticationv1.AddToScheme, []runtime.Object{
		&authenticationv1.SelfSubjectReview{},
	}},
	{authorizationv1.SchemeGroupVersion, authorizationv1.AddToScheme, []runtime.Object{
		&authorizationv1.SelfSubjectAccessReview{}, &authorizationv1.SelfSubjectRulesReview{},
	}},
}

// addCore registers of core/v1 only what is served.
func addCore(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(corev1.SchemeGroupVersion,
		&corev1.Namespace{}, &corev1.NamespaceList{}, &corev1.Event{}, &corev1.EventList{})
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	return nil
}

func init() {
	// Kubernetes' generic types, which have no group.
	unversioned := schema.GroupVersion{Version: "v1"}
	for _, scheme := range []*runtime.Scheme{Scheme, Public} {
		metav1.AddToGroupVersion(scheme, unversioned)
		scheme.AddUnversionedTypes(unversioned,
			&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
		for _, gv := range groupVersions {
			utilruntime.Must(gv.add(scheme))
			utilruntime.Must(scheme.SetVersionPriority(gv.GroupVersion))
		}
	}
	utilruntime.Must(metainternalversion.AddToScheme(Scheme))
	for _, gv := range groupVersions {
		Scheme.AddKnownTypes(schema.GroupVersion{Group: gv.Group, Version: runtime.APIVersionInternal}, gv.internal...)
	}
	v1alpha1.AddDefaults(Scheme)
	utilruntime.Must(addEventConversions(Scheme))
	utilruntime.Must(addQueryConversions(Scheme))
	utilruntime.Must(addFieldLabels(Scheme))
}

// StorageCodec writes objects to the store in the version they are kept in, as JSON,
// and reads them back.
func StorageCodec() runtime.Codec {
	return Codecs.LegacyCodec(v1alpha1.SchemeGroupVersion, corev1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion)
}

// Uncached are the resources that a store should serve without a watch cache: they are
// written often and watched rarely.
func Uncached() sets.Set[schema.GroupResource] {
	return sets.New(
		corev1.SchemeGroupVersion.WithResource("events").GroupResource(),
		coordinationv1.SchemeGroupVersion.WithResource("leases").GroupResource(),
	)
}
