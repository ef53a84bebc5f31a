package gateway

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// response is the http.ResponseWriter that handlers get: it knows what was answered, and gives a
// client that takes nothing only so long. A stream that takes the connection over sets its
// own deadlines.
type response struct {
	http.ResponseWriter
	connection *http.ResponseController
	// patience is how long the client may take to take what is written.
	patience time.Duration

	status int
	bytes  int64
	conn   *countedConn // once the connection was taken over
}

func newResponse(w http.ResponseWriter, patience time.Duration) *response {
	r := &response{ResponseWriter: w, connection: http.NewResponseController(w), patience: patience}
	// The server's own, which ends a handler that has nothing to say yet, is for what never
	// gets here.
	r.deadline(false)
	return r
}

// deadline sets the one for writes, or lifts it.
func (r *response) deadline(set bool) {
	var at time.Time
	if set {
		// The real time: it is the kernel that waits.
		at = time.Now().Add(r.patience)
	}
	_ = r.connection.SetWriteDeadline(at) // a writer without deadlines, as tests have it, is never slow
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Began says whether a part of the answer may be on its way, so that there can be no other. It is for
// problem.Write.
func (r *response) Began() bool { return r.status != 0 }

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.deadline(true)
	defer r.deadline(false)
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// FlushError is for http.ResponseController.
func (r *response) FlushError() error {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.deadline(true)
	defer r.deadline(false)
	return r.connection.Flush()
}

// Flush implements http.Flusher.
func (r *response) Flush() { _ = r.FlushError() }

// Hijack implements http.Hijacker. The deadlines are the taker's business from then on.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := r.connection.Hijack()
	if err != nil {
		return nil, nil, err
	}
	r.conn = &countedConn{Conn: conn}
	buffers.Writer.Reset(r.conn)
	return r.conn, buffers, nil
}

// end is called when the handler has returned, or panicked: what the server still has in its
// buffer may take as long as any write.
func (r *response) end() {
	if r.conn == nil {
		r.deadline(true)
	}
}

// outcome is the status and the bytes of the answer, for the log.
func (r *response) outcome() (status int, bytes int64) {
	if r.conn != nil {
		return http.StatusSwitchingProtocols, r.conn.written.Load()
	}
	if r.status == 0 {
		return http.StatusOK, 0 // a handler that never wrote has sent an empty 200
	}
	return r.status, r.bytes
}

// countedConn counts what is written to a connection that was taken over.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

// NetConn returns the connection underneath, as that of tls.Conn does, to set options of.
func (c *countedConn) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn.
func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}
