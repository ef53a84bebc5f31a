package roles

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// want says in which namespaces a user may do a thing: those it views, those it edits,
// everywhere, or nowhere.
type want int

const (
	nowhere want = iota
	edits
	views
	anywhere
)

// TestAuthorize tries every verb on every resource in every kind of namespace, for every
// kind of user.
func TestAuthorize(t *testing.T) {
	ours, core := "containerlease.dev", ""
	verbs := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "proxy", "*"}
	reads := func(w want) map[string]want { return map[string]want{"get": w, "list": w, "watch": w} }
	table := []struct {
		group, resource, subresource string
		want                         map[string]want
	}{
		{ours, "containerleases", "", map[string]want{"get": views, "list": views, "watch": views,
			"create": edits, "update": edits, "patch": edits, "delete": edits, "deletecollection": edits}},
		{ours, "containerleases", "log", map[string]want{"get": views}},
		{ours, "containerleases", "stats", map[string]want{"get": views}},
		{ours, "containerleases", "status", nil},
		{ours, "containerleases", "finalizers", nil},
		{ours, "billingrecords", "", reads(views)},
		{ours, "billingrecords", "status", nil},
		{ours, "leaseclasses", "", reads(anywhere)},
		{ours, "leaseclasses", "status", nil},
		{ours, "*", "", nil},
		{"*", "containerleases", "", nil},
		{core, "containerleases", "", nil},
		{core, "events", "", reads(views)},
		{"events.k8s.io", "events", "", reads(views)},
		{core, "namespaces", "", map[string]want{"get": views}},
		{core, "namespaces", "status", nil},
		{core, "namespaces", "finalize", nil},
		{core, "secrets", "", nil},
		{core, "users", "", nil},
		{core, "groups", "", nil},
		{"coordination.k8s.io", "leases", "", nil},
		{"authorization.k8s.io", "selfsubjectaccessreviews", "", map[string]want{"create": anywhere}},
		{"authorization.k8s.io", "selfsubjectrulesreviews", "", map[string]want{"create": anywhere}},
		{"authorization.k8s.io", "subjectaccessreviews", "", nil},
		{"authentication.k8s.io", "selfsubjectreviews", "", map[string]want{"create": anywhere}},
	}
	users := map[string]struct {
		user.Info
		edits, views string
	}{
		"Editor":      {who("ann", Group(Editor, "")), "ann", "ann"},
		"EditorOfOne": {who("ann", Group(Editor, "team")), "team", "team"},
		"Viewer":      {who("ann", Group(Viewer, "team")), "", "team"},
		"Both":        {who("ann", Group(Viewer, "team"), Group(Editor, "ann")), "ann", "team ann"},
		"NoRole":      {who("ann"), "", ""},
		"Anonymous":   {&user.DefaultInfo{Name: user.Anonymous, Groups: []string{user.AllUnauthenticated}}, "-", ""},
		"Admin":       {who("ann", Group(Admin, "")), "*", "*"},
		"Masters":     {who("ann", user.SystemPrivilegedGroup), "*", "*"},
	}
	for name, u := range users {
		t.Run(name, func(t *testing.T) {
			for _, row := range table {
				for _, verb := range verbs {
					for _, namespace := range []string{"ann", "team", "other", "default", ""} {
						allowed := false
						switch row.want[verb] {
						case anywhere:
							allowed = u.edits != "-"
						case views:
							allowed = namespace != "" && slices.Contains(strings.Fields(u.views), namespace)
						case edits:
							allowed = namespace != "" && slices.Contains(strings.Fields(u.edits), namespace)
						}
						allowed = allowed || u.edits == "*"
						a := authorizer.AttributesRecord{User: u.Info, Verb: verb, Namespace: namespace, APIGroup: row.group, APIVersion: "v1",
							Resource: row.resource, Subresource: row.subresource, ResourceRequest: true}
						if row.resource == namespaces {
							a.Name = namespace
						}
						expect(t, a, allowed)
					}
				}
			}
		})
	}
}

func expect(t *testing.T, a authorizer.AttributesRecord, allowed bool) {
	t.Helper()
	decision, reason, err := Authorizer{}.Authorize(context.Background(), a)
	what := fmt.Sprintf("%s %s/%s/%s %q in %q %s", a.Verb, a.APIGroup, a.Resource, a.Subresource, a.Name, a.Namespace, a.Path)
	if err != nil || (decision == authorizer.DecisionAllow) != allowed || decision == authorizer.DecisionDeny {
		t.Errorf("%s: %s, %v; allowed should be %t", what, decision, err, allowed)
	}
	if !allowed && reason == "" {
		t.Errorf("%s: no reason is given", what)
	}
}

// TestAnotherNamespaceByName: being somewhere does not show the namespaces of others.
func TestAnotherNamespaceByName(t *testing.T) {
	expect(t, authorizer.AttributesRecord{User: who("ann", Group(Editor, "")), Verb: "get", Namespace: "ann", APIVersion: "v1",
		Resource: namespaces, Name: "other", ResourceRequest: true}, false)
}

func TestPaths(t *testing.T) {
	for _, tc := range []struct {
		path string
		verb string
		may  bool
	}{
		{"/api", "get", true}, {"/apis", "get", true}, {"/apis/containerlease.dev/v1alpha1", "get", true}, {"/openapi/v3", "get", true},
		{"/version", "get", false}, {"/metrics", "get", false}, {"/debug/pprof", "get", false}, {"/apis", "post", false},
		{"/apisx", "get", false}, {"/", "get", false}, {"/logs", "get", false},
	} {
		for name, as := range map[string]struct {
			user user.Info
			may  bool
		}{
			"NoRole": {who("ann"), tc.may}, "Admin": {who("ann", Group(Admin, "")), true},
			"Anonymous": {&user.DefaultInfo{Name: user.Anonymous}, false}, "Nobody": {nil, false},
		} {
			t.Run(name, func(t *testing.T) {
				expect(t, authorizer.AttributesRecord{User: as.user, Verb: tc.verb, Path: tc.path}, as.may)
			})
		}
	}
}

func TestReasons(t *testing.T) {
	for name, tc := range map[string]struct {
		groups    []string
		verb      string
		resource  string
		namespace string
		want      string
	}{
		"ViewerCreates":  {[]string{Group(Viewer, "a")}, "create", "containerleases", "a", `the user is viewer of namespace "a"; to create containerleases takes the role editor there`},
		"OtherNamespace": {[]string{Group(Editor, "b"), Group(Viewer, "a")}, "list", "containerleases", "c", `the user has no role in this namespace; its roles: viewer of "a", editor of "b"`},
		"NoRole":         {nil, "list", "containerleases", "c", `the user has no role in this namespace; its roles: none`},
		"AllNamespaces":  {[]string{Group(Viewer, "a")}, "list", "containerleases", "", `to list containerleases of all namespaces takes the role admin; the user's roles: viewer of "a"`},
		"WritesBills":    {[]string{Group(Editor, "a")}, "create", "billingrecords", "a", `to create billingrecords takes the role admin`},
	} {
		t.Run(name, func(t *testing.T) {
			_, reason, _ := Authorizer{}.Authorize(context.Background(), authorizer.AttributesRecord{User: who("u", tc.groups...),
				Verb: tc.verb, APIGroup: "containerlease.dev", Resource: tc.resource, Namespace: tc.namespace, ResourceRequest: true})
			if reason != tc.want {
				t.Errorf("got  %s\nwant %s", reason, tc.want)
			}
		})
	}
}

// TestRulesForTellTheTruth: what RulesFor lists is what Authorize allows, no more, no less.
func TestRulesForTellTheTruth(t *testing.T) {
	groups := []string{"", "containerlease.dev", "events.k8s.io", "authorization.k8s.io", "authentication.k8s.io", "coordination.k8s.io"}
	resources := []string{"containerleases", "containerleases/log", "containerleases/stats", "containerleases/status", "billingrecords", "leaseclasses",
		"events", "namespaces", "namespaces/finalize", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews", "leases"}
	verbs := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	for name, u := range map[string]user.Info{
		"Editor": who("ann", Group(Editor, "")), "Viewer": who("ann", Group(Viewer, "team")), "NoRole": who("ann"),
		"Admin": who("ann", Group(Admin, "")), "Anonymous": &user.DefaultInfo{Name: user.Anonymous},
	} {
		t.Run(name, func(t *testing.T) {
			for _, namespace := range []string{"ann", "team"} {
				rules, _, incomplete, err := Authorizer{}.RulesFor(t.Context(), u, namespace)
				if err != nil || incomplete {
					t.Fatalf("incomplete: %t, %v", incomplete, err)
				}
				for _, group := range groups {
					for _, resource := range resources {
						for _, verb := range verbs {
							plain, sub, _ := strings.Cut(resource, "/")
							a := authorizer.AttributesRecord{User: u, Verb: verb, APIGroup: group, Resource: plain, Subresource: sub, Namespace: namespace, ResourceRequest: true}
							if plain == namespaces {
								a.Name = namespace
							}
							listed := slices.ContainsFunc(rules, func(r authorizer.ResourceRuleInfo) bool {
								has := func(list []string, item string) bool {
									return slices.Contains(list, item) || slices.Contains(list, "*")
								}
								return has(r.GetVerbs(), verb) && has(r.GetAPIGroups(), group) && has(r.GetResources(), resource) &&
									(len(r.GetResourceNames()) == 0 || slices.Contains(r.GetResourceNames(), a.Name))
							})
							expect(t, a, listed)
						}
					}
				}
			}
		})
	}
}
