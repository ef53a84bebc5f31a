package server

import (
	"context"
	"slices"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/path"
	"k8s.io/apiserver/pkg/authorization/union"
)

// Authorization decides what users other than administrators may do, and can say so.
type Authorization interface {
	authorizer.Authorizer
	authorizer.RuleResolver
}

// newAuthorizer lets administrators do everything, everybody read publicPaths, and asks
// roles for the rest. What nobody allows is denied.
func newAuthorizer(roles Authorization) (authorizer.Authorizer, authorizer.RuleResolver, error) {
	public, err := path.NewAuthorizer(publicPaths)
	if err != nil {
		return nil, nil, err
	}
	auth, err := union.New(
		union.NamedAuthorizer{AuthorizerName: "administrators", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)},
		union.NamedAuthorizer{AuthorizerName: "public-paths", Authorizer: public},
		union.NamedAuthorizer{AuthorizerName: "roles", Authorizer: roles},
	)
	return auth, rules{roles}, err
}

// rules says, for `kubectl auth can-i --list`, what the authorizer allows.
type rules struct{ roles authorizer.RuleResolver }

// RulesFor implements authorizer.RuleResolver.
func (r rules) RulesFor(ctx context.Context, caller user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	if slices.Contains(caller.GetGroups(), user.SystemPrivilegedGroup) {
		return authorizerfactory.NewAlwaysAllowAuthorizer().RulesFor(ctx, caller, namespace)
	}
	resources, others, incomplete, err := r.roles.RulesFor(ctx, caller, namespace)
	others = append(others, &authorizer.DefaultNonResourceRuleInfo{Verbs: []string{"get"}, NonResourceURLs: publicPaths})
	return resources, others, incomplete, err
}
