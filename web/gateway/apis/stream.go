package apis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
	"github.com/containerlease/containerlease/web/gateway/socket"
)

const (
	// readBuffer is how much of the API's answer is read at once.
	readBuffer = 32 << 10
	// maxLine bounds a line: an object may have a MiB and a half, and is in JSON within an event.
	maxLine = 4 << 20
	// beginPatience is how long the API may take to begin its answer.
	beginPatience = 10 * time.Second
	// lastWords is how long a reader has to take what is pending when its stream ends.
	lastWords = 5 * time.Second
)

// reasons are why a stream ends that the API goes on with, as the reason of the close.
var reasons = map[error]struct {
	code   websocket.StatusCode
	reason string
}{
	socket.ErrSignedOut: {websocket.StatusPolicyViolation, "SignedOut"},
	socket.ErrStopping:  {websocket.StatusGoingAway, "Stopping"},
	socket.ErrSilent:    {websocket.StatusPolicyViolation, "Silent"},
	socket.ErrSpokenTo:  {websocket.StatusPolicyViolation, "SpokenTo"},
}

// Stream returns the handler of /ws/apis/, which expects the caller in the request's context, and that the
// Origin was checked. What the API refuses is refused before the upgrade. Then each message is one
// or more whole lines of the API's answer, and the end of that is a normal closure.
func Stream(cfg Config) http.Handler {
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = DefaultWriteTimeout
	}
	return http.HandlerFunc(cfg.stream)
}

func (cfg Config) stream(w http.ResponseWriter, r *http.Request) {
	who, ok := caller.From(r.Context())
	switch {
	case !ok:
		problem.Write(w, r, problem.Unauthenticated.With(""))
		return
	case !goesOn(r):
		problem.Write(w, r, problem.Invalid.With("only what goes on comes by a WebSocket: ask for ?watch=true or ?follow=true, "+
			"or by plain HTTP at "+strings.TrimPrefix(r.URL.Path, "/ws")))
		return
	}
	// The request's context is the server's, which knows nothing of the connection once it is upgraded.
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer end(context.Canceled)
	lines, err := cfg.open(ctx, end, r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	defer func() { _ = lines.Close() }()
	ws, conn, err := socket.Accept(w, r, cfg.WriteTimeout)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	wait := cfg.guard(who, r, ws, conn).Start(ctx, end)
	err = forward(ctx, lines, ws, conn)
	cfg.close(ctx, ws, conn, err)
	end(context.Canceled)
	wait()
}

// open begins the API's answer; what is none is an error.
func (cfg Config) open(ctx context.Context, end context.CancelCauseFunc, r *http.Request) (io.ReadCloser, error) {
	out := toAPI(ctx, r, strings.TrimPrefix(r.URL.Path, "/ws"))
	timer := time.AfterFunc(beginPatience, func() { end(context.DeadlineExceeded) })
	response, err := cfg.Streams.RoundTrip(out)
	if !timer.Stop() {
		err = errors.Join(context.DeadlineExceeded, err)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the API: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer func() { _ = response.Body.Close() }()
		return nil, statusOf(response)
	}
	return response.Body, nil
}

// statusOf is the error that an answer of the API is.
func statusOf(response *http.Response) error {
	const enough = 64 << 10
	var status metav1.Status
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err == nil {
		err = json.Unmarshal(body, &status)
	}
	if err != nil || status.Reason == "" {
		return apierrors.NewGenericServerResponse(response.StatusCode, http.MethodGet, schema.GroupResource{}, "", "", 0, true)
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// guard looks after the socket. Whether the caller may see what comes is the API's to say, at each begin.
func (cfg Config) guard(who caller.Caller, r *http.Request, ws *websocket.Conn, conn *socket.Conn) socket.Guard {
	namespace := namespaceOf(r.URL.Path)
	return socket.Guard{
		WS: ws, Conn: conn, Who: who, Identities: cfg.Identities, Stopping: cfg.Stopping, Clock: cfg.Clock,
		Logger: cfg.Logger.With("requestID", requestid.From(r.Context())),
		May: func(now caller.Identity) bool {
			// Who saw all namespaces as an admin, and is none any more, sees them no longer.
			return now.User == who.User && (namespace == "" && now.Admin == who.Admin || namespace != "" && now.Knows(namespace))
		},
	}
}

// namespaceOf is the namespace in a path of the API; "" if there is none.
func namespaceOf(path string) string {
	_, rest, ok := strings.Cut(path, "/namespaces/")
	if !ok {
		return ""
	}
	namespace, _, _ := strings.Cut(rest, "/")
	return namespace
}

// forward sends whole lines, as many in a message as there are at hand, until there are no more.
func forward(ctx context.Context, lines io.Reader, ws *websocket.Conn, conn *socket.Conn) error {
	buffer := make([]byte, readBuffer)
	end := 0
	for {
		n, err := lines.Read(buffer[end:])
		end += n
		if whole := bytes.LastIndexByte(buffer[:end], '\n') + 1; whole > 0 {
			if err := send(ctx, buffer[:whole], ws, conn); err != nil {
				return err
			}
			end = copy(buffer, buffer[whole:end])
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the API's answer: %w", err)
		case end < len(buffer):
		case end >= maxLine:
			return fmt.Errorf("reading the API's answer: a line has more than %d bytes", maxLine)
		default:
			buffer = append(buffer, make([]byte, len(buffer))...)
		}
	}
}

func send(ctx context.Context, lines []byte, ws *websocket.Conn, conn *socket.Conn) error {
	if err := conn.Room(ctx); err != nil {
		return err
	}
	// With room, nothing blocks: no deadline is needed.
	return ws.Write(context.Background(), websocket.MessageText, lines)
}

// close ends a socket, with what ended it.
func (cfg Config) close(ctx context.Context, ws *websocket.Conn, conn *socket.Conn, err error) {
	code, reason := websocket.StatusNormalClosure, ""
	if cause, ok := reasons[context.Cause(ctx)]; ok {
		code, reason = cause.code, cause.reason
	} else if err != nil {
		if ctx.Err() == nil {
			cfg.Logger.InfoContext(ctx, "a stream of the API broke off", "error", err)
		}
		code, reason = websocket.StatusInternalError, "Interrupted"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if conn.Drain(ctx) != nil {
		_ = ws.CloseNow()
		return
	}
	_ = ws.Close(code, reason)
}

// endWith ends a plain request that goes on with the server, and with the credential it was made by.
func (cfg Config) endWith(ctx context.Context, end context.CancelFunc, r *http.Request) {
	who, _ := caller.From(r.Context())
	for {
		changed := cfg.Identities.Changed() // from before the look, so that no change is missed
		if _, err := cfg.Identities.Identify(ctx, who.Credential); errors.Is(err, caller.ErrUnauthenticated) {
			end()
			return
		}
		timer := cfg.Clock.NewTimer(socket.PingInterval)
		select {
		case <-changed:
		case <-timer.C():
		case <-cfg.Stopping:
			end()
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}
