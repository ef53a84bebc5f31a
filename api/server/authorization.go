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
// roles, if not nil, for the rest. What nobody allows is denied.
func newAuthorizer(roles Authorization) (authorizer.Authorizer, authorizer.RuleResolver, error) {
	public, err := path.NewAuthorizer(publicPaths)
	if err != nil {
		return nil, nil, err
	}
	chain := []union.NamedAuthorizer{
		{AuthorizerName: "administrators", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)},
		{AuthorizerName: "public-paths", Authorizer: public},
	}
	resolvers := []authorizer.RuleResolver{administrators{}}
	if roles != nil {
		chain = append(chain, union.NamedAuthorizer{AuthorizerName: "roles", Authorizer: roles})
		resolvers = append(resolvers, roles)
	}
	auth, err := union.New(chain...)
	return auth, union.NewRuleResolvers(resolvers...), err
}

// administrators says, for `kubectl auth can-i --list`, what the privileged group may do.
type administrators struct{}

// RulesFor implements authorizer.RuleResolver.
func (administrators) RulesFor(_ context.Context, caller user.Info, _ string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	others := []authorizer.NonResourceRuleInfo{&authorizer.DefaultNonResourceRuleInfo{
		Verbs: []string{"get"}, NonResourceURLs: publicPaths,
	}}
	if !slices.Contains(caller.GetGroups(), user.SystemPrivilegedGroup) {
		return nil, others, false, nil
	}
	all := []string{"*"}
	return []authorizer.ResourceRuleInfo{
			&authorizer.DefaultResourceRuleInfo{Verbs: all, APIGroups: all, Resources: all},
		}, []authorizer.NonResourceRuleInfo{
			&authorizer.DefaultNonResourceRuleInfo{Verbs: all, NonResourceURLs: all},
		}, false, nil
}
