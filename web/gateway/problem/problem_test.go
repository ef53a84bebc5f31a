package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

func TestWrite(t *testing.T) {
	leases := v1alpha1.Resource("containerleases")
	kind := v1alpha1.SchemeGroupVersion.WithKind("ContainerLease").GroupKind()
	terminating := apierrors.NewForbidden(leases, "demo", errors.New("going"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for _, tc := range []struct {
		name string
		err  error
		want problem.Problem
		// says is in the detail.
		says       string
		fields     []problem.FieldError
		retryAfter string
	}{
		{name: "Problem", err: fmt.Errorf("wrapped: %w", problem.Gone.With("too late")), want: problem.Gone, says: "too late"},
		{name: "NotFound", err: apierrors.NewNotFound(leases, "demo"), want: problem.NotFound, says: "demo"},
		{name: "Forbidden", err: apierrors.NewForbidden(leases, "demo", errors.New("takes the role editor")), want: problem.Forbidden, says: "takes the role editor"},
		{name: "NamespaceTerminating", err: terminating, want: problem.Conflict, says: "going"},
		{name: "Unauthorized", err: apierrors.NewUnauthorized("expired"), want: problem.Unauthenticated},
		{name: "SignedOut", err: fmt.Errorf("calling: %w", caller.ErrUnauthenticated), want: problem.Unauthenticated},
		{name: "AlreadyExists", err: apierrors.NewAlreadyExists(leases, "demo"), want: problem.AlreadyExists},
		{name: "Conflict", err: apierrors.NewConflict(leases, "demo", errors.New("changed")), want: problem.Conflict},
		{name: "Expired", err: apierrors.NewResourceExpired("too old"), want: problem.Gone},
		{name: "Invalid", err: apierrors.NewInvalid(kind, "demo", field.ErrorList{field.Required(field.NewPath("spec", "image"), "name one")}),
			want: problem.Invalid, fields: []problem.FieldError{{Field: "spec.image", Message: "Required value: name one"}}},
		{name: "TooMany", err: apierrors.NewTooManyRequests("slowly", 7), want: problem.TooManyRequests, retryAfter: "7"},
		{name: "ServerTimeout", err: apierrors.NewServerTimeout(leases, "list", 3), want: problem.Unavailable, retryAfter: "3"},
		{name: "Deadline", err: fmt.Errorf("get: %w", context.DeadlineExceeded), want: problem.Timeout, says: "look before you try again"},
		{name: "Canceled", err: fmt.Errorf("get: %w", context.Canceled), want: problem.Canceled},
		{name: "InternalOfAPI", err: apierrors.NewInternalError(errors.New("secret of the inside")), want: problem.Internal},
		{name: "UnknownReason", err: &apierrors.StatusError{ErrStatus: metav1.Status{Reason: "Odd", Message: "secret of the inside"}}, want: problem.Internal},
		{name: "Other", err: errors.New("secret of the inside"), want: problem.Internal},
		{name: "Panic", err: &problem.Panic{Value: "secret of the inside"}, want: problem.Internal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r = r.WithContext(problem.WithLogger(r.Context(), slog.New(slog.NewTextHandler(&log, nil))))
			w := httptest.NewRecorder()
			problem.Write(w, r, tc.err)

			var got problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != tc.want.Status || got.Type != tc.want.Type || got.Title != tc.want.Title || got.Status != w.Code || w.Header().Get("Content-Type") != problem.MediaType {
				t.Errorf("got %d %+v, want %+v", w.Code, got, tc.want)
			}
			if !strings.Contains(got.Detail, tc.says) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("says %q", got.Detail)
			}
			if diff := cmp.Diff(tc.fields, got.Errors); diff != "" {
				t.Errorf("fields: -want +got\n%s", diff)
			}
			if w.Header().Get("Retry-After") != tc.retryAfter {
				t.Errorf("Retry-After: %q", w.Header().Get("Retry-After"))
			}
			if challenged := w.Header().Get("WWW-Authenticate") != ""; challenged != (w.Code == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate: %t", challenged)
			}
			if lines, internal := strings.Count(log.String(), "\n"), tc.want.Status == http.StatusInternalServerError; internal && lines != 1 || !internal && lines != 0 {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

func TestWriteToHEAD(t *testing.T) {
	w := httptest.NewRecorder()
	problem.Write(w, httptest.NewRequest(http.MethodHead, "/", nil), problem.NotFound.With("nothing"))
	if w.Code != http.StatusNotFound || w.Body.Len() > 0 {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
