// Package review answers what a caller may do (authorization.k8s.io) and who it is
// (authentication.k8s.io). Nothing of it is stored.
package review

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// resource is the part that the three have in common.
type resource[T runtime.Object] struct {
	singular string
	empty    func() T
	answer   func(ctx context.Context, caller user.Info, review T) error
}

// New implements rest.Storage.
func (r resource[T]) New() runtime.Object { return r.empty() }

// Destroy does nothing.
func (resource[T]) Destroy() {}

// NamespaceScoped is false: one asks about oneself.
func (resource[T]) NamespaceScoped() bool { return false }

// GetSingularName implements rest.SingularNameProvider.
func (r resource[T]) GetSingularName() string { return r.singular }

// Create answers.
func (r resource[T]) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	review, ok := obj.(T)
	if !ok {
		return nil, apierrors.NewBadRequest("not a " + r.singular)
	}
	caller, ok := genericapirequest.UserFrom(ctx)
	if !ok {
		return nil, apierrors.NewBadRequest("the request has no user")
	}
	if validate != nil {
		if err := validate(ctx, obj.DeepCopyObject()); err != nil {
			return nil, err
		}
	}
	return obj, r.answer(ctx, caller, review)
}

// Access serves selfsubjectaccessreviews: may I do this?
func Access(auth authorizer.UnconditionalAuthorizer) rest.Storage {
	return resource[*authorizationv1.SelfSubjectAccessReview]{
		singular: "selfsubjectaccessreview",
		empty:    func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
		answer: func(ctx context.Context, caller user.Info, review *authorizationv1.SelfSubjectAccessReview) error {
			if (review.Spec.ResourceAttributes == nil) == (review.Spec.NonResourceAttributes == nil) {
				return apierrors.NewBadRequest("exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be given")
			}
			decision, reason, err := auth.Authorize(ctx, attributesOf(caller, &review.Spec))
			review.Status = authorizationv1.SubjectAccessReviewStatus{
				Allowed: decision == authorizer.DecisionAllow,
				Denied:  decision == authorizer.DecisionDeny,
				Reason:  reason,
			}
			if err != nil {
				review.Status.EvaluationError = err.Error()
			}
			return nil
		},
	}
}

func attributesOf(caller user.Info, spec *authorizationv1.SelfSubjectAccessReviewSpec) authorizer.Attributes {
	if r := spec.ResourceAttributes; r != nil {
		return authorizer.AttributesRecord{
			User: caller, Verb: r.Verb, Namespace: r.Namespace, APIGroup: r.Group, APIVersion: r.Version,
			Resource: r.Resource, Subresource: r.Subresource, Name: r.Name, ResourceRequest: true,
		}
	}
	return authorizer.AttributesRecord{
		User: caller, Verb: spec.NonResourceAttributes.Verb, Path: spec.NonResourceAttributes.Path,
	}
}

// Rules serves selfsubjectrulesreviews: what may I do in this namespace?
func Rules(resolver authorizer.RuleResolver) rest.Storage {
	return resource[*authorizationv1.SelfSubjectRulesReview]{
		singular: "selfsubjectrulesreview",
		empty:    func() *authorizationv1.SelfSubjectRulesReview { return &authorizationv1.SelfSubjectRulesReview{} },
		answer: func(ctx context.Context, caller user.Info, review *authorizationv1.SelfSubjectRulesReview) error {
			if review.Spec.Namespace == "" {
				return apierrors.NewBadRequest("spec.namespace must be given")
			}
			resources, others, incomplete, err := resolver.RulesFor(ctx, caller, review.Spec.Namespace)
			review.Status = authorizationv1.SubjectRulesReviewStatus{
				ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{},
				Incomplete: incomplete,
			}
			for _, rule := range resources {
				review.Status.ResourceRules = append(review.Status.ResourceRules, authorizationv1.ResourceRule{
					Verbs: rule.GetVerbs(), APIGroups: rule.GetAPIGroups(), Resources: rule.GetResources(), ResourceNames: rule.GetResourceNames(),
				})
			}
			for _, rule := range others {
				review.Status.NonResourceRules = append(review.Status.NonResourceRules, authorizationv1.NonResourceRule{
					Verbs: rule.GetVerbs(), NonResourceURLs: rule.GetNonResourceURLs(),
				})
			}
			if err != nil {
				review.Status.EvaluationError = err.Error()
			}
			return nil
		},
	}
}

// Self serves selfsubjectreviews: who am I?
func Self() rest.Storage {
	return resource[*authenticationv1.SelfSubjectReview]{
		singular: "selfsubjectreview",
		empty:    func() *authenticationv1.SelfSubjectReview { return &authenticationv1.SelfSubjectReview{} },
		answer: func(_ context.Context, caller user.Info, review *authenticationv1.SelfSubjectReview) error {
			extra := map[string]authenticationv1.ExtraValue{}
			for key, value := range caller.GetExtra() {
				extra[key] = value
			}
			review.Status.UserInfo = authenticationv1.UserInfo{
				Username: caller.GetName(), UID: caller.GetUID(), Groups: caller.GetGroups(), Extra: extra,
			}
			return nil
		},
	}
}
