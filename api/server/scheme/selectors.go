package scheme

import (
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// addQueryConversions teaches the scheme to read the options of our subresources.
func addQueryConversions(scheme *runtime.Scheme) error {
	if err := scheme.AddConversionFunc((*url.Values)(nil), (*v1alpha1.ContainerLeaseLogOptions)(nil),
		func(in, out any, _ conversion.Scope) error {
			return v1alpha1.ParseContainerLeaseLogOptions(*in.(*url.Values), out.(*v1alpha1.ContainerLeaseLogOptions))
		}); err != nil {
		return err
	}
	return scheme.AddConversionFunc((*url.Values)(nil), (*v1alpha1.ContainerLeaseStatsOptions)(nil),
		func(in, out any, _ conversion.Scope) error {
			return v1alpha1.ParseContainerLeaseStatsOptions(*in.(*url.Values), out.(*v1alpha1.ContainerLeaseStatsOptions))
		})
}

// addFieldLabels names the fields that field selectors may use, beside metadata.name
// and metadata.namespace. The registries' AttrFuncs supply their values under the
// names that this gives them.
func addFieldLabels(scheme *runtime.Scheme) error {
	ours := func(kind string) schema.GroupVersionKind { return v1alpha1.SchemeGroupVersion.WithKind(kind) }
	same := func(names ...string) map[string]string {
		m := map[string]string{}
		for _, name := range names {
			m[name] = name
		}
		return m
	}
	for _, kind := range []struct {
		schema.GroupVersionKind
		labels map[string]string
	}{
		{ours("ContainerLease"), same("metadata.uid", "spec.className", "spec.image", "status.phase", "status.finishReason", "status.container.id")},
		{ours("BillingRecord"), same("spec.lease.name", "spec.lease.uid", "spec.className", "spec.finishReason")},
		{corev1.SchemeGroupVersion.WithKind("Namespace"), same("status.phase")},
		{corev1.SchemeGroupVersion.WithKind("Event"), same(
			"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
			"involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
			"reason", "reportingComponent", "source", "type")},
		{eventsv1.SchemeGroupVersion.WithKind("Event"), map[string]string{
			"regarding.kind": "involvedObject.kind", "regarding.namespace": "involvedObject.namespace",
			"regarding.name": "involvedObject.name", "regarding.uid": "involvedObject.uid",
			"regarding.apiVersion": "involvedObject.apiVersion", "regarding.resourceVersion": "involvedObject.resourceVersion",
			"regarding.fieldPath": "involvedObject.fieldPath", "reason": "reason",
			"reportingController": "reportingComponent", "type": "type",
		}},
	} {
		if err := scheme.AddFieldLabelConversionFunc(kind.GroupVersionKind, allow(kind.labels)); err != nil {
			return err
		}
	}
	return nil
}

func allow(labels map[string]string) runtime.FieldLabelConversionFunc {
	return func(label, value string) (string, string, error) {
		switch label {
		case "metadata.name", "metadata.namespace":
			return label, value, nil
		}
		if internal, ok := labels[label]; ok {
			return internal, value, nil
		}
		return "", "", fmt.Errorf("field label not supported: %s", label)
	}
}
