// Package gateway serves what people and programs reach over plain HTTP: REST, log streams,
// sign-in, health and metrics. It decides nothing and has no authority of its own: whatever
// it asks the API for, it asks as the caller.
package gateway

import (
	"cmp"
	"context"
	_ "embed" // for the page
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/apis"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/dashboard"
	"github.com/containerlease/containerlease/web/gateway/door"
	"github.com/containerlease/containerlease/web/gateway/logs"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
	"github.com/containerlease/containerlease/web/gateway/rest"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// DefaultWriteTimeout is how long a client may take to take what is written to it.
const DefaultWriteTimeout = 30 * time.Second

// Config is what a gateway needs. API, and the Identities of its door, are required.
type Config struct {
	// API is the way to the API server. The gateway adds the caller's credential to each
	// request.
	API http.RoundTripper
	// Streams is the way to the API server for log streams, of which each holds on to as much memory as its
	// transport does for a slow reader. Defaults to API.
	Streams http.RoundTripper
	// Door says who may come in.
	Door door.Config
	// UI are the files of the dashboard, index.html among them; without, a plain page stands in for it.
	UI fs.FS
	// Ready are the checks behind /readyz. /healthz says only that the process serves.
	Ready []healthz.HealthChecker
	// Metrics serves /metrics.
	Metrics http.Handler
	// WriteTimeout is how long a client may take to take what is written to it; streams have
	// their own. Defaults to DefaultWriteTimeout.
	WriteTimeout time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clock.WithTicker
	// Logger receives one line for each request, panics, and what the door refuses. Defaults to
	// slog's.
	Logger *slog.Logger
}

// Gateway is the handler of all routes.
type Gateway struct {
	routes *chi.Mux
	door   *door.Door

	stopping chan struct{}
	stop     sync.Once
	mu       sync.Mutex // guards streams against Add while it is waited for
	streams  sync.WaitGroup
}

// New returns a gateway. Its error says which part of the configuration is wrong.
func New(cfg Config) (*Gateway, error) {
	if cfg.API == nil {
		return nil, errors.New("a gateway needs an API")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Door.Clock, cfg.Door.Logger = cfg.Clock, cfg.Logger
	d, err := door.New(cfg.Door)
	if err != nil {
		return nil, err
	}
	api := caller.NewTransport(door.HeardByAPI(cfg.API))
	client, err := caller.NewClient(api)
	if err != nil {
		return nil, err
	}
	g := &Gateway{routes: chi.NewRouter(), door: d, stopping: make(chan struct{})}
	r := g.routes
	r.Use(
		requestid.Handler,
		accessLog(d, cfg.Logger, cfg.Clock, cmp.Or(cfg.WriteTimeout, DefaultWriteTimeout)),
		recoverPanic,
		d.Headers,
		d.Hosts,
		d.Limits,
		d.CORS,
		d.Forgery,
	)
	home := http.Handler(http.HandlerFunc(showHome))
	var page *dashboard.Dashboard
	if cfg.UI != nil {
		if page, err = dashboard.New(cfg.UI); err != nil {
			return nil, err
		}
		home = http.HandlerFunc(page.ServePage)
	}
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		if page != nil {
			switch {
			case page.TryFile(w, r):
				return
			case dashboard.WantsPage(r):
				page.ServePage(w, r)
				return
			}
		}
		problem.Write(w, r, problem.NotFound.With("nothing is served at this path; /api/openapi.yaml says what is"))
	})
	r.MethodNotAllowed(g.methodNotAllowed)
	healthRoutes(r, cfg.Ready)
	// Everything else is charged to somebody.
	r.Group(func(r chi.Router) {
		r.Use(d.Identify)
		if cfg.Metrics != nil {
			r.With(d.RequireUnlessLocal).Method(http.MethodGet, "/metrics", cfg.Metrics)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r.Method(method, "/", home)
			if page != nil {
				r.Method(method, dashboard.AssetsPrefix+"*", http.HandlerFunc(page.ServeFile))
			}
		}
		r.Get(door.SignInPath, d.SignIn)
		r.Head(door.SignInPath, d.SignIn)
		d.Routes(r)
		rest.New(client, cfg.Clock).Routes(r.With(d.Require))
		openapi.Routes(r)
		streams := caller.NewTransport(door.HeardByAPI(cmp.Or(cfg.Streams, cfg.API)))
		sockets := r.With(d.Streams, d.Require, d.LimitStreams, g.stream)
		sockets.Method(http.MethodGet, "/ws/logs/{id}", logs.New(logs.Config{
			API: streams, Client: client, Identities: cfg.Door.Identities,
			Stopping: g.stopping, Clock: cfg.Clock, Logger: cfg.Logger,
		}))
		passage := apis.Config{
			API: api, Streams: streams, Identities: cfg.Door.Identities,
			Stopping: g.stopping, Clock: cfg.Clock, Logger: cfg.Logger,
		}
		sockets.Method(http.MethodGet, apis.StreamPrefix+"*", apis.Stream(passage))
		pass := apis.Pass(passage, func(next http.Handler) http.Handler { return d.LimitStreams(g.stream(next)) })
		for _, method := range apis.Methods {
			r.With(d.Require).Method(method, apis.Prefix+"*", pass)
		}
	})
	return g, nil
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.routes.ServeHTTP(w, r) }

// Routes are the routes that are served.
func (g *Gateway) Routes() chi.Routes { return g.routes }

// EndStreams ends the streams, which http.Server.Shutdown does not know of, and waits until
// they have ended, or ctx does. There can be no new ones afterwards.
func (g *Gateway) EndStreams(ctx context.Context) error {
	g.stop.Do(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		close(g.stopping)
	})
	ended := make(chan struct{})
	go func() {
		g.streams.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("ending the gateway's streams: %w", ctx.Err())
	}
}

// stream counts a stream while it lasts.
func (g *Gateway) stream(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.begin() {
			problem.Write(w, r, problem.Unavailable.With("the server is stopping"))
			return
		}
		defer g.streams.Done()
		next.ServeHTTP(w, r)
	})
}

func (g *Gateway) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.stopping:
		return false
	default:
		g.streams.Add(1)
		return true
	}
}

// methods are those that some route may take.
var methods = []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut}

// methodNotAllowed says what a path takes instead.
func (g *Gateway) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, one := range methods {
		if g.routes.Match(chi.NewRouteContext(), one, r.URL.Path) {
			allowed = append(allowed, one)
		}
	}
	allow := strings.Join(allowed, ", ")
	w.Header().Set("Allow", allow)
	problem.Write(w, r, problem.MethodNotAllowed.With(fmt.Sprintf("this path takes %s", allow)))
}

// healthRoutes serve /healthz and /readyz, which answer 200 "ok" or 500 with a line for each
// check, as Kubernetes' own do; ?verbose lists the checks that passed, too.
func healthRoutes(r chi.Router, ready []healthz.HealthChecker) {
	checks := http.NewServeMux()
	healthz.InstallPathHandler(checks, "/healthz", healthz.PingHealthz)
	healthz.InstallPathHandler(checks, "/readyz", ready...)
	for _, path := range []string{"/healthz", "/healthz/*", "/readyz", "/readyz/*"} {
		r.Method(http.MethodGet, path, checks)
		r.Method(http.MethodHead, path, checks)
	}
}

//go:embed home.html
var homeText string

var homePage = template.Must(template.New("home").Parse(homeText))

// showHome says what is served, and who is signed in.
func showHome(w http.ResponseWriter, r *http.Request) {
	who, _ := caller.From(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = homePage.Execute(w, who.Identity) // nobody is left to tell
}
