// Package logs is `leasectl logs`: it copies the output of a lease's container from the
// lease's log subresource.
package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/await"
	"github.com/containerlease/containerlease/cmd/leasectl/complete"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
	"github.com/containerlease/containerlease/cmd/leasectl/progress"
)

// everything is the value of --tail that asks for all lines.
const everything = -1

type options struct {
	genericiooptions.IOStreams
	follow, timestamps bool
	tail               int64
	since              time.Duration
	sinceTime          string

	name, namespace string
	client          client.WithWatch
	rest            rest.Interface
}

// NewCommand returns the command. command is how the user calls leasectl.
func NewCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	o := &options{IOStreams: streams, tail: everything}
	cmd := &cobra.Command{
		Use:                   "logs NAME [-f] [--tail N] [--since DURATION|--since-time TIME] [--timestamps]",
		DisableFlagsInUseLine: true,
		Short:                 "Print the output of a lease's container",
		Long: templates.LongDesc(`
			Print what the container of a lease has written to its standard output and error.

			With -f, go on with what it writes until it ends; a container that is still being
			provisioned is waited for.`),
		Example: templates.Examples(fmt.Sprintf(`
			# What the container has written so far
			%[1]s logs demo

			# Follow it until it ends
			%[1]s logs -f demo

			# The last 20 lines of the last five minutes, each with its time
			%[1]s logs demo --tail 20 --since 5m --timestamps`, command)),
		ValidArgsFunction: complete.Lease(getter),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(getter, cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.follow, "follow", "f", o.follow, "Go on until the container ends; wait for it to start.")
	flags.Int64Var(&o.tail, "tail", o.tail, "How many lines of the end to print. -1 means all.")
	flags.DurationVar(&o.since, "since", o.since, "Only what is younger than this, such as 90s or 5m.")
	flags.StringVar(&o.sinceTime, "since-time", o.sinceTime, "Only what was written after this moment (RFC 3339).")
	flags.BoolVar(&o.timestamps, "timestamps", o.timestamps, "Put the time before each line.")
	cmd.MarkFlagsMutuallyExclusive("since", "since-time")
	return cmd
}

func (o *options) complete(getter genericclioptions.RESTClientGetter, cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cmdutil.UsageErrorf(cmd, "expected the NAME of one lease")
	}
	if o.tail < everything {
		return cmdutil.UsageErrorf(cmd, "--tail must be -1 (all) or more")
	}
	if o.since < 0 {
		return cmdutil.UsageErrorf(cmd, "--since can't be negative")
	}
	var err error
	if o.name, err = connect.LeaseName(args[0]); err != nil {
		return err
	}
	if o.namespace, err = connect.Namespace(getter); err != nil {
		return err
	}
	if o.client, err = connect.Client(getter); err != nil {
		return err
	}
	o.rest, err = connect.REST(getter)
	return err
}

func (o *options) run(ctx context.Context) error {
	parameters, err := o.parameters()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.follow {
		err = o.awaitStart(ctx)
	}
	if err == nil {
		err = o.stream(ctx, parameters)
	}
	if ctx.Err() != nil {
		// The user has seen enough, which is how following usually ends.
		return cmdutil.ErrExit
	}
	return err
}

// parameters are the query of the log subresource.
func (o *options) parameters() (map[string]string, error) {
	parameters := map[string]string{}
	if o.follow {
		parameters["follow"] = "true"
	}
	if o.timestamps {
		parameters["timestamps"] = "true"
	}
	if o.tail != everything {
		parameters["tailLines"] = strconv.FormatInt(o.tail, 10)
	}
	switch {
	case o.since > 0:
		// The server counts back, since its clock is the one the lines were written by.
		parameters["sinceSeconds"] = strconv.FormatInt(int64((o.since+time.Second-1)/time.Second), 10)
	case o.sinceTime != "":
		since, err := time.Parse(time.RFC3339, o.sinceTime)
		if err != nil {
			return nil, fmt.Errorf("--since-time %q: must be a moment such as 2006-01-02T15:04:05Z (RFC 3339)", o.sinceTime)
		}
		parameters["sinceTime"] = since.UTC().Format(time.RFC3339Nano)
	}
	return parameters, nil
}

// awaitStart waits until the container of the lease has run or never will.
func (o *options) awaitStart(ctx context.Context) error {
	lease := &v1alpha1.ContainerLease{}
	get, cancel := context.WithTimeout(ctx, connect.RequestTimeout)
	defer cancel()
	if err := o.client.Get(get, client.ObjectKey{Namespace: o.namespace, Name: o.name}, lease); err != nil {
		return err
	}
	if started(lease) {
		return nil
	}
	show := progress.NewPrinter(o.ErrOut)
	defer show.Done()
	return await.Lease(ctx, o.client, lease, func(seen *v1alpha1.ContainerLease) (bool, error) {
		show.Show(o.name, progress.Of(seen))
		if started(seen) {
			return true, nil
		}
		if meta.IsStatusConditionTrue(seen.Status.Conditions, v1alpha1.ConditionFinished) {
			return true, fmt.Errorf("lease %q has ended without output: %s", o.name, progress.Of(seen))
		}
		return false, nil
	})
}

// started says whether there is, or was, a container with output.
func started(lease *v1alpha1.ContainerLease) bool { return lease.Status.StartTime != nil }

func (o *options) stream(ctx context.Context, parameters map[string]string) error {
	request := o.rest.Get().Namespace(o.namespace).Resource("containerleases").Name(o.name).SubResource("log")
	for name, value := range parameters {
		request = request.Param(name, value)
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(o.Out, body); err != nil {
		if errors.Is(err, syscall.EPIPE) {
			return nil // The reader, head for example, has enough.
		}
		return fmt.Errorf("reading the output of lease %q: %w", o.name, err)
	}
	return nil
}
