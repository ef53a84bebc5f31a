// Package run is `leasectl run`: it asks for a lease and waits until its container runs
// or has ended. It decides nothing that the server decides: what an image may be, how
// long and how large a lease may be.
package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/await"
	"github.com/containerlease/containerlease/cmd/leasectl/complete"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
	"github.com/containerlease/containerlease/cmd/leasectl/progress"
)

// defaultProvisioningDeadline is the API's default of spec.provisioningDeadlineSeconds.
const defaultProvisioningDeadline = 300 * time.Second

// provisioningMargin is what the server gets beyond the lease's own deadline to say
// that it was missed.
const provisioningMargin = time.Minute

type options struct {
	genericiooptions.IOStreams
	command string // how the user calls us, such as "leasectl"
	wanted  request
	wait    bool
	timeout time.Duration

	print     *genericclioptions.PrintFlags
	printer   printers.ResourcePrinter // nil: the bare name
	dryRun    cmdutil.DryRunStrategy
	namespace string
	client    client.WithWatch
}

// NewCommand returns the command. command is how the user calls leasectl.
func NewCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	o := &options{
		IOStreams: streams,
		command:   command,
		wait:      true,
		print:     genericclioptions.NewPrintFlags("created").WithTypeSetter(connect.Scheme),
	}
	cmd := &cobra.Command{
		Use:                   "run IMAGE [--name NAME] [--ttl DURATION] [--cpu CPU] [--memory MEMORY] [-- COMMAND [ARG...]]",
		DisableFlagsInUseLine: true,
		Short:                 "Lease a container and wait until it runs",
		Long: templates.LongDesc(`
			Lease a container of IMAGE and wait until it runs.

			IMAGE is a name from the catalog of the lease class, such as "ubuntu", or an image
			reference that the class allows. What follows -- replaces the entrypoint of the image;
			with --args, it is given to the entrypoint as arguments.

			Progress goes to standard error; the name of the lease, and nothing else, to standard
			output. The exit status is 0 once the container runs, or if its command has already
			completed. If you stop waiting (Ctrl-C or --timeout), the lease goes on.`),
		Example: templates.Examples(fmt.Sprintf(`
			# Lease a container from the catalog with the defaults of the default class
			%[1]s run ubuntu

			# For an hour, with one CPU and one GiB of memory, under a name of your own
			%[1]s run alpine --name demo --ttl 1h --cpu 1 --memory 1Gi -- sleep infinity

			# With an environment variable and a published port
			%[1]s run alpine -e GREETING=hello -p 8080 -- httpd -f -p 8080

			# Keep the name, follow the output, end the lease
			name=$(%[1]s run alpine -- sh -c 'while date; do sleep 1; done')
			%[1]s logs -f "$name"
			%[1]s delete lease "$name"

			# Write the manifest instead of asking for the lease
			%[1]s run alpine --name demo --dry-run=client -o yaml > lease.yaml`, command)),
		ValidArgsFunction: complete.Images(getter),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(getter, cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.wanted.addFlags(cmd.Flags())
	o.print.AddFlags(cmd)
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().BoolVar(&o.wait, "wait", o.wait, "Wait until the container runs or has ended.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", o.timeout, "How long to wait, such as 2m. 0 means as long as the server may take to provision the lease.")
	complete.Flag(cmd, "class", complete.Classes(getter))
	return cmd
}

func (o *options) complete(getter genericclioptions.RESTClientGetter, cmd *cobra.Command, args []string) error {
	if len(args) == 0 || cmd.ArgsLenAtDash() == 0 {
		return cmdutil.UsageErrorf(cmd, "IMAGE is required")
	}
	if len(args) > 1 && cmd.ArgsLenAtDash() != 1 {
		return cmdutil.UsageErrorf(cmd, "one IMAGE is expected; put the command after --, as in: %s run %s -- %s", o.command, args[0], args[1])
	}
	if o.timeout < 0 {
		return cmdutil.UsageErrorf(cmd, "--timeout can't be negative")
	}
	o.wanted.image, o.wanted.command = args[0], args[1:]

	var err error
	if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
		return err
	}
	cmdutil.PrintFlagsWithDryRunStrategy(o.print, o.dryRun)
	if *o.print.OutputFormat != "" || o.dryRun != cmdutil.DryRunNone {
		if o.printer, err = o.print.ToPrinter(); err != nil {
			return err
		}
	}
	if o.namespace, err = connect.Namespace(getter); err != nil {
		return err
	}
	o.client, err = connect.Client(getter)
	return err
}

func (o *options) run(ctx context.Context) error {
	lease, err := o.wanted.lease(o.namespace, os.LookupEnv)
	if err != nil {
		return err
	}
	if o.dryRun == cmdutil.DryRunClient {
		return o.printDraft(lease)
	}
	if err := o.create(ctx, lease); err != nil {
		return err
	}
	if o.dryRun == cmdutil.DryRunServer {
		return o.printer.PrintObj(lease, o.Out)
	}
	if o.wait {
		// From here on the lease exists: whatever happens, its name is printed, so that a
		// script can look at it or delete it.
		err = o.await(ctx, lease)
	}
	if printErr := o.printResult(lease); err == nil {
		err = printErr
	}
	return err
}

func (o *options) create(ctx context.Context, lease *v1alpha1.ContainerLease) error {
	ctx, cancel := context.WithTimeout(ctx, connect.RequestTimeout)
	defer cancel()
	if o.dryRun == cmdutil.DryRunServer {
		return o.client.Create(ctx, lease, client.DryRunAll)
	}
	return o.client.Create(ctx, lease)
}

// await watches the lease, showing its progress, until its container runs or has ended,
// and leaves its last state in lease.
func (o *options) await(ctx context.Context, lease *v1alpha1.ContainerLease) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	timeout := o.timeout
	if timeout == 0 {
		timeout = provisioningTimeout(lease)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	show := progress.NewPrinter(o.ErrOut)
	err := await.Lease(ctx, o.client, lease.DeepCopy(), func(seen *v1alpha1.ContainerLease) (bool, error) {
		seen.DeepCopyInto(lease)
		show.Show(lease.Name, progress.Of(lease))
		return outcome(lease)
	})
	show.Done()
	switch {
	case err == nil:
		fmt.Fprintln(o.ErrOut, summary(lease, time.Now()))
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("lease %q did not run within %s (%s); it goes on: see `%s describe lease %[1]s`, end it with `%[4]s delete lease %[1]s`",
			lease.Name, timeout, progress.Of(lease), o.command)
	case ctx.Err() != nil:
		return fmt.Errorf("stopped waiting, but lease %q goes on: end it with `%s delete lease %[1]s`", lease.Name, o.command)
	}
	return err
}

// outcome says whether there is nothing more to wait for, and with an error that it is
// not what was asked for.
func outcome(lease *v1alpha1.ContainerLease) (bool, error) {
	finished := meta.FindStatusCondition(lease.Status.Conditions, v1alpha1.ConditionFinished)
	if finished != nil && finished.Status == metav1.ConditionTrue {
		// A short command may be done before anybody saw it run.
		if lease.Status.FinishReason == v1alpha1.FinishCompleted || finished.Reason == string(v1alpha1.FinishCompleted) {
			return true, nil
		}
		return true, fmt.Errorf("lease %q has ended: %s", lease.Name, progress.Of(lease))
	}
	return meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionReady), nil
}

func provisioningTimeout(lease *v1alpha1.ContainerLease) time.Duration {
	deadline := defaultProvisioningDeadline
	if seconds := lease.Spec.ProvisioningDeadlineSeconds; seconds != nil {
		deadline = time.Duration(*seconds) * time.Second
	}
	return deadline + provisioningMargin
}

// printDraft prints what was not sent. Its name may be the server's to make; where only
// the name is printed, that is said in its place.
func (o *options) printDraft(lease *v1alpha1.ContainerLease) error {
	if format := *o.print.OutputFormat; lease.Name == "" && (format == "" || format == "name") {
		lease.Name = lease.GenerateName + "<generated>"
	}
	return o.printer.PrintObj(lease, o.Out)
}

func (o *options) printResult(lease *v1alpha1.ContainerLease) error {
	if o.printer != nil {
		return o.printer.PrintObj(lease, o.Out)
	}
	_, err := fmt.Fprintln(o.Out, lease.Name)
	return err
}
