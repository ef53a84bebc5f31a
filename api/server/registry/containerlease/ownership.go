package containerlease

import (
	"context"
	"slices"

	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// sign notes who creates the lease, whatever the request says about that.
func sign(ctx context.Context, lease *v1alpha1.ContainerLease) {
	delete(lease.Annotations, v1alpha1.CreatedByAnnotation)
	caller, ok := genericapirequest.UserFrom(ctx)
	if !ok || caller.GetName() == "" {
		return
	}
	annotate(lease, caller.GetName())
}

// keepSignature undoes what an update would do to the note of who created the lease.
func keepSignature(lease, was *v1alpha1.ContainerLease) {
	if signature, signed := was.Annotations[v1alpha1.CreatedByAnnotation]; signed {
		annotate(lease, signature)
		return
	}
	delete(lease.Annotations, v1alpha1.CreatedByAnnotation)
}

func annotate(lease *v1alpha1.ContainerLease, signature string) {
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[v1alpha1.CreatedByAnnotation] = signature
}

// keepFinalizer undoes what an update would do to our finalizer, which keeps a lease until
// its container is gone and its bill is written: neither can it be taken off to get rid of
// the bill, nor put back when that is done. Controllers and admins may do both. It is silent
// since a replace of the whole object, by a client that knows of no finalizers, means no harm.
func keepFinalizer(ctx context.Context, lease, was *v1alpha1.ContainerLease) {
	if caller, ok := genericapirequest.UserFrom(ctx); ok && roles.Of(caller).Admin {
		return
	}
	had, has := slices.Index(was.Finalizers, v1alpha1.Finalizer), slices.Contains(lease.Finalizers, v1alpha1.Finalizer)
	switch {
	case had >= 0 && !has:
		lease.Finalizers = slices.Insert(lease.Finalizers, min(had, len(lease.Finalizers)), v1alpha1.Finalizer)
	case had < 0 && has:
		lease.Finalizers = slices.DeleteFunc(lease.Finalizers, func(f string) bool { return f == v1alpha1.Finalizer })
	}
}
