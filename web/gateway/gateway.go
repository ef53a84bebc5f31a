// Package gateway serves what people and programs reach over plain HTTP: health
// and metrics. It decides nothing and has no authority of its own.
package gateway

import (
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"
	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// Config is what a gateway needs.
type Config struct {
	// Logger receives one line for each request, and panics.
	Logger *slog.Logger
	// Ready are the checks behind /readyz. /healthz says only that the process serves.
	Ready []healthz.HealthChecker
	// Metrics serves /metrics.
	Metrics http.Handler
}

// New returns the gateway's handler.
//
// /healthz and /readyz answer 200 "ok" or 500 with a line for each check, as Kubernetes'
// own do; ?verbose lists the checks that passed, too.
func New(cfg Config) http.Handler {
	r := chi.NewRouter()
	r.Use(requestid.Handler, accessLog(cfg.Logger), recoverPanic(cfg.Logger))
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not found: the gateway serves /healthz, /readyz and /metrics", http.StatusNotFound)
	})

	checks := http.NewServeMux()
	healthz.InstallPathHandler(checks, "/healthz", healthz.PingHealthz)
	healthz.InstallPathHandler(checks, "/readyz", cfg.Ready...)
	for _, path := range []string{"/healthz", "/healthz/*", "/readyz", "/readyz/*"} {
		r.Method(http.MethodGet, path, checks)
		r.Method(http.MethodHead, path, checks)
	}
	r.Method(http.MethodGet, "/metrics", cfg.Metrics)
	return r
}
