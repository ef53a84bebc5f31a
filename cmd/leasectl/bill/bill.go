// Package bill is `leasectl bill`: what leases have cost, read from their billing records
// and added up exactly. It computes no price.
package bill

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/pager"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/complete"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
)

type options struct {
	genericiooptions.IOStreams
	clock clock.PassiveClock

	format        string
	allNamespaces bool
	since         time.Duration

	name      string // of a lease, or a UID; "" for all
	namespace string // "" for all
	client    client.Client
}

// NewCommand returns the command. command is how the user calls leasectl.
func NewCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	o := &options{IOStreams: streams, clock: clock.RealClock{}, format: formatTable}
	cmd := &cobra.Command{
		Use:                   "bill [NAME|UID] [-A] [--since DURATION] [-o table|wide|json|yaml|csv]",
		DisableFlagsInUseLine: true,
		Short:                 "Show what leases have cost",
		Long: templates.LongDesc(`
			Show what leases have cost, and the total.

			Each lease that ended has one billing record, which outlives it; several leases may
			have had the same name. Given a NAME, a lease of that name that has not ended is shown
			too, with what it will cost if it lasts for all of its time. Such an estimate is
			marked with "~" and not in the total. "~" also marks the bill of a container whose
			end nobody saw: it is charged up to the last moment it was seen.`),
		Example: templates.Examples(fmt.Sprintf(`
			# All bills of the namespace
			%[1]s bill

			# What demo has cost, or is going to
			%[1]s bill demo

			# The last day's bills of all namespaces, for a spreadsheet
			%[1]s bill -A --since 24h -o csv

			# The record itself, with every input of the sum
			%[1]s get billingrecord UID -o yaml`, command)),
		ValidArgsFunction: complete.Billed(getter),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(getter, cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", o.format, "Output format. One of: ("+strings.Join(formats, ", ")+").")
	cmd.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", o.allNamespaces, "Bills of all namespaces.")
	cmd.Flags().DurationVar(&o.since, "since", o.since, "Only bills younger than this, such as 24h.")
	complete.Flag(cmd, "output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *options) complete(getter genericclioptions.RESTClientGetter, cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return cmdutil.UsageErrorf(cmd, "expected at most one NAME or UID")
	}
	if !slices.Contains(formats, o.format) {
		return cmdutil.UsageErrorf(cmd, "--output must be one of: %s", strings.Join(formats, ", "))
	}
	if o.since < 0 {
		return cmdutil.UsageErrorf(cmd, "--since can't be negative")
	}
	var err error
	if len(args) == 1 {
		if o.name, err = connect.LeaseName(args[0]); err != nil {
			return err
		}
	}
	if !o.allNamespaces {
		if o.namespace, err = connect.Namespace(getter); err != nil {
			return err
		}
	}
	o.client, err = connect.Client(getter)
	return err
}

func (o *options) run(ctx context.Context) error {
	items, err := o.billed(ctx)
	if err != nil {
		return err
	}
	if o.name != "" {
		estimates, known, err := o.estimates(ctx, items)
		if err != nil {
			return err
		}
		if len(items) == 0 && !known {
			return fmt.Errorf("no bill for %q: there is no billing record and no lease of that name or UID%s", o.name, o.where())
		}
		items = append(items, estimates...)
	}
	statement, err := newStatement(items)
	if err != nil {
		return err
	}
	switch o.format {
	case formatJSON:
		return printJSON(o.Out, statement)
	case formatYAML:
		return printYAML(o.Out, statement)
	case formatCSV:
		return printCSV(o.Out, statement)
	}
	if len(statement.Items) == 0 {
		fmt.Fprintf(o.ErrOut, "No bills found%s.\n", o.where())
		return nil
	}
	layout := table{namespaces: o.allNamespaces, wide: o.format == formatWide, now: o.clock.Now()}
	return layout.print(o.Out, statement)
}

// billed reads the billing records that were asked for.
func (o *options) billed(ctx context.Context) ([]Item, error) {
	var items []Item
	oldest := o.clock.Now().Add(-o.since)
	pages := pager.New(func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
		ctx, cancel := context.WithTimeout(ctx, connect.RequestTimeout)
		defer cancel()
		list := &v1alpha1.BillingRecordList{}
		return list, o.client.List(ctx, list, &client.ListOptions{
			Namespace: o.namespace, Limit: raw.Limit, Continue: raw.Continue, Raw: &raw,
		})
	})
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		record, ok := object.(*v1alpha1.BillingRecord)
		if !ok {
			return fmt.Errorf("listing billing records: unexpected %T", object)
		}
		if o.name != "" && o.name != record.Spec.Lease.Name && o.name != string(record.Spec.Lease.UID) {
			return nil
		}
		if o.since > 0 && record.CreationTimestamp.Time.Before(oldest) {
			return nil
		}
		items = append(items, fromRecord(record))
		return nil
	})
	return items, err
}

// estimates are for the leases of the name asked for that are not among the billed.
// known says whether there is such a lease, be it without an estimate yet.
func (o *options) estimates(ctx context.Context, billed []Item) (items []Item, known bool, err error) {
	leases, err := o.leases(ctx)
	if err != nil {
		return nil, false, err
	}
	for i := range leases {
		lease := &leases[i]
		if o.name != lease.Name && o.name != string(lease.UID) {
			continue
		}
		known = true
		if slices.ContainsFunc(billed, func(item Item) bool { return item.UID == string(lease.UID) }) {
			continue
		}
		// A record may have been left out for its age: the lease is no estimate then.
		if lease.Status.Cost != nil && lease.Status.Cost.Final != "" {
			continue
		}
		if item, ok := fromLease(lease); ok {
			items = append(items, item)
		}
	}
	return items, known, nil
}

// leases reads the one lease of that name where that can be, else those to look through.
func (o *options) leases(ctx context.Context) ([]v1alpha1.ContainerLease, error) {
	ctx, cancel := context.WithTimeout(ctx, connect.RequestTimeout)
	defer cancel()
	if o.namespace != "" {
		var lease v1alpha1.ContainerLease
		err := o.client.Get(ctx, client.ObjectKey{Namespace: o.namespace, Name: o.name}, &lease)
		if err == nil {
			return []v1alpha1.ContainerLease{lease}, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	var list v1alpha1.ContainerLeaseList
	err := o.client.List(ctx, &list, client.InNamespace(o.namespace))
	return list.Items, err
}

// where names the namespace that was looked at.
func (o *options) where() string {
	if o.namespace == "" {
		return ""
	}
	return fmt.Sprintf(" in %s namespace", o.namespace)
}
