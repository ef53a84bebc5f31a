package problem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// Panic is what a handler panicked with. Write answers it as Internal.
type Panic struct {
	Value any
	// Stack is where it happened.
	Stack []byte
}

// Error implements error.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

type loggerKey struct{}

// WithLogger returns a context of a request whose internal errors Write logs there, and not
// by slog's default.
func WithLogger(ctx context.Context, logger *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, logger)
}

// logInternal writes the one line that an internal error gets.
func logInternal(r *http.Request, requestID string, err error) {
	logger, ok := r.Context().Value(loggerKey{}).(*slog.Logger)
	if !ok {
		logger = slog.Default()
	}
	attrs := []slog.Attr{
		slog.String("requestID", requestID), slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err),
	}
	var panicked *Panic
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	logger.LogAttrs(r.Context(), slog.LevelError, "request failed", attrs...)
}

// began says whether a part of another answer may be on its way already, if some writer
// beneath w knows.
func began(w http.ResponseWriter) bool {
	for {
		if known, ok := w.(interface{ Began() bool }); ok {
			return known.Began()
		}
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = wrapped.Unwrap()
	}
}
