package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"

	"github.com/gorilla/websocket"
)

// gatewayStream follows a log by the gateway's WebSocket.
type gatewayStream struct{ address, token string }

// newGatewayStream makes a token, as an operator does.
func newGatewayStream(ctx context.Context, b *bench, s *server) (*gatewayStream, error) {
	token, err := exec.CommandContext(ctx, b.server, "token", "create", "--data-dir", s.dataDir, "--user", "bench", "--role", "admin").Output()
	if err != nil {
		return nil, fmt.Errorf("making a token: %w", err)
	}
	return &gatewayStream{s.gateway, strings.TrimSpace(string(token))}, nil
}

func (g *gatewayStream) follow(ctx context.Context, _, containerID string) (io.ReadCloser, error) {
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+g.address+"/ws/logs/"+containerID+"?tail=0",
		http.Header{"Authorization": {"Bearer " + g.token}})
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w (%s)", err, response.Status)
		}
		return nil, fmt.Errorf("opening the WebSocket: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &frameLines{conn: conn, stop: stop, frame: strings.NewReader("")}, nil
}

// frameLines is a line for each frame.
type frameLines struct {
	conn  *websocket.Conn
	stop  func() bool
	frame io.Reader
	begun bool // a frame has been read, whose line end is due
}

// Read implements io.Reader.
func (f *frameLines) Read(p []byte) (int, error) {
	n, err := f.frame.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	if f.begun {
		f.frame, f.begun = bytes.NewReader([]byte{'\n'}), false
		return 0, nil
	}
	if _, f.frame, err = f.conn.NextReader(); err != nil {
		return 0, err
	}
	f.begun = true
	return 0, nil
}

// Close implements io.Closer.
func (f *frameLines) Close() error {
	f.stop()
	return f.conn.Close()
}
