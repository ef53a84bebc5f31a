package server

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// timelyBodies gives the body of a request only so long to arrive. The library's own timeout answers
// a request, but lets it wait on: it can't take a body away from whoever reads it. All
// the while it counts as one of those under way at once, of which there is a limit for all users
// together.
type timelyBodies struct {
	next     http.Handler
	patience time.Duration
}

// ServeHTTP implements http.Handler.
func (t timelyBodies) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Body == nil || req.Body == http.NoBody {
		t.next.ServeHTTP(w, req)
		return
	}
	connection := http.NewResponseController(w)
	// The real time: it is the kernel that waits. In this process there is no connection, and
	// nobody who could be slow.
	if err := connection.SetReadDeadline(time.Now().Add(t.patience)); err != nil {
		t.next.ServeHTTP(w, req)
		return
	}
	req.Body = &timelyBody{req.Body, sync.OnceFunc(func() { _ = connection.SetReadDeadline(time.Time{}) })}
	t.next.ServeHTTP(w, req)
}

// timelyBody lifts the deadline once all has arrived: net/http reads on, to notice that the client
// leaves, and would take a deadline for that.
type timelyBody struct {
	io.ReadCloser
	arrived func()
}

// Read implements io.Reader.
func (b *timelyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.arrived()
	}
	return n, err
}
