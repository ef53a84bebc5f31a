// Package namespace is the registry of core/v1 Namespaces. Deleting a namespace only
// marks it; it goes when whoever empties it has taken away its last finalizer through
// the finalize subresource.
package namespace

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	storeerr "k8s.io/apiserver/pkg/storage/errors"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/registry"
)

// Storage serves namespaces.
type Storage struct {
	verbs
	store *genericregistry.Store
	clock clock.PassiveClock
}

// verbs are what the store offers as it is. Deleting a whole collection is not among
// them: it would end everything there is.
type verbs interface {
	rest.StorageWithReadiness
	rest.StorageVersionProvider
	rest.Scoper
	rest.SingularNameProvider
	rest.Getter
	rest.Lister
	rest.Watcher
	rest.CreaterUpdater
}

// ShortNames are what people type.
func (Storage) ShortNames() []string { return []string{"ns"} }

var resource = corev1.SchemeGroupVersion.WithResource("namespaces").GroupResource()

// New returns the storage of namespaces, and those of their status and finalize
// subresources.
func New(options generic.RESTOptionsGetter, clock clock.PassiveClock) (Storage, SubresourceStorage, SubresourceStorage, error) {
	base := strategy{registry.NewStrategy(false)}
	store, err := registry.NewStore(registry.Resource{
		Plural:     resource,
		Singular:   corev1.SchemeGroupVersion.WithResource("namespace").GroupResource(),
		New:        func() runtime.Object { return &corev1.Namespace{} },
		NewList:    func() runtime.Object { return &corev1.NamespaceList{} },
		Strategy:   base,
		Attributes: attributes,
		Table:      table,
	}, options)
	if err != nil {
		return Storage{}, SubresourceStorage{}, SubresourceStorage{}, err
	}
	store.ShouldDeleteDuringUpdate = func(_ context.Context, _ string, obj, _ runtime.Object) bool {
		return len(obj.(*corev1.Namespace).Spec.Finalizers) == 0
	}
	status, finalize := *store, *store
	status.UpdateStrategy = statusStrategy{base}
	finalize.UpdateStrategy = finalizeStrategy{base}
	return Storage{store, store, clock}, SubresourceStorage{&status}, SubresourceStorage{&finalize}, nil
}

// Delete marks a namespace as terminating. It is removed at once only if nothing is
// left to be done for it.
func (s Storage) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	obj, err := s.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, false, err
	}
	namespace := obj.(*corev1.Namespace)
	if len(namespace.Spec.Finalizers) == 0 && namespace.DeletionTimestamp != nil {
		return s.store.Delete(ctx, name, validate, options)
	}
	if namespace.DeletionTimestamp != nil {
		return namespace, false, nil
	}
	terminating, err := s.terminate(ctx, name, validate, options)
	return terminating, false, err
}

func (s Storage) terminate(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, error) {
	key, err := s.store.KeyFunc(ctx, name)
	if err != nil {
		return nil, err
	}
	if options == nil {
		options = &metav1.DeleteOptions{}
	}
	preconditions := storage.Preconditions{}
	if p := options.Preconditions; p != nil {
		preconditions.UID, preconditions.ResourceVersion = p.UID, p.ResourceVersion
	}
	out := s.New()
	err = s.store.Storage.GuaranteedUpdate(ctx, key, out, false, &preconditions,
		storage.SimpleUpdate(func(existing runtime.Object) (runtime.Object, error) {
			namespace, ok := existing.(*corev1.Namespace)
			if !ok {
				return nil, apierrors.NewInternalError(errors.New("stored namespace is none"))
			}
			if err := validate(ctx, namespace); err != nil {
				return nil, err
			}
			if namespace.DeletionTimestamp == nil {
				now := metav1.NewTime(s.clock.Now())
				namespace.DeletionTimestamp = &now
			}
			namespace.Status.Phase = corev1.NamespaceTerminating
			return namespace, nil
		}), dryrun.IsDryRun(options.DryRun), nil)
	if err != nil {
		return nil, storeerr.InterpretUpdateError(err, resource, name)
	}
	return out, nil
}

// SubresourceStorage serves namespaces/status or namespaces/finalize.
type SubresourceStorage struct{ store *genericregistry.Store }

// New returns an empty namespace.
func (SubresourceStorage) New() runtime.Object { return &corev1.Namespace{} }

// Destroy does nothing: the store is the namespace storage's.
func (SubresourceStorage) Destroy() {}

// Get implements rest.Getter.
func (s SubresourceStorage) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return s.store.Get(ctx, name, options)
}

// ConvertToTable implements rest.TableConvertor.
func (s SubresourceStorage) ConvertToTable(ctx context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	return s.store.ConvertToTable(ctx, object, tableOptions)
}

// Update implements rest.Updater. It never creates.
func (s SubresourceStorage) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo,
	createValidation rest.ValidateObjectFunc, updateValidation rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions,
) (runtime.Object, bool, error) {
	return s.store.Update(ctx, name, objInfo, createValidation, updateValidation, false, options)
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	namespace := obj.(*corev1.Namespace)
	return namespace.Labels, generic.AddObjectMetaFieldsSet(fields.Set{
		"status.phase": string(namespace.Status.Phase),
	}, &namespace.ObjectMeta, false), nil
}

type strategy struct{ registry.Strategy }

// PrepareForCreate makes the namespace active, with the finalizer that keeps it until
// it is empty and the label that selectors find it by.
func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	namespace := obj.(*corev1.Namespace)
	namespace.Status = corev1.NamespaceStatus{Phase: corev1.NamespaceActive}
	if !slices.Contains(namespace.Spec.Finalizers, corev1.FinalizerKubernetes) {
		namespace.Spec.Finalizers = append(namespace.Spec.Finalizers, corev1.FinalizerKubernetes)
	}
	labelWithName(namespace)
}

// PrepareForUpdate keeps what the subresources are for.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	namespace, was := obj.(*corev1.Namespace), old.(*corev1.Namespace)
	namespace.Spec.Finalizers = was.Spec.Finalizers
	namespace.Status = was.Status
	labelWithName(namespace)
}

func labelWithName(namespace *corev1.Namespace) {
	if namespace.Name == "" {
		return
	}
	if namespace.Labels == nil {
		namespace.Labels = map[string]string{}
	}
	namespace.Labels[corev1.LabelMetadataName] = namespace.Name
}

// Validate implements rest.RESTCreateStrategy.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	namespace := obj.(*corev1.Namespace)
	errs := apivalidation.ValidateObjectMeta(&namespace.ObjectMeta, false, apivalidation.ValidateNamespaceName, field.NewPath("metadata"))
	for i, finalizer := range namespace.Spec.Finalizers {
		if finalizer != corev1.FinalizerKubernetes {
			errs = append(errs, apivalidation.ValidateFinalizerName(string(finalizer), field.NewPath("spec", "finalizers").Index(i))...)
		}
	}
	return errs
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return apivalidation.ValidateObjectMetaUpdate(&obj.(*corev1.Namespace).ObjectMeta, &old.(*corev1.Namespace).ObjectMeta, field.NewPath("metadata"))
}

type statusStrategy struct{ strategy }

// PrepareForUpdate takes only the status.
func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	namespace, was := obj.(*corev1.Namespace), old.(*corev1.Namespace)
	namespace.Spec = was.Spec
}

type finalizeStrategy struct{ strategy }

// PrepareForUpdate takes only the finalizers.
func (finalizeStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	namespace, was := obj.(*corev1.Namespace), old.(*corev1.Namespace)
	namespace.Status = was.Status
}

var table = registry.Table[*corev1.Namespace]{
	Columns: []registry.Column{
		{Name: "Name", IsName: true, Description: "Name of the namespace"},
		{Name: "Status", Description: "Active or Terminating"},
		{Name: "Age", Description: "Time since the namespace was made"},
	},
	Cells: func(namespace *corev1.Namespace) []any {
		return []any{namespace.Name, string(namespace.Status.Phase), registry.Age(namespace)}
	},
}
