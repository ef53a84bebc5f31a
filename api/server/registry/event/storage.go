// Package event is the registry of events, served as core/v1 and as events.k8s.io/v1
// from one store. An event lives for an hour.
package event

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/registry"
)

// lifetime of an event.
const lifetime = time.Hour

// Bounds of an event's texts, as Kubernetes has them.
const (
	maxReason  = 128
	maxMessage = 1024
)

// Storage serves events.
type Storage struct{ *genericregistry.Store }

// ShortNames are what people type.
func (Storage) ShortNames() []string { return []string{"ev"} }

// New returns the storage of events.
func New(options generic.RESTOptionsGetter, clock clock.PassiveClock) (Storage, error) {
	store, err := registry.NewStore(registry.Resource{
		Plural:     corev1.SchemeGroupVersion.WithResource("events").GroupResource(),
		Singular:   corev1.SchemeGroupVersion.WithResource("event").GroupResource(),
		New:        func() runtime.Object { return &corev1.Event{} },
		NewList:    func() runtime.Object { return &corev1.EventList{} },
		Strategy:   strategy{registry.NewStrategy(true)},
		Attributes: attributes,
		Table:      newTable(clock),
		TTL:        uint64(lifetime / time.Second),
	}, options)
	return Storage{store}, err
}

type strategy struct{ registry.Strategy }

// AllowCreateOnUpdate is true: recorders patch an event that may have gone meanwhile.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return true }

// Validate implements rest.RESTCreateStrategy.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	event := obj.(*corev1.Event)
	errs := apivalidation.ValidateObjectMeta(&event.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validate(event)...)
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	event := obj.(*corev1.Event)
	errs := apivalidation.ValidateObjectMetaUpdate(&event.ObjectMeta, &old.(*corev1.Event).ObjectMeta, field.NewPath("metadata"))
	return append(errs, validate(event)...)
}

func validate(event *corev1.Event) field.ErrorList {
	var errs field.ErrorList
	// Events of cluster-scoped objects are in the default namespace.
	about := event.InvolvedObject.Namespace
	if about == "" {
		about = metav1.NamespaceDefault
	}
	if event.Namespace != about {
		errs = append(errs, field.Invalid(field.NewPath("involvedObject", "namespace"), event.InvolvedObject.Namespace,
			"must be the event's own namespace"))
	}
	if len(event.Reason) > maxReason {
		errs = append(errs, field.TooLong(field.NewPath("reason"), "", maxReason))
	}
	if len(event.Message) > maxMessage {
		errs = append(errs, field.TooLong(field.NewPath("message"), "", maxMessage))
	}
	return errs
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	event := obj.(*corev1.Event)
	source := event.Source.Component
	if source == "" {
		source = event.ReportingController
	}
	return event.Labels, generic.AddObjectMetaFieldsSet(fields.Set{
		"involvedObject.kind":            event.InvolvedObject.Kind,
		"involvedObject.namespace":       event.InvolvedObject.Namespace,
		"involvedObject.name":            event.InvolvedObject.Name,
		"involvedObject.uid":             string(event.InvolvedObject.UID),
		"involvedObject.apiVersion":      event.InvolvedObject.APIVersion,
		"involvedObject.resourceVersion": event.InvolvedObject.ResourceVersion,
		"involvedObject.fieldPath":       event.InvolvedObject.FieldPath,
		"reason":                         event.Reason,
		"reportingComponent":             event.ReportingController,
		"source":                         source,
		"type":                           event.Type,
	}, &event.ObjectMeta, true), nil
}

func newTable(clock clock.PassiveClock) registry.Table[*corev1.Event] {
	return registry.Table[*corev1.Event]{
		Columns: []registry.Column{
			{Name: "Last Seen", Description: "Time since it last happened"},
			{Name: "Type", Description: "Normal or Warning"},
			{Name: "Reason", Description: "What happened, in a word"},
			{Name: "Object", Description: "What it happened to"},
			{Name: "Source", Wide: true, Description: "Who noticed"},
			{Name: "Message", Description: "What happened"},
			{Name: "Name", Wide: true, IsName: true, Description: "Name of the event"},
		},
		Cells: func(event *corev1.Event) []any {
			return []any{
				since(lastSeen(event), clock.Now()), event.Type, event.Reason,
				strings.ToLower(event.InvolvedObject.Kind) + "/" + event.InvolvedObject.Name,
				event.ReportingController + event.Source.Component, strings.TrimSpace(event.Message), event.Name,
			}
		},
	}
}

func lastSeen(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	case !event.EventTime.IsZero():
		return event.EventTime.Time
	default:
		return event.CreationTimestamp.Time
	}
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(t))
}
