package containerlease

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// ndjson is the type of a JSON document a line.
const ndjson = "application/x-ndjson"

// untilStop returns a context that ends with ctx, with stop, so that nobody who follows something can hold up
// the end of the server, or when it is cancelled, as it must be in the end.
func untilStop(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// stream is a response that goes on.
type stream struct {
	response    http.ResponseWriter
	contentType string
	begun       bool
}

// begin begins the response, unless it has begun.
func (s *stream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	s.response.Header().Set("Content-Type", s.contentType)
	s.response.Header().Set("X-Content-Type-Options", "nosniff")
	s.response.WriteHeader(http.StatusOK)
	s.flush()
}

func (s *stream) flush() {
	if flusher, ok := s.response.(http.Flusher); ok {
		flusher.Flush()
	}
}

// send writes data at once, if there is any. It begins the response in any case.
func (s *stream) send(data []byte) error {
	s.begin()
	if len(data) == 0 {
		return nil
	}
	if _, err := s.response.Write(data); err != nil {
		return err
	}
	s.flush()
	return nil
}

// finish ends the response. An error after its beginning can only be shown by breaking off, which tells the client that
// something is missing; one before it is answered, as what could not be done unless it is an API status.
func (s *stream) finish(ctx context.Context, err error, what string, responder rest.Responder) {
	switch {
	case err == nil:
		s.begin()
	case s.begun:
		if ctx.Err() == nil {
			panic(http.ErrAbortHandler)
		}
	default:
		responder.Error(statusOf(err, what))
	}
}

// statusOf makes an error an API status, if it is none: a 503, since the engine is to blame for it.
func statusOf(err error, what string) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return err
	}
	return apierrors.NewServiceUnavailable(what + ": " + err.Error())
}

// hasContainer fails with a 409 if a lease has no container to read a thing of, as far as can be told
// without asking the engine.
func hasContainer(lease *v1alpha1.ContainerLease, thing string) error {
	if lease.Status.Container != nil && lease.Status.Container.ID != "" {
		return nil
	}
	why := "its container has not been created yet"
	switch {
	case lease.Status.FinishTime != nil:
		why = "it ended without a container: " + string(lease.Status.FinishReason)
	case lease.Status.Phase != "":
		why += " (it is " + string(lease.Status.Phase) + ")"
	}
	return absent(lease, thing, why)
}

func absent(lease *v1alpha1.ContainerLease, thing, why string) error {
	return apierrors.NewConflict(v1alpha1.Resource("containerleases"), lease.Name, errors.New("no "+thing+": "+why))
}
