// Package complete answers the shell's question what could come next, for the words that
// only the server knows: names of leases, classes and images. It is quick or silent.
package complete

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/connect"
)

// patience bounds how long somebody who presses Tab is kept waiting.
const patience = 2 * time.Second

// Flag sets the completion of a flag of cmd, which must exist.
func Flag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	cmdutil.CheckErr(cmd.RegisterFlagCompletionFunc(flag, values))
}

// Lease completes the name of one lease of the namespace.
func Lease(getter genericclioptions.RESTClientGetter) cobra.CompletionFunc {
	many := Leases(getter)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return many(cmd, args, typed)
	}
}

// Leases completes the names of leases of the namespace that are not on the line yet.
func Leases(getter genericclioptions.RESTClientGetter) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var leases v1alpha1.ContainerLeaseList
		return offer(getter, &leases, true, args, typed, func(add func(string, string)) {
			for _, lease := range leases.Items {
				add(lease.Name, string(lease.Status.Phase)+" "+lease.Spec.Image)
			}
		})
	}
}

// Billed completes the names of leases of the namespace that have a bill or will get one.
func Billed(getter genericclioptions.RESTClientGetter) cobra.CompletionFunc {
	live := Leases(getter)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var records v1alpha1.BillingRecordList
		ended, directive := offer(getter, &records, true, args, typed, func(add func(string, string)) {
			for _, record := range records.Items {
				add(record.Spec.Lease.Name, "ended")
			}
		})
		running, _ := live(cmd, args, typed)
		for _, name := range running {
			word, _, _ := strings.Cut(name, "\t")
			if !slices.ContainsFunc(ended, func(known string) bool { return strings.HasPrefix(known, word+"\t") }) {
				ended = append(ended, name)
			}
		}
		return ended, directive
	}
}

// Classes completes the name of a class.
func Classes(getter genericclioptions.RESTClientGetter) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var classes v1alpha1.LeaseClassList
		return offer(getter, &classes, false, nil, typed, func(add func(string, string)) {
			for _, class := range classes.Items {
				add(class.Name, "up to "+string(class.Spec.TTL.Max))
			}
		})
	}
}

// Images completes the first argument with the catalog of the class that --class names,
// or else of the default class.
func Images(getter genericclioptions.RESTClientGetter) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		named := cmdutil.GetFlagString(cmd, "class")
		var classes v1alpha1.LeaseClassList
		return offer(getter, &classes, false, nil, typed, func(add func(string, string)) {
			for _, class := range classes.Items {
				isDefault := class.Annotations[v1alpha1.DefaultClassAnnotation] == "true"
				if class.Name == named || named == "" && isDefault {
					for _, image := range class.Spec.Images.Catalog {
						add(image.Name, image.Reference)
					}
				}
			}
		})
	}
}

// offer lists objects and returns the words that names adds from them, each once, if
// they continue what was typed and are not on the line already.
func offer(getter genericclioptions.RESTClientGetter, list client.ObjectList, namespaced bool,
	already []string, typed string, names func(add func(word, description string)),
) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	c, err := connect.Client(getter)
	if err != nil {
		return nil, directive
	}
	var in []client.ListOption
	if namespaced {
		namespace, err := connect.Namespace(getter)
		if err != nil {
			return nil, directive
		}
		in = append(in, client.InNamespace(namespace))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.List(ctx, list, in...); err != nil {
		return nil, directive
	}
	var words []cobra.Completion
	seen := map[string]bool{}
	names(func(word, description string) {
		if seen[word] || slices.Contains(already, word) || !strings.HasPrefix(word, typed) {
			return
		}
		seen[word] = true
		words = append(words, cobra.CompletionWithDesc(word, strings.TrimSpace(description)))
	})
	return words, directive
}
