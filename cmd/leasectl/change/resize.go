package change

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// NewResizeCommand returns `leasectl resize`. command is how the user calls leasectl.
func NewResizeCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	var cpu, memory string
	v := newVerb(streams)
	v.apply = func(lease *v1alpha1.ContainerLease) error {
		return resize(&lease.Spec.Resources, cpu, memory)
	}
	v.says = func(before, after *v1alpha1.ContainerLease) string {
		return fmt.Sprintf("resized from %s to %s", size(before.Spec.Resources), size(after.Spec.Resources))
	}
	cmd := &cobra.Command{
		Use:   "resize NAME... [--cpu CPU] [--memory MEMORY]",
		Short: "Change the limits of a lease while it runs",
		Long: templates.LongDesc(`
			Change the hard limits of a lease. The container goes on running; what it used so far
			is charged at the old size. The class of the lease says what sizes are allowed.`),
		Example: templates.Examples(fmt.Sprintf(`
			# Two CPUs and one GiB of memory
			%[1]s resize demo --cpu 2 --memory 1Gi`, command)),
	}
	cmd.Flags().StringVar(&cpu, "cpu", "", "Hard limit of CPU cores, such as 500m or 2.")
	cmd.Flags().StringVar(&memory, "memory", "", "Hard limit of memory, such as 512Mi.")
	return v.command(getter, cmd, func(cmd *cobra.Command) error {
		if cpu == "" && memory == "" {
			return cmdutil.UsageErrorf(cmd, "--cpu or --memory is required")
		}
		return resize(&v1alpha1.ResourceLimits{}, cpu, memory)
	})
}

// resize sets those limits that are not "".
func resize(limits *v1alpha1.ResourceLimits, cpu, memory string) error {
	for _, limit := range []struct {
		flag, value string
		set         **resource.Quantity
	}{{"--cpu", cpu, &limits.CPU}, {"--memory", memory, &limits.Memory}} {
		if limit.value == "" {
			continue
		}
		quantity, err := resource.ParseQuantity(limit.value)
		if err != nil {
			return fmt.Errorf("%s %q: must be a quantity such as 500m, 2 or 512Mi", limit.flag, limit.value)
		}
		*limit.set = &quantity
	}
	return nil
}

func size(limits v1alpha1.ResourceLimits) string {
	show := func(quantity *resource.Quantity) string {
		if quantity == nil {
			return "the class's"
		}
		return quantity.String()
	}
	return fmt.Sprintf("%s CPU, %s memory", show(limits.CPU), show(limits.Memory))
}
