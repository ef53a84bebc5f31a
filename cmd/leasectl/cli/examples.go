package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"
)

// lesson is the help of a borrowed command in terms of leases; kubectl's own speaks of
// pods and deployments, which the server does not have.
type lesson struct {
	long    string // "" keeps kubectl's
	example string // %[1]s is how leasectl is called
}

// teach replaces the help of cmd and its subcommands.
func teach(cmd *cobra.Command, name string) {
	teachAs(cmd, cmd.Name(), name)
}

func teachAs(cmd *cobra.Command, path, name string) {
	if l, ok := lessons[path]; ok {
		cmd.Example = templates.Examples(fmt.Sprintf(l.example, name))
		if l.long != "" {
			cmd.Long = templates.LongDesc(l.long)
		}
	}
	for _, sub := range cmd.Commands() {
		teachAs(sub, path+" "+sub.Name(), name)
	}
}

var lessons = map[string]lesson{
	"annotate": {example: `
		# Annotate a lease
		%[1]s annotate lease demo purpose='workshop of the first of May'

		# Make a class the default
		%[1]s annotate leaseclass standard containerlease.dev/is-default-class=true --overwrite

		# Remove an annotation
		%[1]s annotate lease demo purpose-`},
	"api-resources": {example: `
		# What the server has
		%[1]s api-resources

		# Only what is its own, with the verbs
		%[1]s api-resources --api-group=containerlease.dev -o wide`},
	"api-versions": {example: `
		# The API groups and versions of the server
		%[1]s api-versions`},
	"apply": {
		long: `
		Make the server's objects be as files say. What is not there yet is created.

		JSON and YAML formats are accepted. A lease's image, class and command can't be changed
		once it exists; its ttl, resources and operating mode can.`,
		example: `
		# Lease what a manifest says
		%[1]s apply -f lease.yaml

		# From standard input
		cat lease.yaml | %[1]s apply -f -

		# Only ask the server whether it would accept it
		%[1]s apply -f lease.yaml --dry-run=server`},
	"apply edit-last-applied": {example: `
		# Edit the manifest that was last applied
		%[1]s apply edit-last-applied lease/demo`},
	"apply set-last-applied": {example: `
		# Record a manifest as the one last applied
		%[1]s apply set-last-applied -f lease.yaml`},
	"apply view-last-applied": {example: `
		# The manifest that was last applied
		%[1]s apply view-last-applied lease/demo`},
	"auth": {example: `
		# Who am I, and what may I do?
		%[1]s auth whoami
		%[1]s auth can-i create containerleases`},
	"auth can-i": {
		long: `
		Ask whether an action is allowed.

		VERB is a verb of the API such as get, list, watch, create, update, patch or delete. TYPE
		is a resource such as containerleases.`,
		example: `
		# May I lease containers in this namespace?
		%[1]s auth can-i create containerleases

		# May I read the output of the lease demo?
		%[1]s auth can-i get containerleases/demo --subresource=log

		# May I read the bills of all namespaces?
		%[1]s auth can-i list billingrecords --all-namespaces`},
	"auth whoami": {example: `
		# Who does the server think I am?
		%[1]s auth whoami`},
	"completion": {
		long: `
		Write the completion code for a shell (bash, zsh, fish or powershell) to standard output.
		The shell must evaluate it; names of leases, classes and images are completed too.

		As a plugin of kubectl, completion goes through kubectl's own: put a link to this program
		called kubectl_complete-lease on the PATH.`,
		example: `
		# bash, now and for each shell to come (needs the package bash-completion)
		source <(leasectl completion bash)
		leasectl completion bash > ~/.local/share/bash-completion/completions/leasectl

		# zsh
		source <(leasectl completion zsh)
		leasectl completion zsh > "${fpath[1]}/_leasectl"

		# fish
		leasectl completion fish > ~/.config/fish/completions/leasectl.fish

		# powershell
		leasectl completion powershell | Out-String | Invoke-Expression

		# As a plugin: %[1]s
		ln -s "$(command -v leasectl)" ~/.local/bin/kubectl-lease
		ln -s "$(command -v leasectl)" ~/.local/bin/kubectl_complete-lease`},
	"config": {
		long: `
		Show or change the kubeconfig, which says where the server is and who you are.

		--kubeconfig names one file; else $KUBECONFIG names one or more, which are merged. Else
		the kubeconfig of the containerlease server on this machine is used, merged with
		~/.kube/config, which is used alone if there is no such server.`,
		example: `
		# The settings in force
		%[1]s config view --minify

		# Work in another namespace from now on
		%[1]s config set-context --current --namespace=workshop`},
	"create": {
		long: `
		Create the objects in files or standard input. JSON and YAML formats are accepted.`,
		example: `
		# Lease what a manifest says, under a generated name if it has generateName
		%[1]s create -f lease.yaml

		# Create a namespace
		%[1]s create namespace workshop`},
	"create namespace": {example: `
		# Create a namespace
		%[1]s create namespace workshop`},
	"delete": {
		long: `
		Delete objects by name, label or file.

		Deleting a lease stops its container, writes its bill, removes the container and then the
		lease; the command waits for that unless told --wait=false. The container has
		spec.terminationGracePeriodSeconds to end by itself. The bill stays.

		Deleting a namespace ends all leases in it.`,
		example: `
		# End a lease
		%[1]s delete lease demo

		# End all leases with a label
		%[1]s delete leases -l team=web

		# End what a manifest made
		%[1]s delete -f lease.yaml

		# End all leases of the namespace
		%[1]s delete leases --all`},
	"describe": {
		long: `
		Show all about an object, its events included.`,
		example: `
		# A lease, with its conditions and events
		%[1]s describe lease demo

		# A class
		%[1]s describe leaseclass standard

		# The leases with a label
		%[1]s describe leases -l team=web`},
	"diff": {
		long: `
		Show what apply would change: the difference between the server's objects and what they
		would be. It is computed by the server and changes nothing.

		$KUBECTL_EXTERNAL_DIFF is the program that shows the difference, with its arguments; by
		default "diff -u -N". The exit status is 0 if there is no difference, 1 if there is one,
		and greater if something failed.`,
		example: `
		# What would apply change?
		%[1]s diff -f lease.yaml`},
	"edit": {
		long: `
		Edit an object in your editor: what KUBE_EDITOR or EDITOR names, else vi. If the server
		refuses the change, the editor opens again with the reason.`,
		example: `
		# Edit a lease
		%[1]s edit lease demo

		# Edit what a class allows, with another editor
		EDITOR=nano %[1]s edit leaseclass standard`},
	"events": {example: `
		# What has happened in the namespace
		%[1]s events

		# What has happened to a lease, and goes on happening
		%[1]s events --for lease/demo --watch

		# Only warnings, of all namespaces
		%[1]s events --types=Warning -A`},
	"explain": {
		long: `
		Describe the fields of a type of object, from the server's own documentation.

		TYPE may be followed by a path to a field, such as lease.spec.ttl.`,
		example: `
		# What a lease consists of
		%[1]s explain lease

		# All of its fields
		%[1]s explain lease --recursive

		# One field
		%[1]s explain lease.spec.ttl`},
	"get": {
		long: `
		List objects: leases, if nothing else is named.`,
		example: `
		# The leases of the namespace
		%[1]s get

		# Of all namespaces, with class, container and reason
		%[1]s get -A -o wide

		# Watch them change
		%[1]s get --watch

		# One lease, in full
		%[1]s get lease demo -o yaml

		# Classes, and bills
		%[1]s get leaseclasses,billingrecords

		# The address of a published port
		%[1]s get lease demo -o jsonpath='{.status.container.ports[0].hostPort}'`},
	"label": {example: `
		# Label a lease
		%[1]s label lease demo team=web

		# Change the label, then remove it
		%[1]s label lease demo team=search --overwrite
		%[1]s label lease demo team-`},
	"options": {example: `
		# The flags that all commands have
		%[1]s options`},
	"patch": {example: `
		# Change a field of a lease
		%[1]s patch lease demo --type=merge -p '{"spec":{"ttl":"1h"}}'

		# Only if the field is still what it was
		%[1]s patch lease demo --type=json -p '[{"op":"test","path":"/spec/ttl","value":"30m"},{"op":"replace","path":"/spec/ttl","value":"1h"}]'`},
	"replace": {
		long: `
		Replace objects by those in files or standard input, which must be complete. JSON and
		YAML formats are accepted.`,
		example: `
		# Replace a lease by what a file says
		%[1]s replace -f lease.yaml

		# End the lease and start anew
		%[1]s replace --force -f lease.yaml`},
	"wait": {
		long: `
		Wait until objects have a condition, a value in a field, or are gone.

		The conditions of a lease are Accepted, Provisioned, Ready, Finished and Billed.`,
		example: `
		# Until a lease runs
		%[1]s wait --for=condition=Ready lease/demo --timeout=60s

		# Until it has ended and its bill is written
		%[1]s wait --for=condition=Billed lease/demo --timeout=2h

		# Until its container is stopped
		%[1]s wait --for=jsonpath='{.status.phase}'=Suspended lease/demo

		# Until it is gone
		%[1]s wait --for=delete lease/demo --timeout=60s`},
}
