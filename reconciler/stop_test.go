package reconciler_test

import (
	"context"
	"errors"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/reconciler"
)

func TestUntilStopped(t *testing.T) {
	failure := errors.New("interrupted")
	failing := reconciler.UntilStopped[string](reconcile.TypedFunc[string](
		func(context.Context, string) (reconcile.Result, error) { return reconcile.Result{}, failure }))

	if _, err := failing.Reconcile(t.Context(), "x"); !errors.Is(err, failure) {
		t.Errorf("while running: got %v, want %v", err, failure)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := failing.Reconcile(stopped, "x"); err != nil {
		t.Errorf("once stopped: got %v, want no error", err)
	}
}
