package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubectl/pkg/cmd/annotate"
	"k8s.io/kubectl/pkg/cmd/apiresources"
	"k8s.io/kubectl/pkg/cmd/apply"
	"k8s.io/kubectl/pkg/cmd/auth"
	"k8s.io/kubectl/pkg/cmd/completion"
	"k8s.io/kubectl/pkg/cmd/config"
	"k8s.io/kubectl/pkg/cmd/create"
	"k8s.io/kubectl/pkg/cmd/delete"
	"k8s.io/kubectl/pkg/cmd/describe"
	"k8s.io/kubectl/pkg/cmd/diff"
	"k8s.io/kubectl/pkg/cmd/edit"
	"k8s.io/kubectl/pkg/cmd/events"
	"k8s.io/kubectl/pkg/cmd/explain"
	"k8s.io/kubectl/pkg/cmd/get"
	"k8s.io/kubectl/pkg/cmd/label"
	"k8s.io/kubectl/pkg/cmd/options"
	"k8s.io/kubectl/pkg/cmd/patch"
	"k8s.io/kubectl/pkg/cmd/replace"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/cmd/wait"
	utilcomp "k8s.io/kubectl/pkg/util/completion"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// defaultResource is what `get` lists if nothing is named.
const defaultResource = "containerleases." + v1alpha1.GroupName

// borrow returns kubectl's commands by name, each with examples about leases.
func borrow(name string, f cmdutil.Factory, streams genericiooptions.IOStreams) func(command string) *cobra.Command {
	constructors := map[string]func() *cobra.Command{
		"annotate":      func() *cobra.Command { return annotate.NewCmdAnnotate(name, f, streams) },
		"api-resources": func() *cobra.Command { return apiresources.NewCmdAPIResources(f, streams) },
		"api-versions":  func() *cobra.Command { return apiresources.NewCmdAPIVersions(f, streams) },
		"apply":         func() *cobra.Command { return apply.NewCmdApply(name, f, streams) },
		// What the others create, reconcile or expect are objects that the server doesn't have.
		"auth":   func() *cobra.Command { return keep(auth.NewCmdAuth(f, streams), "can-i", "whoami") },
		"create": func() *cobra.Command { return keep(create.NewCmdCreate(f, streams), "namespace") },
		"completion": func() *cobra.Command {
			return completion.NewCmdCompletion(streams.Out, fmt.Sprintf("# Shell completion of %s.\n", name))
		},
		"config": func() *cobra.Command {
			return config.NewCmdConfig(f, clientcmd.NewDefaultPathOptions(), streams)
		},
		"delete":   func() *cobra.Command { return delete.NewCmdDelete(f, streams) },
		"describe": func() *cobra.Command { return describe.NewCmdDescribe(name, f, streams) },
		"diff":     func() *cobra.Command { return diff.NewCmdDiff(f, streams) },
		"edit":     func() *cobra.Command { return edit.NewCmdEdit(f, streams) },
		"events":   func() *cobra.Command { return events.NewCmdEvents(f, streams) },
		"explain":  func() *cobra.Command { return explain.NewCmdExplain(name, f, streams) },
		"get":      func() *cobra.Command { return newGetCommand(name, f, streams) },
		"label":    func() *cobra.Command { return label.NewCmdLabel(f, streams) },
		"options":  func() *cobra.Command { return options.NewCmdOptions(streams.Out) },
		"patch":    func() *cobra.Command { return patch.NewCmdPatch(f, streams) },
		"replace":  func() *cobra.Command { return replace.NewCmdReplace(f, streams) },
		"wait":     func() *cobra.Command { return wait.NewCmdWait(f, streams) },
	}
	return func(command string) *cobra.Command {
		cmd := constructors[command]()
		rename(cmd, name)
		teach(cmd, name)
		return cmd
	}
}

// newGetCommand returns kubectl's `get`, which lists leases if nothing else is named.
func newGetCommand(name string, f cmdutil.Factory, streams genericiooptions.IOStreams) *cobra.Command {
	cmd := get.NewCmdGet(name, f, streams)
	cmd.Short = "List leases, or whatever else is named"
	cmd.ValidArgsFunction = utilcomp.ResourceTypeAndNameCompletionFunc(f)
	list := cmd.Run
	cmd.Run = func(cmd *cobra.Command, args []string) {
		if len(args) == 0 && !anyChanged(cmd, "filename", "kustomize", "raw") {
			args = []string{defaultResource}
		}
		list(cmd, args)
	}
	return cmd
}

func anyChanged(cmd *cobra.Command, flags ...string) bool {
	for _, flag := range flags {
		if cmd.Flags().Changed(flag) {
			return true
		}
	}
	return false
}

// keep removes all subcommands but those named.
func keep(cmd *cobra.Command, names ...string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		kept := false
		for _, name := range names {
			kept = kept || sub.Name() == name
		}
		if !kept {
			cmd.RemoveCommand(sub)
		}
	}
	return cmd
}
