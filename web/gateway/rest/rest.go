// Package rest serves the gateway's REST API, whose contract is package openapi's document.
// Each handler translates a request into calls of the Kubernetes-style API, made with the
// caller's own credential, and their answers back. It keeps no state and decides nothing.
//
//	provision.go, naming.go, wait.go,
//	idempotency.go                          POST   /api/provision
//	containers.go                           GET    /api/containers, /api/containers/{id}; DELETE
//	change.go                               PATCH  /api/containers/{id}
//	images.go, estimate.go                  GET    /api/images; POST /api/estimate
//	billing.go, csv.go                      GET    /api/billing
//	events.go                               GET    /api/events
//
// The rest is what they share: the request (body.go, path.go, query.go, scope.go), the names of its
// fields (fields.go), lists over several namespaces (paging.go), and the answer (container.go,
// prices.go, answer.go).
package rest

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// Handler serves the REST API.
type Handler struct {
	api   client.WithWatch
	clock clock.PassiveClock
}

// New returns a handler that reaches the API through api, which acts for the caller in the
// context of each call. The clock tells how much time a lease has left.
func New(api client.WithWatch, clock clock.PassiveClock) *Handler {
	return &Handler{api: bounded{api}, clock: clock}
}

// endpoint answers a request of somebody who is signed in, or fails with an error that
// problem.Write knows.
type endpoint func(w http.ResponseWriter, r *http.Request, who caller.Caller) error

// Routes adds the routes. They need a caller in the context of the request. Those of the
// document, which need none, are openapi.Routes.
func (h *Handler) Routes(r chi.Router) {
	for _, route := range []struct {
		method, path string
		endpoint     endpoint
	}{
		{http.MethodPost, "/api/provision", h.provision},
		{http.MethodGet, "/api/containers", h.listContainers},
		{http.MethodGet, "/api/containers/{id}", h.getContainer},
		{http.MethodPatch, "/api/containers/{id}", h.changeContainer},
		{http.MethodDelete, "/api/containers/{id}", h.deleteContainer},
		{http.MethodGet, "/api/images", h.listImages},
		{http.MethodPost, "/api/estimate", h.estimate},
		{http.MethodGet, "/api/billing", h.listBilling},
		{http.MethodGet, "/api/events", h.listEvents},
	} {
		r.Method(route.method, route.path, route.endpoint)
	}
}

// ServeHTTP implements http.Handler.
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, ok := caller.From(r.Context())
	if !ok {
		problem.Write(w, r, problem.Unauthenticated.With(""))
		return
	}
	if err := e(w, r, who); err != nil {
		problem.Write(w, r, err)
	}
}
