package socket

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// ReadLimit is how long a message of a peer may be. None is expected at all.
const ReadLimit = 512

// Accept upgrades a request, or says why it can't be: then its error is a problem. timeout is how long
// the peer may take nothing of what is written to it. That the Origin is a good one was checked.
func Accept(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*websocket.Conn, *Conn, error) {
	h := &hijacker{ResponseWriter: w, timeout: timeout}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		// It knows only of hosts. The door has checked the Origin, scheme and all.
		InsecureSkipVerify: true,
		// Lines are short, and a compressor for each viewer is a lot of memory.
		CompressionMode: websocket.CompressionDisabled,
		OnPongReceived:  h.answered,
	})
	switch {
	case err == nil:
		ws.SetReadLimit(ReadLimit)
		return ws, h.conn, nil
	case h.refusal.status == http.StatusUpgradeRequired:
		return nil, nil, problem.UpgradeRequired.With("this path is a WebSocket: connect to it by ws:// or wss://")
	case h.refusal.status == http.StatusBadRequest || h.refusal.status == http.StatusMethodNotAllowed:
		return nil, nil, problem.BadRequest.With(strings.TrimSpace(string(h.refusal.text)))
	case h.conn != nil:
		_ = h.conn.Close() // no answer can be given on it any more
		return nil, nil, http.ErrAbortHandler
	default:
		return nil, nil, errors.Join(errors.New("taking the connection over"), err)
	}
}

// hijacker hands a Conn to the WebSocket library, in place of the server's connection, and keeps its
// words to itself when it refuses a handshake.
type hijacker struct {
	http.ResponseWriter
	timeout time.Duration
	conn    *Conn
	refusal struct {
		status int
		text   []byte
	}
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = newConn(c, h.timeout)
	buffers.Writer.Reset(h.conn)
	return h.conn, buffers, nil
}

// answered is called at each pong.
func (h *hijacker) answered(context.Context, []byte) { h.conn.alive.Add(1) }

// WriteHeader implements http.ResponseWriter.
func (h *hijacker) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
		return
	}
	h.refusal.status = status
}

// Write implements http.ResponseWriter.
func (h *hijacker) Write(p []byte) (int, error) {
	h.refusal.text = append(h.refusal.text, p...)
	return len(p), nil
}
