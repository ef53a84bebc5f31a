package containerlease

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/registry/rest"
)

// logWriter begins the response with the first batch, and sends each batch at once.
type logWriter struct {
	response http.ResponseWriter
	format   logFormat
	buffer   []byte
	begun    bool
}

func (w *logWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	w.response.Header().Set("Content-Type", w.format.contentType())
	w.response.Header().Set("X-Content-Type-Options", "nosniff")
	w.response.WriteHeader(http.StatusOK)
	w.flush()
}

func (w *logWriter) flush() {
	if flusher, ok := w.response.(http.Flusher); ok {
		flusher.Flush()
	}
}

// write writes a batch.
func (w *logWriter) write(batch LogBatch) error {
	w.begin()
	w.buffer = w.format.append(w.buffer[:0], batch)
	if len(w.buffer) == 0 {
		return nil
	}
	if _, err := w.response.Write(w.buffer); err != nil {
		return err
	}
	w.flush()
	return nil
}

// finish ends the response. An error after its beginning can only be shown by breaking
// off, which tells the client that lines are missing.
func (w *logWriter) finish(ctx context.Context, err error, responder rest.Responder) {
	switch {
	case err == nil:
		w.begin()
	case w.begun:
		if ctx.Err() == nil {
			panic(http.ErrAbortHandler)
		}
	default:
		var status apierrors.APIStatus
		if !errors.As(err, &status) {
			err = apierrors.NewServiceUnavailable("reading the log: " + err.Error())
		}
		responder.Error(err)
	}
}
