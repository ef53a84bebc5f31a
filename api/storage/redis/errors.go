package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	goredis "github.com/redis/go-redis/v9"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	// errClosed is why nothing works any more: the store was closed.
	errClosed = errors.New("the store is closed")

	// errIncarnation says that a connection reached a Redis that has not been fenced yet.
	errIncarnation = errors.New("redis was restarted")

	// errEpoch says that another process found history lost and started a new one.
	errEpoch = errors.New("history was started over")

	// errLoading says that Redis is up but has not read its data yet.
	errLoading = errors.New("redis is loading its data")

	// errExpired says that history does not reach back to the revision asked for.
	errExpired = errors.New("revision is no longer in the history")
)

// unsettledError says why Redis could not be asked whether it still is the one we know. Nothing was sent to it.
type unsettledError struct {
	error
}

func (e unsettledError) Unwrap() error { return e.error }

// futureRevisionError says that a revision was asked for that the store has not reached.
type futureRevisionError struct {
	head int64
}

func (e *futureRevisionError) Error() string {
	return fmt.Sprintf("revision is in the future, the store is at %d", e.head)
}

const retryAfterSeconds = 1

// newUnavailable says that Redis could not do it and nothing was changed: 503 with a Retry-After.
func newUnavailable(cause error) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusServiceUnavailable,
		Reason:  metav1.StatusReasonServiceUnavailable,
		Message: fmt.Sprintf("the store is not available: %s: %v", explain(cause), cause),
		Details: &metav1.StatusDetails{RetryAfterSeconds: retryAfterSeconds},
	}}
}

// newUnknownOutcome says that a write may or may not have happened: 504, as for any request that timed out.
func newUnknownOutcome(cause error) error {
	return apierrors.NewTimeoutError(fmt.Sprintf(
		"Redis did not confirm the write and could not be asked again, it may have happened: read before retrying: %v", cause), retryAfterSeconds)
}

// explain names the condition for a person.
func explain(err error) string {
	var unsuitable *UnsuitableError
	switch {
	case errors.As(err, &unsuitable):
		return "this Redis must not be used"
	case errors.Is(err, errLoading):
		return "Redis is loading its data"
	case errors.Is(err, errClosed):
		return "the server is stopping"
	}
	for prefix, meaning := range replyMeanings {
		if goredis.HasErrorPrefix(err, prefix) {
			return meaning
		}
	}
	return "Redis is unreachable"
}

// replyMeanings are Redis' own error replies that say "not now" rather than "wrong".
var replyMeanings = map[string]string{
	"LOADING":     "Redis is loading its data",
	"READONLY":    "this Redis is a replica, and a primary is needed",
	"MASTERDOWN":  "Redis has lost its primary",
	"NOREPLICAS":  "Redis has too few replicas to accept writes",
	"OOM":         "Redis is out of memory (maxmemory)",
	"MISCONF":     "Redis cannot persist to disk",
	"BUSY":        "Redis is busy with a script",
	"CLUSTERDOWN": "the Redis cluster is down",
	"TRYAGAIN":    "Redis is moving keys",
}

// isUnavailable reports whether an error from go-redis means that Redis cannot do it now, as opposed to being asked
// something wrong.
func isUnavailable(err error) bool {
	if err == nil {
		return false
	}
	if errors.As(err, new(unsettledError)) || errors.Is(err, errEpoch) || errors.Is(err, errClosed) {
		return true
	}
	for prefix := range replyMeanings {
		if goredis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return isConnectionError(err)
}

// isConnectionError reports whether the connection failed, so that the fate of the request is open and Redis may be
// another one when it is next reached.
func isConnectionError(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, goredis.ErrClosed) ||
		errors.Is(err, goredis.ErrPoolTimeout) || errors.Is(err, goredis.ErrPoolExhausted) ||
		errors.Is(err, errIncarnation)
}

// neverSent reports whether a request certainly did not reach Redis.
func neverSent(err error) bool {
	var opErr *net.OpError
	return errors.Is(err, errIncarnation) || errors.Is(err, goredis.ErrClosed) ||
		errors.Is(err, goredis.ErrPoolTimeout) || errors.Is(err, goredis.ErrPoolExhausted) ||
		(errors.As(err, &opErr) && opErr.Op == "dial")
}

// asAPIError turns an error of a call to Redis into what a client should see.
func asAPIError(err error) error {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status):
		return err
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, new(unsettledError)):
		return newUnavailable(err)
	case errors.Is(err, context.DeadlineExceeded):
		return apierrors.NewTimeoutError(fmt.Sprintf("Redis did not answer in time: %v", err), retryAfterSeconds)
	case isUnavailable(err):
		return newUnavailable(err)
	default:
		return apierrors.NewInternalError(err)
	}
}
