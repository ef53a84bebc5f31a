// Package roles says who may do what at the API. A user's roles ride as groups, so that
// tokens, client certificates and OIDC claims give them in the same way:
//
//	containerlease.dev:admin             everything, everywhere
//	containerlease.dev:editor:NAMESPACE  reads and changes the leases of a namespace
//	containerlease.dev:viewer:NAMESPACE  reads them, their logs, events and bills
//
// Without :NAMESPACE the user's own namespace is meant. rules.go holds the table of what
// a role may do; everything else is denied.
package roles

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apiserver/pkg/authentication/user"
)

// Role is what a user is, in a namespace or, for Admin, everywhere.
type Role string

// The roles there are. Each may do what the one before it may.
const (
	Viewer Role = "viewer"
	Editor Role = "editor"
	Admin  Role = "admin"
)

// rank orders roles; what is no role ranks lowest.
var rank = map[Role]int{Viewer: 1, Editor: 2, Admin: 3}

// Includes says whether r may do whatever other may. What is no role includes nothing, and
// nothing includes it.
func (r Role) Includes(other Role) bool { return rank[other] > 0 && rank[r] >= rank[other] }

// Parse reads the name of a role. Its error says which there are.
func Parse(name string) (Role, error) {
	if role := Role(name); rank[role] > 0 {
		return role, nil
	}
	return "", fmt.Errorf("%q is no role: use %s, %s or %s", name, Admin, Editor, Viewer)
}

// groupPrefix begins the groups that are roles.
const groupPrefix = "containerlease.dev:"

// Group is the group whose members have a role in a namespace; none means the own one of
// each. An admin is one everywhere: the namespace is left out.
func Group(role Role, namespace string) string {
	if role == Admin || namespace == "" {
		return groupPrefix + string(role)
	}
	return groupPrefix + string(role) + ":" + namespace
}

// Grants are the roles of a user.
type Grants struct {
	// Admin says whether the user may do everything.
	Admin bool
	// Own is the user's own namespace: what is meant where none is named. It says nothing of
	// a role there, nor that it exists.
	Own string
	// Namespaces holds the user's role, Viewer or Editor, in each namespace it has one in.
	Namespaces map[string]Role
}

// In returns the role in a namespace; "" if there is none. Being an admin counts
// everywhere.
func (g Grants) In(namespace string) Role {
	if g.Admin {
		return Admin
	}
	return g.Namespaces[namespace]
}

// Of returns the roles of a user. A group that looks like a role but is none, or is of
// something that can't be a namespace, grants nothing. Whoever is in system:masters is an
// admin.
func Of(who user.Info) Grants {
	if who == nil {
		return Grants{}
	}
	grants := Grants{Own: OwnNamespace(who.GetName()), Namespaces: map[string]Role{}}
	for _, group := range who.GetGroups() {
		if group == user.SystemPrivilegedGroup {
			grants.Admin = true
			continue
		}
		role, namespace, ok := parseGroup(group, grants.Own)
		switch {
		case !ok:
		case role == Admin:
			grants.Admin = true
		case role.Includes(grants.Namespaces[namespace]) || grants.Namespaces[namespace] == "":
			grants.Namespaces[namespace] = role
		}
	}
	return grants
}

func parseGroup(group, own string) (Role, string, bool) {
	rest, ok := strings.CutPrefix(group, groupPrefix)
	if !ok {
		return "", "", false
	}
	name, namespace, named := strings.Cut(rest, ":")
	role, err := Parse(name)
	switch {
	case err != nil:
		return "", "", false
	case !named:
		// A role in the own namespace of nobody is none.
		return role, own, role == Admin || own != ""
	}
	// An admin of one namespace does not exist; to read it as one of everything would be
	// the worst of guesses.
	return role, namespace, role != Admin && len(validation.IsDNS1123Label(namespace)) == 0
}
