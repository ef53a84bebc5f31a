// Package registry holds what the registries of all resources have in common; each
// resource has a package of its own below this one.
package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Strategy is the part of a resource's behaviour that hardly any has a wish about.
// Embed it and override the rest.
type Strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	namespaced bool
}

// NewStrategy returns a strategy that accepts everything.
func NewStrategy(namespaced bool) Strategy {
	return Strategy{scheme.Scheme, names.SimpleNameGenerator, namespaced}
}

// NamespaceScoped says whether the resource lives in namespaces.
func (s Strategy) NamespaceScoped() bool { return s.namespaced }

// PrepareForCreate changes nothing.
func (Strategy) PrepareForCreate(context.Context, runtime.Object) {}

// PrepareForUpdate changes nothing.
func (Strategy) PrepareForUpdate(context.Context, runtime.Object, runtime.Object) {}

// Validate accepts everything.
func (Strategy) Validate(context.Context, runtime.Object) field.ErrorList { return nil }

// ValidateUpdate accepts everything.
func (Strategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}

// WarningsOnCreate has none.
func (Strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate has none.
func (Strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// Canonicalize changes nothing.
func (Strategy) Canonicalize(runtime.Object) {}

// AllowCreateOnUpdate is false: PUT of what is absent is an error.
func (Strategy) AllowCreateOnUpdate(context.Context) bool { return false }

// AllowUnconditionalUpdate is true: PUT without a resourceVersion overwrites.
func (Strategy) AllowUnconditionalUpdate(context.Context) bool { return true }

// Resource describes a resource to NewStore.
type Resource struct {
	// Plural and Singular name it.
	Plural, Singular schema.GroupResource
	// New and NewList return empty objects.
	New, NewList func() runtime.Object
	// Strategy is the behaviour on creation, update and deletion.
	Strategy interface {
		rest.RESTCreateStrategy
		rest.RESTUpdateStrategy
		rest.RESTDeleteStrategy
	}
	// Reset are the fields that the strategy does not take from a request.
	Reset rest.ResetFieldsStrategy
	// Attributes returns labels and selectable fields of an object; nil means its name only.
	Attributes storage.AttrFunc
	// Indexed are selectable fields, as Attributes calls them, that a watch cache finds objects by
	// without looking at the others.
	Indexed []string
	// Table prints objects.
	Table rest.TableConvertor
	// TTL is how long objects live, in seconds; zero means for ever.
	TTL uint64
}

// NewStore returns the store of a resource.
func NewStore(resource Resource, options generic.RESTOptionsGetter) (*genericregistry.Store, error) {
	store := &genericregistry.Store{
		NewFunc:                   resource.New,
		NewListFunc:               resource.NewList,
		DefaultQualifiedResource:  resource.Plural,
		SingularQualifiedResource: resource.Singular,
		CreateStrategy:            resource.Strategy,
		UpdateStrategy:            resource.Strategy,
		DeleteStrategy:            resource.Strategy,
		ResetFieldsStrategy:       resource.Reset,
		TableConvertor:            resource.Table,
	}
	if resource.TTL > 0 {
		store.TTLFunc = func(runtime.Object, uint64, bool) (uint64, error) { return resource.TTL, nil }
	}
	complete := &generic.StoreOptions{RESTOptions: options, AttrFunc: resource.Attributes}
	if len(resource.Indexed) > 0 {
		complete.Indexers = indexers(resource)
		store.PredicateFunc = func(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
			return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: resource.Attributes, IndexFields: resource.Indexed}
		}
	}
	return store, store.CompleteWithOptions(complete)
}

func indexers(resource Resource) *cache.Indexers {
	all := cache.Indexers{}
	for _, name := range resource.Indexed {
		all[storage.FieldIndex(name)] = func(obj any) ([]string, error) {
			object, ok := obj.(runtime.Object)
			if !ok {
				return nil, fmt.Errorf("unexpected object %T", obj)
			}
			_, values, err := resource.Attributes(object)
			return []string{values[name]}, err
		}
	}
	return &all
}

// ResetFields is a rest.ResetFieldsStrategy for fields of one API version.
type ResetFields map[fieldpath.APIVersion]*fieldpath.Set

// Reset names top-level fields of our API version.
func Reset(fields ...string) ResetFields {
	paths := make([]fieldpath.Path, len(fields))
	for i, name := range fields {
		paths[i] = fieldpath.MakePathOrDie(name)
	}
	return ResetFields{fieldpath.APIVersion(v1alpha1.SchemeGroupVersion.String()): fieldpath.NewSet(paths...)}
}

// GetResetFields implements rest.ResetFieldsStrategy.
func (r ResetFields) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set { return r }

// KeepMetadata undoes what an update of a subresource would do to the object's
// metadata, but for the record of who manages which field.
func KeepMetadata(obj, old metav1.Object) {
	managed := obj.GetManagedFields()
	accessor := obj.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
	// The version that the writer has seen still decides whether it may write.
	version := accessor.ResourceVersion
	old.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta).DeepCopyInto(accessor)
	accessor.ManagedFields = managed
	accessor.ResourceVersion = version
}

// NextGeneration is the generation of an object whose spec was and is now as given.
// The specs are compared as they are stored: what a client sent may hold numbers that
// can't be compared otherwise in reasonable time, and is not validated yet.
func NextGeneration(generation int64, spec, was any) int64 {
	now, errNow := json.Marshal(spec)
	then, errThen := json.Marshal(was)
	if errNow == nil && errThen == nil && bytes.Equal(now, then) {
		return generation
	}
	return generation + 1
}
