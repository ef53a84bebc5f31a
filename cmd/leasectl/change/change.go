// Package change holds the verbs that change the spec of a lease: extend, resize, suspend
// and resume. Each reads the lease, computes the change and writes it back only if nobody
// else has changed the lease meanwhile; else it starts again.
package change

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/util/retry"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/complete"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
)

// verb is one way to change a lease.
type verb struct {
	genericiooptions.IOStreams
	print *genericclioptions.PrintFlags

	// apply changes the spec of a fresh copy of the lease; it may be called again after a
	// conflict.
	apply func(lease *v1alpha1.ContainerLease) error
	// says tells in a line what has changed.
	says func(before, after *v1alpha1.ContainerLease) string
}

func newVerb(streams genericiooptions.IOStreams) *verb {
	return &verb{IOStreams: streams, print: genericclioptions.NewPrintFlags("changed").WithTypeSetter(connect.Scheme)}
}

// command completes cmd, which has its flags, with what the verbs have in common. check
// judges the flags before anything is sent.
func (v *verb) command(getter genericclioptions.RESTClientGetter, cmd *cobra.Command, check func(*cobra.Command) error) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.ValidArgsFunction = complete.Leases(getter)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmdutil.UsageErrorf(cmd, "the NAME of a lease is required")
		}
		if err := check(cmd); err != nil {
			return err
		}
		return v.run(cmd.Context(), getter, args)
	}
	v.print.AddFlags(cmd)
	return cmd
}

// run changes each of the named leases, going on after a failure.
func (v *verb) run(ctx context.Context, getter genericclioptions.RESTClientGetter, args []string) error {
	namespace, err := connect.Namespace(getter)
	if err != nil {
		return err
	}
	c, err := connect.Client(getter)
	if err != nil {
		return err
	}
	var failures []error
	for _, arg := range args {
		if err := v.one(ctx, c, namespace, arg); err != nil {
			failures = append(failures, err)
		}
	}
	return utilerrors.NewAggregate(failures)
}

func (v *verb) one(ctx context.Context, c client.Client, namespace, arg string) error {
	name, err := connect.LeaseName(arg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connect.RequestTimeout)
	defer cancel()
	before, after, err := update(ctx, c, client.ObjectKey{Namespace: namespace, Name: name}, v.apply)
	if err != nil {
		return err
	}
	if *v.print.OutputFormat != "" {
		printer, err := v.print.ToPrinter()
		if err != nil {
			return err
		}
		return printer.PrintObj(after, v.Out)
	}
	said := "unchanged"
	if !equality.Semantic.DeepEqual(before.Spec, after.Spec) {
		said = v.says(before, after)
	}
	_, err = fmt.Fprintf(v.Out, "containerlease.%s/%s %s\n", v1alpha1.GroupName, name, said)
	return err
}

// update changes the spec of a lease and returns the lease as it was and as it is. A
// change made by somebody else in between makes it start again with their version, so
// that none is lost. It writes nothing if apply changes nothing.
func update(ctx context.Context, c client.Client, key client.ObjectKey, apply func(*v1alpha1.ContainerLease) error) (before, after *v1alpha1.ContainerLease, err error) {
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		before = &v1alpha1.ContainerLease{}
		if err := c.Get(ctx, key, before); err != nil {
			return err
		}
		if err := alive(before); err != nil {
			return err
		}
		after = before.DeepCopy()
		if err := apply(after); err != nil {
			return fmt.Errorf("lease %q: %w", key.Name, err)
		}
		if equality.Semantic.DeepEqual(before.Spec, after.Spec) {
			return nil
		}
		return c.Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	return before, after, err
}

// alive explains why a lease that is over can't be changed: the server would accept some
// changes, and they would mean nothing.
func alive(lease *v1alpha1.ContainerLease) error {
	if !lease.DeletionTimestamp.IsZero() {
		return fmt.Errorf("lease %q is being deleted", lease.Name)
	}
	finished := meta.FindStatusCondition(lease.Status.Conditions, v1alpha1.ConditionFinished)
	if finished != nil && finished.Status == metav1.ConditionTrue {
		return fmt.Errorf("lease %q has ended (%s)", lease.Name, finished.Reason)
	}
	return nil
}
