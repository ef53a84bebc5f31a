package rest

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// scope returns the namespaces that a list reads, in order: the one that was asked for, or all
// that the caller has a role in. "" stands for all there are, which an admin has. It fails with
// problem.NotFound for a namespace that the caller has no role in.
func scope(who caller.Caller, namespace string) ([]string, error) {
	switch {
	case namespace != "":
		return []string{namespace}, known(who, namespace)
	case who.Admin:
		return []string{""}, nil
	default:
		return slices.Sorted(slices.Values(who.Namespaces)), nil
	}
}

// home returns the namespace that something is made in: the one that was asked for, or the
// caller's own, whether or not they have a role there: to refuse them is for the API, whose audit
// tells of it.
func home(who caller.Caller, namespace string) (string, error) {
	switch {
	case namespace != "":
		return namespace, known(who, namespace)
	case who.Namespace == "":
		return "", problem.Forbidden.With("you have no namespace of your own: name one that you have a role in with ?namespace=")
	}
	return who.Namespace, nil
}

func known(who caller.Caller, namespace string) error {
	// What can't be the name of a namespace must not become a part of a path, either.
	if len(validation.IsDNS1123Label(namespace)) > 0 || !who.Knows(namespace) {
		return problem.NotFound.With(fmt.Sprintf("there is no namespace %q that you may know of", abbreviate(namespace)))
	}
	return nil
}
