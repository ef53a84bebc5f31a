package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// accessLog writes one line for each request: at debug level if it succeeded, since health checks
// and scrapes say nothing, often.
func accessLog(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(ww, r)
			// A handler that never wrote has sent an empty 200.
			status := max(ww.Status(), http.StatusOK)
			level := slog.LevelInfo
			if status < http.StatusBadRequest {
				level = slog.LevelDebug
			}
			logger.LogAttrs(r.Context(), level, "request",
				slog.String("requestID", requestid.From(r.Context())),
				slog.String("method", r.Method),
				slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
				slog.Int("status", status),
				slog.Int("bytes", ww.BytesWritten()),
				slog.Duration("duration", time.Since(start)))
		})
	}
}

// recoverPanic turns a panic into one logged error and a response that says nothing of the inside.
func recoverPanic(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(cause) // net/http's own way to drop a connection
				}
				id := requestid.From(r.Context())
				logger.ErrorContext(r.Context(), "panic while serving a request",
					"requestID", id, "method", r.Method, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
				problem.Write(w, r, problem.Internal.With(""))
			}()
			next.ServeHTTP(w, r)
		})
	}
}
