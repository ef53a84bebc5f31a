package inprocess

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// defaultWindow is how much of a response may wait for its reader before the handler has to.
const defaultWindow = 256 << 10

// response is the handler's http.ResponseWriter and the client's body, with a bounded
// buffer between them.
type response struct {
	cancel context.CancelFunc
	header http.Header
	window int

	mu      sync.Mutex
	changed sync.Cond
	status  int         // 0 until the response has begun
	sent    http.Header // the header as it was then
	waiting []byte      // what has been written but not read; no larger than the window
	read    int         // how much of waiting has been read
	err     error       // set once nothing more will be written
	left    bool        // the client has closed the body, and nothing was written since
}

func newResponse(cancel context.CancelFunc, window int) *response {
	r := &response{cancel: cancel, header: http.Header{}, window: window}
	r.changed.L = &r.mu
	return r
}

// await blocks until the response has begun or has failed.
func (r *response) await(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.status == 0 && r.err == nil {
		r.changed.Wait()
	}
	if r.status == 0 {
		return nil, r.err
	}
	length := int64(-1)
	if n, err := strconv.ParseInt(r.sent.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	return &http.Response{
		Status:     strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode: r.status,
		Proto:      "HTTP/2.0", ProtoMajor: 2,
		Header:        r.sent,
		Body:          r,
		ContentLength: length,
		Request:       req,
	}, nil
}

// Header implements http.ResponseWriter.
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter. Informational responses are dropped.
func (r *response) WriteHeader(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if status >= http.StatusOK {
		r.begin(status)
	}
}

func (r *response) begin(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	r.sent = r.header.Clone()
	r.changed.Broadcast()
}

// Write implements http.ResponseWriter. It blocks while the window is full, and fails once nobody reads
// any more. As on a network, the first write to a client that just left goes through, into the void: a
// handler that is about to notice the end of its context has no error to report.
func (r *response) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(http.StatusOK)
	written := 0
	for len(p) > 0 {
		for len(r.waiting)-r.read >= r.window && r.err == nil {
			r.changed.Wait()
		}
		if r.left {
			r.left = false
			return written + len(p), nil
		}
		if r.err != nil {
			return written, r.err
		}
		n := r.put(p)
		p, written = p[n:], written+n
		r.changed.Broadcast()
	}
	return written, nil
}

// put adds what there is room for. What has been read makes room.
func (r *response) put(p []byte) int {
	p = p[:min(len(p), r.window-(len(r.waiting)-r.read))]
	if r.read > 0 && len(r.waiting)+len(p) > cap(r.waiting) {
		r.waiting = r.waiting[:copy(r.waiting, r.waiting[r.read:])]
		r.read = 0
	}
	if size := len(r.waiting) + len(p); size > cap(r.waiting) {
		// Doubling, but not beyond the window: many streams have slow readers.
		grown := make([]byte, len(r.waiting), min(max(size, 2*cap(r.waiting)), r.window))
		copy(grown, r.waiting)
		r.waiting = grown
	}
	r.waiting = append(r.waiting, p...)
	return len(p)
}

// Flush implements http.Flusher. What is written can be read at once, so that it only
// begins the response.
func (r *response) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(http.StatusOK)
}

// CloseNotify implements http.CloseNotifier, which k8s.io/apiserver takes as the sign of
// a writer that can flush. The channel stays silent: the request's context says when
// the client is gone.
func (*response) CloseNotify() <-chan bool { return nil }

// Read implements io.Reader. What was written before a regular end can be read; a
// failure discards it.
func (r *response) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) == r.read && r.err == nil {
		r.changed.Wait()
	}
	if r.err != nil && (!errors.Is(r.err, io.EOF) || len(r.waiting) == r.read) {
		return 0, r.err
	}
	n := copy(p, r.waiting[r.read:])
	if r.read += n; r.read == len(r.waiting) {
		r.waiting, r.read = r.waiting[:0], 0
	}
	r.changed.Broadcast()
	return n, nil
}

// Close implements io.Closer: the client wants no more.
func (r *response) Close() error {
	r.mu.Lock()
	r.left = r.err == nil
	r.mu.Unlock()
	r.fail(http.ErrBodyReadAfterClose)
	r.cancel()
	return nil
}

// end is called when the handler has returned.
func (r *response) end(err error) {
	if err == nil {
		r.WriteHeader(http.StatusOK)
		err = io.EOF
	}
	r.fail(err)
}

// fail ends the response. The first reason stays.
func (r *response) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
		r.changed.Broadcast()
	}
}
