package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/door"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// accessLog writes one line for each request, when it has ended, and has the door audit what was
// refused inside. Probes and scrapes that succeed say nothing, often: they are debugging. What
// the client wrote into path and query stays out: credentials might be in it.
func accessLog(d *door.Door, logger *slog.Logger, clk clock.PassiveClock, patience time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := clk.Now()
			ctx, visit := door.NewVisit(problem.WithLogger(r.Context(), logger))
			r = r.WithContext(ctx)
			answer := newResponse(w, patience)
			// Deferred: a handler may drop the connection by a panic.
			defer func() {
				answer.end()
				status, bytes := answer.outcome()
				route := chi.RouteContext(ctx).RoutePattern()
				level := slog.LevelInfo
				if isProbe(route) && status < http.StatusBadRequest {
					level = slog.LevelDebug
				}
				logger.LogAttrs(ctx, level, "request",
					slog.String("requestID", requestid.From(ctx)),
					slog.String("principal", visit.User),
					slog.String("method", method(r)),
					slog.String("route", route),
					slog.Int("status", status),
					slog.Int64("bytes", bytes),
					slog.Duration("duration", clk.Since(start)),
					slog.String("remote", door.ClientAddress(r)))
				d.AuditRefusal(r, status)
			}()
			next.ServeHTTP(answer, r)
		})
	}
}

// isProbe says whether a route is one that monitors ask every few seconds.
func isProbe(route string) bool {
	return route == "/metrics" || strings.HasPrefix(route, "/healthz") || strings.HasPrefix(route, "/readyz")
}

// method is the method of a request, unless the client made one up.
func method(r *http.Request) string {
	if len(r.Method) > len(http.MethodConnect) {
		return "(unknown)"
	}
	return r.Method
}

// recoverPanic turns a panic into an answer that says nothing of the inside, and into one line
// in the log, which is problem.Write's.
func recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause) // net/http's own way to drop a connection
			}
			problem.Write(w, r, &problem.Panic{Value: cause, Stack: debug.Stack()})
		}()
		next.ServeHTTP(w, r)
	})
}
