package server_test

import (
	"strings"
	"testing"

	"github.com/containerlease/containerlease/api/server/roles"
)

// TestKubectlOfATenant takes an unmodified kubectl through what an editor of one namespace,
// who is a viewer of another, sees.
func TestKubectlOfATenant(t *testing.T) {
	f := start(t, startRedis(t), nil)
	k := newKubectl(t, f)
	as := func(s string) []string {
		return append(strings.Fields(s), "--as=ann", "--as-group="+roles.Group(roles.Editor, ""), "--as-group="+roles.Group(roles.Viewer, "default"))
	}
	k.says("", as("auth can-i --list -n ann"), "containerleases.containerlease.dev", "[get list watch create update patch delete deletecollection]", "containerleases.containerlease.dev/log", "leaseclasses.containerlease.dev")
	k.says("", as("auth can-i create cl -n ann"), "yes")
	k.says("", as("auth can-i get namespaces/ann -n ann"), "yes")
	k.fails("", as("auth can-i create cl -n default"), "no")
	k.fails("", as("auth can-i list cl -A"), "no")

	k.says(manifest, as("apply -n ann --dry-run=server -f -"), "created (server dry run)")
	k.fails("", []string{"get", "namespace", "ann"}, "NotFound")
	k.says(manifest, as("apply -n ann -f -"), "created")
	k.says(manifest, as("apply -n ann -f -"), "unchanged")
	k.says("", as("get namespace ann"), "Active")
	k.says("", as("get cl demo -n ann -o yaml"), "containerlease.dev/created-by: ann")
	k.says("", as("get cl -n ann"), "demo")
	k.says("", as("get lc"), "standard")
	k.fails(manifest, as("apply -n default -f -"), "Forbidden", "the role editor there")
	k.fails("", as("get cl -n other"), "Forbidden", "no role in this namespace")
	k.fails("", as("get cl -A"), "Forbidden", "all namespaces")
	k.fails("", as("get namespaces"), "Forbidden")
	k.fails(`{"apiVersion":"containerlease.dev/v1alpha1","kind":"LeaseClass","metadata":{"name":"gold"}}`, as("create -f -"), "Forbidden", "the role admin")
	k.says("", as("delete cl demo -n ann --wait=false"), "deleted")
	k.says("", as("get cl demo -n ann -o jsonpath={.metadata.finalizers}"), "containerlease.dev/container")
}
