// Package logs shows people what a container prints, while it prints it: a WebSocket of
// frames {timestamp, level, message, stream} on a lease's log.
//
// A viewer is a WebSocket on one lease. It reads the lease's log at the API, as the caller and
// nobody else, and writes it on, for as long as the lease lives: it waits for a container
// that has not started, through a suspension, and for an engine or an API that is away. The
// last frame says why it ends.
//
//	handler.go   who may view what; the upgrade
//	viewer.go    the life of a viewer
//	source.go    the API, read as the caller
//	record.go    what comes from the API …
//	frame.go     … and what goes to the viewer
//	level.go     what a line says of itself
//	ending.go    the last frame
//
// A viewer that reads more slowly than its container prints costs a bounded amount of memory: two
// buffers of its socket, one of inLimit, and what the API's stream and the kernel hold for it. What
// does not fit there is dropped, by the API, which knows how much it was.
package logs

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/leases"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
	"github.com/containerlease/containerlease/web/gateway/socket"
)

// DefaultWriteTimeout is how long a viewer may take nothing of what is written to it. A reader that is
// slow, but reads, takes something only each time it has emptied a good part of its receive
// buffer: at a kilobyte a second that takes a minute.
const DefaultWriteTimeout = time.Minute

// Config is what the log streams need. All is required but for what has a default.
type Config struct {
	// API is the way to the API server, as the caller: it bounds what waits for a slow viewer there.
	API *caller.Transport
	// Client is a client on API.
	Client client.WithWatch
	// Identities are asked whether the caller still is who they were.
	Identities caller.Identities
	// Stopping is closed when the server is about to stop: viewers are sent off then.
	Stopping <-chan struct{}
	// WriteTimeout is how long a viewer may take nothing. Defaults to DefaultWriteTimeout.
	WriteTimeout time.Duration
	// Clock tells the time, but for WriteTimeout, for which it is the kernel that waits. Defaults
	// to the real one.
	Clock clock.WithTicker
	// Logger receives what no viewer can be told. Defaults to slog's.
	Logger *slog.Logger
}

// Handler serves the log of the lease that the route parameter {id} stands for. It expects
// the caller in the request's context, and that the Origin was checked.
type Handler struct{ Config }

// New returns the handler of log streams.
func New(cfg Config) *Handler {
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, DefaultWriteTimeout)
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Handler{cfg}
}

// ServeHTTP serves one viewer, and returns when it has ended. What is wrong with the request is
// answered as a problem, before the upgrade.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, ok := caller.From(r.Context())
	if !ok {
		problem.Write(w, r, problem.Unauthenticated.With(""))
		return
	}
	q, err := parseQuery(r.URL.Query(), h.Clock.Now())
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	lease, err := leases.Find(r.Context(), h.Client, chi.URLParam(r, "id"))
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	ws, conn, err := socket.Accept(w, r, h.WriteTimeout)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	// The request's context is the server's, which knows nothing of the connection any more.
	ctx := context.WithoutCancel(r.Context())
	logger := h.Logger.With("requestID", requestid.From(ctx), "namespace", lease.Namespace, "lease", lease.Name)
	newViewer(h, ws, conn, who, lease, q, logger).serve(ctx)
}
