// Package cli puts leasectl together: kubectl's own commands, taken as a library, and the
// verbs that know what a lease is. It holds names, groups and help; no logic.
package cli

import (
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/containerlease/containerlease/cmd/leasectl/bill"
	"github.com/containerlease/containerlease/cmd/leasectl/change"
	"github.com/containerlease/containerlease/cmd/leasectl/complete"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
	"github.com/containerlease/containerlease/cmd/leasectl/logs"
	"github.com/containerlease/containerlease/cmd/leasectl/run"
	"github.com/containerlease/containerlease/cmd/leasectl/version"
)

// Name is how the program is called by itself, and PluginName as a plugin of kubectl.
const (
	Name       = "leasectl"
	PluginName = "kubectl lease"
)

// NewCommand returns the whole command tree, with help that calls it name: Name or
// PluginName. Nothing talks to a server before a command runs. Commands end the process
// on errors as kubectl's do, or return them; either way cmdutil.CheckErr prints them.
func NewCommand(streams genericiooptions.IOStreams, name string) *cobra.Command {
	warnings := rest.NewWarningWriter(streams.ErrOut, rest.WarningWriterOptions{
		Deduplicate: true,
		Color:       printers.AllowsColorOutput(streams.ErrOut),
	})
	warningsAsErrors := false
	root := &cobra.Command{
		Use:         strings.ReplaceAll(name, " ", "-"),
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},
		Short:       "Lease containers for a while",
		Long: templates.LongDesc(fmt.Sprintf(`
			%[1]s leases containers: with hard limits, for a limited time, at a known price.

			It talks to the server that --kubeconfig or $KUBECONFIG names; else to the
			containerlease server on this machine; else to what ~/.kube/config names. Beside the
			verbs for leases it has kubectl's own commands: what you know of kubectl holds here.`, name)),
		Example: templates.Examples(fmt.Sprintf(`
			# Lease a container for a quarter of an hour, see its output, see its price
			%[1]s run alpine --name hello --ttl 15m -- sh -c 'while date; do sleep 1; done'
			%[1]s logs -f hello
			%[1]s bill hello`, name)),
		Run: func(cmd *cobra.Command, _ []string) { cmdutil.CheckErr(cmd.Help()) },
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			rest.SetDefaultWarningHandler(warnings)
			quietLibraries(cmd)
		},
		PersistentPostRunE: func(*cobra.Command, []string) error {
			if count := warnings.WarningCount(); warningsAsErrors && count > 0 {
				return fmt.Errorf("warnings received: %d", count)
			}
			return nil
		},
		// cobra would add a command of its own beside kubectl's.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	// As kubectl's, whose commands look this flag up.
	root.PersistentFlags().BoolVar(&warningsAsErrors, "warnings-as-errors", false,
		"Treat warnings received from the server as errors and exit with a non-zero exit code")

	flags := genericclioptions.NewConfigFlags(true).
		WithDiscoveryBurst(300).
		WithDiscoveryQPS(50).
		WithWarningPrinter(streams)
	connect.Explain(flags, connect.ThisMachine(), warnings)
	flags.AddFlags(root.PersistentFlags())
	factory := cmdutil.NewFactory(cmdutil.NewMatchVersionFlags(connect.Getter{ConfigFlags: flags}))

	borrowed := borrow(name, factory, streams)
	groups := templates.CommandGroups{
		{
			Message: "Leases:",
			Commands: []*cobra.Command{
				run.NewCommand(name, factory, streams),
				borrowed("get"),
				logs.NewCommand(name, factory, streams),
				change.NewExtendCommand(name, factory, streams),
				change.NewResizeCommand(name, factory, streams),
				change.NewSuspendCommand(name, factory, streams),
				change.NewResumeCommand(name, factory, streams),
				borrowed("delete"),
				bill.NewCommand(name, factory, streams),
			},
		},
		{
			Message: "Manifests:",
			Commands: []*cobra.Command{
				borrowed("apply"), borrowed("diff"), borrowed("create"), borrowed("replace"), borrowed("edit"),
				borrowed("patch"), borrowed("label"), borrowed("annotate"), borrowed("explain"),
			},
		},
		{
			Message:  "Watching and Troubleshooting:",
			Commands: []*cobra.Command{borrowed("describe"), borrowed("events"), borrowed("wait"), borrowed("auth")},
		},
		{
			Message: "Server and Settings:",
			Commands: []*cobra.Command{
				borrowed("api-resources"), borrowed("api-versions"), borrowed("config"), borrowed("completion"),
				version.NewCommand(name, factory, streams),
			},
		},
	}
	groups.Add(root)
	root.AddCommand(borrowed("options"))
	templates.ActsAsRootCommand(root, []string{"options", "help"}, groups...)

	utilcomp.SetFactoryForCompletion(factory)
	completeGlobalFlags(root, factory)
	return root
}

// quietLibraries keeps the logs of the client libraries, which repeat each failure in
// their own words, from the user who did not ask for them with -v.
func quietLibraries(cmd *cobra.Command) {
	if verbosity := cmd.Flag("v"); verbosity == nil || verbosity.Value.String() == "0" {
		klog.SetLogger(logr.Discard())
	}
}

func completeGlobalFlags(root *cobra.Command, factory cmdutil.Factory) {
	words := func(list func(typed string) []string) cobra.CompletionFunc {
		return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return list(typed), cobra.ShellCompDirectiveNoFileComp
		}
	}
	complete.Flag(root, "namespace", words(func(typed string) []string {
		return utilcomp.CompGetResource(factory, "namespace", typed)
	}))
	complete.Flag(root, "context", words(utilcomp.ListContextsInConfig))
	complete.Flag(root, "cluster", words(utilcomp.ListClustersInConfig))
	complete.Flag(root, "user", words(utilcomp.ListUsersInConfig))
}
