package roles

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apiserver/pkg/authentication/user"
)

func who(name string, groups ...string) user.Info {
	return &user.DefaultInfo{Name: name, Groups: append(groups, user.AllAuthenticated)}
}

func TestOf(t *testing.T) {
	for name, tc := range map[string]struct {
		user user.Info
		want Grants
	}{
		"Nobody":          {nil, Grants{}},
		"NoRoles":         {who("ann"), Grants{Own: "ann", Namespaces: map[string]Role{}}},
		"OwnNamespace":    {who("ann", Group(Editor, "")), Grants{Own: "ann", Namespaces: map[string]Role{"ann": Editor}}},
		"AnotherOne":      {who("ann", Group(Viewer, "b")), Grants{Own: "ann", Namespaces: map[string]Role{"b": Viewer}}},
		"TheHigherCounts": {who("ann", Group(Viewer, "b"), Group(Editor, "b"), Group(Viewer, "b")), Grants{Own: "ann", Namespaces: map[string]Role{"b": Editor}}},
		"Admin":           {who("ann", Group(Admin, "")), Grants{Admin: true, Own: "ann", Namespaces: map[string]Role{}}},
		"Masters":         {who("ann", user.SystemPrivilegedGroup), Grants{Admin: true, Own: "ann", Namespaces: map[string]Role{}}},
		"AdminOfOne":      {who("ann", "containerlease.dev:admin:b"), Grants{Own: "ann", Namespaces: map[string]Role{}}},
		"NotQuiteRoles": {who("ann", "containerlease.dev:owner:b", "containerlease.dev:", "containerlease.dev:Editor:b", "editor:b",
			"containerlease.dev:editor:", "containerlease.dev:editor:B", "containerlease.dev:editor:b:c", "containerlease.dev:editor:*",
			" containerlease.dev:admin", "containerlease.dev:admin "),
			Grants{Own: "ann", Namespaces: map[string]Role{}}},
		"NoName": {who("", Group(Editor, "")), Grants{Namespaces: map[string]Role{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Of(tc.user)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, role := range []Role{Viewer, Editor, Admin} {
		if got, err := Parse(string(role)); err != nil || got != role {
			t.Errorf("%s: %q, %v", role, got, err)
		}
	}
	if _, err := Parse("root"); err == nil || !strings.Contains(err.Error(), "editor") {
		t.Errorf("root: %v", err)
	}
	if Role("root").Includes(Viewer) || Admin.Includes("root") || Role("").Includes("") || !Editor.Includes(Viewer) || Viewer.Includes(Editor) {
		t.Error("what is no role is included, or includes")
	}
}

// TestOwnNamespace: every name has one, that a namespace can be called, and no two share one.
func TestOwnNamespace(t *testing.T) {
	names := []string{
		"ann", "Ann", "ann@example.com", "ann-example-com", "ann.example.com", "https://issuer.example/#ann", "é", "日本", "-ann", "ann-", "a", "0",
		"default", "containerlease-system", "system:admin", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 300),
		strings.Repeat("x", 49) + "@x", " ", "..", "kube-system",
	}
	// Whoever is called as another's namespace does not get it.
	for _, name := range names {
		names = append(names, OwnNamespace(name))
	}
	owner := map[string]string{}
	for _, name := range names {
		own := OwnNamespace(name)
		if errs := validation.IsDNS1123Label(own); len(errs) > 0 {
			t.Errorf("%q has %q: %v", name, own, errs)
		}
		if other, taken := owner[own]; taken && other != name {
			t.Errorf("%q and %q share %q", name, other, own)
		}
		owner[own] = name
	}
	for name, want := range map[string]string{"": "", "ann": "ann", "x-1": "x-1", "Ann@example.com": "ann-example-com-e3535a54578d"} {
		if got := OwnNamespace(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if own := OwnNamespace("default"); own == "default" {
		t.Error("somebody owns default")
	}
}
