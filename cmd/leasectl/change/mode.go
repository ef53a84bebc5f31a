package change

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// NewSuspendCommand returns `leasectl suspend`. command is how the user calls leasectl.
func NewSuspendCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	return newModeCommand(getter, streams, v1alpha1.OperatingModeSuspended, "suspended", &cobra.Command{
		Use:   "suspend NAME...",
		Short: "Stop the container of a lease but keep it",
		Long: templates.LongDesc(`
			Stop the container of a lease but keep it, with its file system. It costs nothing while
			it is stopped; the clock of the lease goes on.`),
		Example: templates.Examples(fmt.Sprintf(`
			# Stop it for now
			%[1]s suspend demo

			# Wait until it has stopped
			%[1]s wait lease demo --for=jsonpath='{.status.phase}'=Suspended`, command)),
	})
}

// NewResumeCommand returns `leasectl resume`. command is how the user calls leasectl.
func NewResumeCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	return newModeCommand(getter, streams, v1alpha1.OperatingModeRunning, "resumed", &cobra.Command{
		Use:   "resume NAME...",
		Short: "Start the container of a suspended lease again",
		Long:  "Start the container of a suspended lease again.",
		Example: templates.Examples(fmt.Sprintf(`
			# Go on
			%[1]s resume demo

			# Wait until it runs
			%[1]s wait lease demo --for=condition=Ready`, command)),
	})
}

func newModeCommand(getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams, mode v1alpha1.OperatingMode, word string, cmd *cobra.Command) *cobra.Command {
	v := newVerb(streams)
	v.apply = func(lease *v1alpha1.ContainerLease) error {
		lease.Spec.OperatingMode = mode
		return nil
	}
	v.says = func(_, _ *v1alpha1.ContainerLease) string { return word }
	return v.command(getter, cmd, func(*cobra.Command) error { return nil })
}
