package roles

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Authorizer allows what the caller's roles allow, and has no opinion on the rest, with a
// reason that says which role it would take. It holds no state, blocks on nothing and
// never fails.
type Authorizer struct{}

var (
	_ authorizer.Authorizer   = Authorizer{}
	_ authorizer.RuleResolver = Authorizer{}
)

// Authorize implements authorizer.Authorizer.
func (Authorizer) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	grants := Of(a.GetUser())
	switch {
	case grants.Admin:
		return authorizer.DecisionAllow, "", nil
	case !a.IsResourceRequest():
		return decide(authenticated(a.GetUser()) && a.GetVerb() == "get" && readable(a.GetPath()), "only admins may, or the path does not exist")
	case authenticated(a.GetUser()) && slices.ContainsFunc(everywhere, func(r rule) bool { return r.matches(a) }):
		return authorizer.DecisionAllow, "", nil
	}
	namespace := namespaceOf(a)
	role, needed := grants.In(namespace), neededFor(a)
	return decide(role.Includes(needed), grants.why(a, namespace, needed))
}

// ConditionsAwareAuthorize implements authorizer.Authorizer: there are no conditions.
func (r Authorizer) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(r.Authorize(ctx, a))
}

// EvaluateConditions implements authorizer.Authorizer.
func (Authorizer) EvaluateConditions(context.Context, authorizer.ConditionsAwareDecision, authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", authorizer.ErrorConditionEvaluationNotSupported
}

// RulesFor implements authorizer.RuleResolver. The answer is complete.
func (Authorizer) RulesFor(_ context.Context, who user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	grants := Of(who)
	if grants.Admin {
		all := []string{"*"}
		return []authorizer.ResourceRuleInfo{&authorizer.DefaultResourceRuleInfo{Verbs: all, APIGroups: all, Resources: all}},
			[]authorizer.NonResourceRuleInfo{&authorizer.DefaultNonResourceRuleInfo{Verbs: all, NonResourceURLs: all}}, false, nil
	}
	var rules []authorizer.ResourceRuleInfo
	var paths []authorizer.NonResourceRuleInfo
	if authenticated(who) {
		for _, rule := range everywhere {
			rules = append(rules, rule.info(namespace))
		}
		paths = append(paths, &authorizer.DefaultNonResourceRuleInfo{Verbs: []string{"get"}, NonResourceURLs: readablePaths})
	}
	for _, rule := range inNamespaces {
		if grants.In(namespace).Includes(rule.least) {
			rules = append(rules, rule.info(namespace))
		}
	}
	return rules, paths, false, nil
}

func decide(allowed bool, otherwise string) (authorizer.Decision, string, error) {
	if allowed {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, otherwise, nil
}

func authenticated(who user.Info) bool {
	return who != nil && slices.Contains(who.GetGroups(), user.AllAuthenticated)
}

func readable(path string) bool {
	return slices.ContainsFunc(readablePaths, func(pattern string) bool {
		prefix, any := strings.CutSuffix(pattern, "*")
		return path == pattern || any && strings.HasPrefix(path, prefix)
	})
}

// namespaceOf is where a request happens: a namespace itself is in itself.
func namespaceOf(a authorizer.Attributes) string {
	if a.GetAPIGroup() == "" && a.GetResource() == namespaces {
		return a.GetName()
	}
	return a.GetNamespace()
}

// neededFor is the least role in the request's namespace that allows it.
func neededFor(a authorizer.Attributes) Role {
	for _, rule := range inNamespaces {
		if rule.matches(a) {
			return rule.least
		}
	}
	return Admin
}

// why says what a request lacks. It comes after `User "x" cannot …`, and tells nothing that
// the caller's own groups don't say.
func (g Grants) why(a authorizer.Attributes, namespace string, needed Role) string {
	what := a.GetResource()
	if sub := a.GetSubresource(); sub != "" {
		what += "/" + sub
	}
	switch {
	case needed == Admin:
		return fmt.Sprintf("to %s %s takes the role %s", a.GetVerb(), what, Admin)
	case namespace == "":
		return fmt.Sprintf("to %s %s of all namespaces takes the role %s; the user's roles: %s", a.GetVerb(), what, Admin, g)
	case g.In(namespace) == "":
		return fmt.Sprintf("the user has no role in this namespace; its roles: %s", g)
	}
	return fmt.Sprintf("the user is %s of namespace %q; to %s %s takes the role %s there", g.In(namespace), namespace, a.GetVerb(), what, needed)
}

// String lists the roles, for a message.
func (g Grants) String() string {
	if g.Admin {
		return string(Admin)
	}
	said := make([]string, 0, len(g.Namespaces))
	for _, namespace := range slices.Sorted(maps.Keys(g.Namespaces)) {
		said = append(said, fmt.Sprintf("%s of %q", g.Namespaces[namespace], namespace))
	}
	if len(said) == 0 {
		return "none"
	}
	return strings.Join(said, ", ")
}
