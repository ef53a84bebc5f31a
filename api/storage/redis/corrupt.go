package redis

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
)

// This file is what the feature gate AllowUnsafeMalformedObjectDeletion asks of a store: to tell objects that cannot be
// read from other failures, so that an administrator can list and delete them.

// corruptObjectError says that a stored object cannot be read.
type corruptObjectError struct {
	cause    error
	what     string
	revision int64
}

func (e *corruptObjectError) Error() string {
	return fmt.Sprintf("%s revision=%d: %v", e.what, e.revision, e.cause)
}

func (e *corruptObjectError) Unwrap() error { return e.cause }

// corruptMarkingTransformer turns every failure to read into a corruptObjectError.
type corruptMarkingTransformer struct {
	value.Transformer
}

func (t corruptMarkingTransformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	out, stale, err := t.Transformer.TransformFromStorage(ctx, data, dataCtx)
	if err != nil {
		err = &corruptObjectError{cause: err, what: "data from the storage is not transformable"}
	}
	return out, stale, err
}

// asCorruptDeletion gives the error of a watch that cannot show what was deleted because it was corrupt.
func asCorruptDeletion(e *event, err error) error {
	var corrupt *corruptObjectError
	if !e.deleted() || !errors.As(err, &corrupt) {
		return err
	}
	return newStoreReadError(fmt.Sprintf("saw a DELETED event, but object data is corrupt - %v", corrupt), nil)
}

func newStoreReadError(message string, details *metav1.StatusDetails) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusInternalServerError,
		Reason:  metav1.StatusReasonStoreReadError,
		Message: message,
		Details: details,
	}}
}

// maxCorruptObjects bounds how many corrupt objects one list names.
const maxCorruptObjects = 100

// unreadable gathers what a list could not read. Without tolerance, the first failure ends the list.
type unreadable struct {
	tolerant bool
	corrupt  []error // storage errors with the key
	fatal    error
	tooMany  bool
}

// add records a failure and reports whether the list must end.
func (u *unreadable) add(key string, err error) (end bool) {
	var corrupt *corruptObjectError
	if !u.tolerant || !errors.As(err, &corrupt) {
		u.fatal = err
		return true
	}
	u.corrupt = append(u.corrupt, storage.NewCorruptObjError(key, corrupt))
	u.tooMany = len(u.corrupt) >= maxCorruptObjects
	return u.tooMany
}

// err is the error of the list as a whole.
func (u *unreadable) err(resource schema.GroupResource) error {
	if len(u.corrupt) == 0 {
		return u.fatal
	}
	details := &metav1.StatusDetails{Group: resource.Group, Kind: resource.Resource, Name: "list"}
	for _, err := range u.corrupt {
		cause := metav1.StatusCause{Type: metav1.CauseTypeUnexpectedServerResponse, Message: err.Error()}
		var storageErr *storage.StorageError
		if errors.As(err, &storageErr) {
			cause.Field = storageErr.Key
		}
		details.Causes = append(details.Causes, cause)
	}
	switch {
	case u.tooMany:
		details.Causes = append(details.Causes, metav1.StatusCause{
			Type: metav1.CauseTypeTooMany, Message: "too many errors, the list is truncated"})
	case u.fatal != nil:
		details.Causes = append(details.Causes, metav1.StatusCause{
			Type: metav1.CauseTypeUnexpectedServerResponse, Message: u.fatal.Error()})
	}
	message := fmt.Sprintf("failed to read one or more %s from the storage: %v", resource, u.corrupt[0])
	if len(u.corrupt) > 1 {
		message = fmt.Sprintf("%s (and %d more)", message, len(u.corrupt)-1)
	}
	return newStoreReadError(message, details)
}
