package reconciler

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Outcome is what a reconciliation ends with. The zero value means there is nothing
// to do until something changes. There are three others: an error, which is retried
// with back-off; waiting, which looks again after a while; and terminal, an error that
// is not retried.
type Outcome struct {
	after time.Duration
	err   error
}

// Done is the outcome of a reconciliation that has nothing left to do.
func Done() Outcome { return Outcome{} }

// Waiting is the outcome of a reconciliation that has to look again after d, whatever
// else happens. A d that is not positive means at once.
func Waiting(d time.Duration) Outcome { return Outcome{after: max(d, time.Nanosecond)} }

// Failed is the outcome of a reconciliation that is to be retried with back-off. A nil
// err means Done. A conflict, which only says that something was read too early, and
// an object that is gone are no failures: the first is retried soon and quietly, the
// second is done.
func Failed(err error) Outcome {
	switch {
	case apierrors.IsConflict(err):
		return Waiting(conflictDelay)
	case apierrors.IsNotFound(err):
		return Done()
	default:
		return Outcome{err: err}
	}
}

// Terminal is the outcome of a reconciliation that would fail again in the same way.
func Terminal(err error) Outcome { return Outcome{err: reconcile.TerminalError(err)} }

// conflictDelay gives the cache the time to see the write that was in conflict.
const conflictDelay = 20 * time.Millisecond

// Or returns the more urgent of two outcomes: an error first, then the shorter wait.
func (o Outcome) Or(other Outcome) Outcome {
	switch {
	case o.err != nil:
		return o
	case other.err != nil:
		return other
	case o.after == 0:
		return other
	case other.after == 0 || o.after < other.after:
		return o
	default:
		return other
	}
}

// Result returns the outcome in controller-runtime's terms.
func (o Outcome) Result() (reconcile.Result, error) {
	if o.err != nil {
		return reconcile.Result{}, o.err
	}
	return reconcile.Result{RequeueAfter: o.after}, nil
}
