package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// gateway is the REST API and the WebSockets of a server, as an editor of the fixture's
// namespace uses them.
type gateway struct {
	*fixture
	token string
}

// container is what of a container the tests look at.
type gatewayContainer struct {
	ID, Name, Status, ContainerID, FinishReason string
}

// gateway makes a token by the command line, as an operator does.
func (f *fixture) gateway() *gateway {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	create := exec.CommandContext(ctx, binaries.containerlease, "token", "create", "--data-dir", f.server.dir,
		"--user", "tester", "--role", "editor", "--namespace", f.namespace, "--expires", "1h")
	create.Env = cleanEnv()
	out, err := create.Output()
	f.must(err, "containerlease token create")
	return &gateway{f, strings.TrimSuffix(string(out), "\n")}
}

// do sends a request, whose answer must have this status, and decodes the answer.
func (g *gateway) do(method, path string, body any, status int, into any) {
	g.Helper()
	text, err := json.Marshal(body)
	g.must(err, "encoding the request")
	ctx, cancel := context.WithTimeout(context.Background(), eventually)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+g.server.address+path, bytes.NewReader(text))
	g.must(err, "making a request")
	request.Header.Set("Authorization", "Bearer "+g.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	g.must(err, "%s %s", method, path)
	answer := readAll(response)
	if response.StatusCode != status {
		g.Fatalf("%s %s: %s %s, want %d", method, path, response.Status, answer, status)
	}
	if into != nil {
		g.must(json.Unmarshal([]byte(answer), into), "decoding %s", answer)
	}
}

// provision leases a container that runs a shell script, and waits until it runs.
func (g *gateway) provision(name string, lines ...string) *v1alpha1.ContainerLease {
	g.Helper()
	var provisioned gatewayContainer
	g.do(http.MethodPost, "/api/provision?wait=60s&namespace="+g.namespace, map[string]any{
		"imageType": "box", "className": testClass, "durationMinutes": 5, "name": name,
		"command": []string{"sh", "-c", strings.Join(lines, "\n")},
	}, http.StatusCreated, &provisioned)
	lease := g.byName(name)
	if string(lease.UID) != provisioned.ID {
		g.Errorf("provision returned ID %q, the lease's UID is %s", provisioned.ID, lease.UID)
	}
	return lease
}

// logFrame is a frame of a log stream.
type logFrame struct {
	Timestamp                      time.Time
	Level, Message, Stream, Reason string
	Dropped                        int64
	ExitCode                       *int
}

// logSocket is a log stream at a client that nobody here wrote.
type logSocket struct {
	*testing.T
	*websocket.Conn
}

// logs opens a log stream. A receive buffer of zero is the system's default.
func (g *gateway) logs(id, query string, receiveBuffer int) *logSocket {
	g.Helper()
	dialer := websocket.Dialer{
		HandshakeTimeout: eventually,
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if tcp, ok := conn.(*net.TCPConn); ok && receiveBuffer > 0 {
				err = tcp.SetReadBuffer(receiveBuffer)
			}
			return conn, err
		},
	}
	conn, response, err := dialer.Dial("ws://"+g.server.address+"/ws/logs/"+id+query, http.Header{"Authorization": {"Bearer " + g.token}})
	if err != nil {
		answer := ""
		if response != nil {
			answer = response.Status + " " + readAll(response)
		}
		g.Fatalf("opening the log of %s: %v: %s", id, err, answer)
	}
	g.Cleanup(func() { _ = conn.Close() })
	return &logSocket{g.T, conn}
}

// frame reads the next frame.
func (s *logSocket) frame() (logFrame, error) {
	_ = s.SetReadDeadline(time.Now().Add(eventually))
	_, data, err := s.ReadMessage()
	if err != nil {
		return logFrame{}, err
	}
	var f logFrame
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("frame %q: %w", data, err)
	}
	return f, nil
}

// next reads the next frame, which there must be.
func (s *logSocket) next() logFrame {
	s.Helper()
	f, err := s.frame()
	if err != nil {
		s.Fatalf("reading a frame: %v", err)
	}
	return f
}

// until reads up to a frame with this message.
func (s *logSocket) until(message string) logFrame {
	s.Helper()
	for {
		if f := s.next(); strings.Contains(f.Message, message) {
			return f
		}
	}
}

// TestGateway takes a lease through its life by REST and a WebSocket.
func TestGateway(t *testing.T) {
	t.Parallel()
	g := newFixture(t, shared(t)).gateway()
	lease := g.provision("web", "echo hello", "echo 'level=warn msg=careful'", "echo oops >&2", `printf '\033[31mred\033[0m\n'`,
		"trap 'echo bye; exit 5' TERM", "while true; do sleep 0.1; done")
	id := string(lease.UID)

	log := g.logs(id, "", 0)
	levels := map[string]string{}
	for len(levels) < 4 {
		f := log.next()
		if f.Timestamp.IsZero() {
			t.Errorf("frame %+v has no time", f)
		}
		levels[f.Message] = f.Level + " " + f.Stream
	}
	for message, want := range map[string]string{
		"hello": "info stdout", "level=warn msg=careful": "warn stdout", "oops": "error stderr", "\x1b[31mred\x1b[0m": "info stdout",
	} {
		if levels[message] != want {
			t.Errorf("line %q came as %q, want %q", message, levels[message], want)
		}
	}

	var listed struct{ Containers []gatewayContainer }
	g.do(http.MethodGet, "/api/containers?namespace="+g.namespace, nil, http.StatusOK, &listed)
	if len(listed.Containers) != 1 || listed.Containers[0].ID != id || listed.Containers[0].Status != "Running" {
		t.Errorf("the list of containers is %+v", listed)
	}
	var one gatewayContainer
	g.do(http.MethodGet, "/api/containers/"+lease.Status.Container.ID[:12], nil, http.StatusOK, &one)
	if one.ID != id {
		t.Errorf("by its container's ID, the lease is %+v", one)
	}

	// The time is up: the last frame says so.
	g.change(lease, func(l *v1alpha1.ContainerLease) { l.Spec.TTL = "1s" })
	log.until("bye")
	end := log.next()
	if end.Stream != "system" || end.Reason != "Expired" || end.ExitCode == nil || *end.ExitCode != 5 {
		t.Errorf("the last frame is %+v, want Expired with exit code 5", end)
	}
	if _, err := log.frame(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("after the last frame: %v, want a normal close", err)
	}
	g.awaitBilled(lease, v1alpha1.FinishExpired)
	g.do(http.MethodDelete, "/api/containers/"+id, nil, http.StatusOK, nil)
}

// TestGatewayReconnects: a viewer that is cut off again and again, and goes on with the time of the last
// frame it got, loses no line and sees none twice.
func TestGatewayReconnects(t *testing.T) {
	t.Parallel()
	g := newFixture(t, shared(t)).gateway()
	const total = 30_000
	lease := g.provision("chatty", fmt.Sprintf(
		"i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; [ $((i%%3)) = 0 ] && echo e$i >&2; [ $((i%%100)) = 0 ] && usleep 20000; done; sleep 600", total))
	query := "?tail=all"
	var out, err, connections int
	for out < total {
		log := g.logs(string(lease.UID), query, 0)
		connections++
		for n := 0; n < 2500 && out < total; n++ {
			f := log.next()
			query = "?since=" + f.Timestamp.Format(time.RFC3339Nano)
			switch f.Stream {
			case "stdout":
				if out++; f.Message != fmt.Sprint(out) {
					t.Fatalf("connection %d: line %q of stdout, want %d", connections, f.Message, out)
				}
			case "stderr":
				if err += 3; f.Message != fmt.Sprintf("e%d", err) {
					t.Fatalf("connection %d: line %q of stderr, want e%d", connections, f.Message, err)
				}
			default:
				t.Fatalf("connection %d: %+v", connections, f)
			}
		}
		_ = log.Conn.Close() // without a good-bye, as a phone in a tunnel
	}
	t.Logf("%d lines of stdout and %d of stderr, in %d connections", out, err/3, connections)
}
