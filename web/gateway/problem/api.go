package problem

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

// ofReason is the one table from the API server's reasons to problems. What is not in it is
// Internal.
var ofReason = map[metav1.StatusReason]Problem{
	metav1.StatusReasonUnauthorized:          Unauthenticated,
	metav1.StatusReasonForbidden:             Forbidden,
	metav1.StatusReasonNotFound:              NotFound,
	metav1.StatusReasonAlreadyExists:         AlreadyExists,
	metav1.StatusReasonConflict:              Conflict,
	metav1.StatusReasonGone:                  Gone,
	metav1.StatusReasonExpired:               Gone,
	metav1.StatusReasonInvalid:               Invalid,
	metav1.StatusReasonBadRequest:            BadRequest,
	metav1.StatusReasonMethodNotAllowed:      MethodNotAllowed,
	metav1.StatusReasonNotAcceptable:         NotAcceptable,
	metav1.StatusReasonRequestEntityTooLarge: TooLarge,
	metav1.StatusReasonUnsupportedMediaType:  UnsupportedType,
	metav1.StatusReasonTooManyRequests:       TooManyRequests,
	metav1.StatusReasonServiceUnavailable:    Unavailable,
	metav1.StatusReasonServerTimeout:         Unavailable,
	metav1.StatusReasonTimeout:               Timeout,
	metav1.StatusReasonStoreReadError:        Unavailable,
}

// From returns the problem that an error is: a Problem as it is, an error of the API by the
// table above, a deadline, and any other as Internal. Field errors keep the paths of the API's
// object; a handler whose request names them otherwise renames them.
func From(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout.With("the server did not answer in time; nothing is known of the outcome, so look before you try again")
	case errors.Is(err, context.Canceled):
		return Canceled.With("")
	case errors.Is(err, caller.ErrUnauthenticated):
		return Unauthenticated.With("")
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return Internal.With(err.Error())
	}
	s := status.Status()
	known, ok := ofReason[s.Reason]
	if !ok {
		return Internal.With(s.Message)
	}
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		known = Conflict // with its deletion, whoever asks
	}
	p = known.With(s.Message)
	if s.Details == nil {
		return p
	}
	p.RetryAfter = int(s.Details.RetryAfterSeconds)
	for _, cause := range s.Details.Causes {
		if cause.Field != "" {
			p.Errors = append(p.Errors, FieldError{Field: cause.Field, Message: cause.Message})
		}
	}
	return p
}
