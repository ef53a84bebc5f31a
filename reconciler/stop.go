package reconciler

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// UntilStopped is r, but for what goes wrong because the process is being stopped: that is no error to
// log, since whatever was under way is looked at again at the next start.
func UntilStopped[request comparable](r reconcile.TypedReconciler[request]) reconcile.TypedReconciler[request] {
	return reconcile.TypedFunc[request](func(ctx context.Context, req request) (reconcile.Result, error) {
		result, err := r.Reconcile(ctx, req)
		if ctx.Err() != nil {
			return reconcile.Result{}, nil
		}
		return result, err
	})
}
