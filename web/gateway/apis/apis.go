// Package apis is the Kubernetes-style API at the gateway, as the caller: what a browser needs that holds a
// session and no token. It decides nothing and translates nothing: requests below /apis/ go to the API as they
// are, and so do its answers. What goes on, such as a watch, comes by a WebSocket as well, below /ws/apis/:
// browsers open six HTTP/1.1 connections to a host and no more, but hundreds of WebSockets.
//
//	apis.go    which requests go on, and what of them
//	pass.go    /apis/: a request, and its answer
//	stream.go  /ws/apis/: an answer that goes on, line by line
package apis

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

const (
	// Prefix begins the paths of the API, here as there.
	Prefix = "/apis/"
	// StreamPrefix begins the paths of what goes on.
	StreamPrefix = "/ws" + Prefix
	// ticketParameter is the door's, and nothing to the API.
	ticketParameter = "ticket"
)

// Methods are those that the API takes below Prefix.
var Methods = []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut}

// Config is what the handlers need. All is required but for what has a default.
type Config struct {
	// API is the way to the API server, as the caller.
	API *caller.Transport
	// Streams is the way for what goes on: it bounds what waits for a slow reader.
	Streams *caller.Transport
	// Identities are asked whether the caller still is who they were.
	Identities caller.Identities
	// Stopping is closed when the server is about to stop.
	Stopping <-chan struct{}
	// WriteTimeout is how long the reader of a stream may take nothing. Defaults to DefaultWriteTimeout.
	WriteTimeout time.Duration
	Clock        clock.WithTicker
	Logger       *slog.Logger
}

// DefaultWriteTimeout is that of the logs: see there.
const DefaultWriteTimeout = time.Minute

// passed are the headers that go on to the API. Never a credential, which is the caller's in the
// context, nor what would have the API take the caller for somebody else.
var passed = []string{"Accept", "Content-Type", "If-Match", "If-None-Match", "User-Agent"}

// goesOn says whether a request asks for something that goes on for as long as it takes. It errs to the side
// of yes, as the API does: a parameter without a value means true to it.
func goesOn(r *http.Request) bool {
	query := r.URL.Query()
	return query.Has("watch") || query.Has("follow") || strings.Contains(r.URL.Path, "/watch/")
}

// toAPI is a request to the API in place of r, for path.
func toAPI(ctx context.Context, r *http.Request, path string) *http.Request {
	query := r.URL.Query()
	query.Del(ticketParameter)
	out := (&http.Request{
		Method: r.Method,
		URL:    &url.URL{Scheme: "http", Host: "in-process", Path: path, RawQuery: query.Encode()},
		Header: http.Header{},
	}).WithContext(ctx)
	for _, name := range passed {
		if values := r.Header.Values(name); len(values) > 0 {
			out.Header[name] = values
		}
	}
	return out
}
