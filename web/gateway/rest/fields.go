package rest

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// fieldNames is the one table from the fields of a ContainerLease to those of the REST API.
var fieldNames = []struct{ lease, rest string }{
	{"metadata.name", "name"},
	{"metadata.namespace", "?namespace"},
	{"spec.image", "imageType"},
	{"spec.ttl", "durationMinutes"},
	{"spec.resources.cpu", "cpuMilli"},
	{"spec.resources.memory", "memoryMB"},
	{"spec.className", "className"},
	{"spec.command", "command"},
	{"spec.operatingMode", "operatingMode"},
	// Its only rule is about the sum of both.
	{"spec", "command, env"},
}

// renamed says an error of the API about a lease in the words of the REST API. An error about
// no field stays as it is, and so does none.
func renamed(err error, lease *v1alpha1.ContainerLease) error {
	if err == nil {
		return nil
	}
	p := problem.From(err)
	if len(p.Errors) == 0 {
		return err
	}
	for i := range p.Errors {
		p.Errors[i].Field = fieldName(p.Errors[i].Field, lease.Spec.Env)
	}
	if p.Type == problem.Invalid.Type {
		return invalid(p.Errors...)
	}
	return p
}

// invalidLease is the problem of errors that were found without the API.
func invalidLease(errs field.ErrorList, lease *v1alpha1.ContainerLease, class *v1alpha1.LeaseClass) error {
	fields := make([]problem.FieldError, len(errs))
	for i, err := range errs {
		fields[i] = problem.FieldError{Field: fieldName(err.Field, lease.Spec.Env), Message: err.ErrorBody()}
	}
	return invalid(inUnits(fields, lease, class)...)
}

// fieldName translates one path. What the REST API has no name for keeps its own.
func fieldName(path string, env []v1alpha1.EnvVar) string {
	if rest, ok := strings.CutPrefix(path, "spec.env"); ok {
		return envName(rest, env)
	}
	for _, name := range fieldNames {
		// The path itself, or an element of it.
		if rest, ok := strings.CutPrefix(path, name.lease); ok && (rest == "" || rest[0] == '[') {
			return name.rest + rest
		}
	}
	return path
}

// envName turns the rest of a path, such as "[2].value", into env.NAME: the request has an
// object where the lease has a list.
func envName(rest string, env []v1alpha1.EnvVar) string {
	index, _, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	i, err := strconv.Atoi(index)
	if !ok || err != nil || i < 0 || i >= len(env) {
		return "env"
	}
	return "env." + abbreviate(env[i].Name)
}
