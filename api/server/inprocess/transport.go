// Package inprocess lets clients in the server's own process use its HTTP handler
// without a socket and without TLS.
package inprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
)

// Transport is an http.RoundTripper onto a handler.
//
// RoundTrip returns as soon as the handler has begun its response; the body streams.
// The handler's context ends when the request's does, when the body is closed, or when
// the handler returns, whichever is first. It holds none of the request's values: a request
// that is made while another is served, by the server of both, is one of its own, with
// its own user and its own audit event. As with any transport, the caller must read the body
// to its end or close it.
type Transport struct {
	handler http.Handler
	window  int
}

// NewTransport returns a transport onto handler.
func NewTransport(handler http.Handler) *Transport { return &Transport{handler, defaultWindow} }

// WithWindow returns a transport onto the same handler of whose responses no more than so many bytes
// wait for their reader: for streams, of which there can be many, to readers that can be slow.
func (t *Transport) WithWindow(bytes int) *Transport { return &Transport{t.handler, bytes} }

// ErrAborted is what a body ends with whose handler broke off.
var ErrAborted = errors.New("in-process handler broke off its response")

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	ctx, cancel := detached(req.Context())
	response := newResponse(cancel, t.window)
	served := serverRequest(ctx, req)
	// The callback keeps a reader from waiting for a handler that doesn't notice. It is
	// unregistered when the handler returns: clients like informers use one context for
	// as long as they live, and it would collect callbacks.
	stop := context.AfterFunc(ctx, func() { response.fail(context.Cause(ctx)) })
	go func() {
		defer closeBody(req)
		defer cancel()
		defer stop()
		err := t.serve(response, served)
		if err == nil {
			// A handler that stopped because the client did is not a response that is complete.
			err = context.Cause(ctx)
		}
		response.end(err)
	}()
	return response.await(req)
}

// detached returns a context that ends when ctx does, for the same reason, but has none of
// its values.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	served, cancel := context.WithCancelCause(context.Background())
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return served, func() {
		stop()
		cancel(nil)
	}
}

// serve runs the handler and turns a panic into an error, as net/http's server does.
func (t *Transport) serve(w http.ResponseWriter, req *http.Request) (err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case http.ErrAbortHandler:
			err = ErrAborted
		default:
			err = fmt.Errorf("%w: %v\n%s", ErrAborted, r, debug.Stack())
		}
	}()
	t.handler.ServeHTTP(w, req)
	return nil
}

// serverRequest is the request as a server sees it.
func serverRequest(ctx context.Context, req *http.Request) *http.Request {
	served := req.Clone(ctx)
	served.RequestURI = req.URL.RequestURI()
	served.RemoteAddr = "127.0.0.1:0"
	served.Proto, served.ProtoMajor, served.ProtoMinor = "HTTP/2.0", 2, 0
	if served.Host == "" {
		served.Host = req.URL.Host
	}
	if served.Body == nil {
		served.Body = http.NoBody
	}
	return served
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

var _ io.ReadCloser = &response{}
