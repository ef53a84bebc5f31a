package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/coder/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/socket"
)

const (
	// inLimit is how much of the API's stream is read at once.
	inLimit = 16 << 10
	// maxRecord is how long a record may be. The API cuts lines far below that.
	maxRecord = 1 << 20
	// minPause and maxPause bound how long to wait before the log is opened again.
	minPause = 250 * time.Millisecond
	maxPause = 5 * time.Second
	// lastWords is how long a viewer has to take the last frames; curtWords if it is to go at once.
	lastWords = 10 * time.Second
	curtWords = time.Second
)

// viewer is a WebSocket on the log of one lease.
type viewer struct {
	*Handler
	ws     *websocket.Conn
	conn   *socket.Conn
	who    caller.Caller
	key    client.ObjectKey
	uid    types.UID
	query  query
	logger *slog.Logger

	// last is the lease as it was seen last.
	last *v1alpha1.ContainerLease
	// position is the timestamp of the last line, or where the viewer wanted to begin: all
	// before it is sent. began says that it is that of a line.
	position []byte
	began    bool
	// readTo is the run of the container whose log has been read to its end.
	readTo time.Time
	// told is the last thing the viewer was told of the lease, so that it isn't told twice.
	told string
	// retry is how long to wait before the log is opened again.
	retry time.Duration

	frame    []byte
	unescape unescaper
}

func newViewer(h *Handler, ws *websocket.Conn, conn *socket.Conn, who caller.Caller, lease *v1alpha1.ContainerLease, q query, logger *slog.Logger) *viewer {
	from := q.after
	switch {
	case !from.IsZero():
	case q.tail != nil && *q.tail == 0:
		from = h.Clock.Now()
	default:
		from = lease.CreationTimestamp.Time
	}
	return &viewer{
		Handler: h, ws: ws, conn: conn, who: who, key: client.ObjectKeyFromObject(lease), uid: lease.UID, query: q, logger: logger,
		last: lease, position: appendTime(nil, from), retry: minPause,
	}
}

// serve lives the viewer's life. It returns when the connection is closed, and leaves nothing running.
func (v *viewer) serve(ctx context.Context) {
	ctx, end := context.WithCancelCause(ctx)
	wait := socket.Guard{
		WS: v.ws, Conn: v.conn, Who: v.who, Identities: v.Identities, Stopping: v.Stopping, Clock: v.Clock, Logger: v.logger,
		May: func(who caller.Identity) bool { return who.Knows(v.key.Namespace) },
	}.Start(ctx, end)
	e := v.follow(ctx)
	if cause, ok := endedBy[context.Cause(ctx)]; ok {
		e = cause // whatever else failed, failed for this
	}
	if e != nil {
		v.farewell(context.WithoutCancel(ctx), e)
	} else {
		_ = v.ws.CloseNow()
	}
	end(context.Canceled)
	wait()
}

// farewell sends the last frame and closes.
func (v *viewer) farewell(ctx context.Context, e *ending) {
	patience := lastWords
	if e.code != websocket.StatusNormalClosure {
		patience = curtWords
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if v.say(ctx, e.note) != nil || v.conn.Drain(ctx) != nil {
		_ = v.ws.CloseNow()
		return
	}
	_ = v.ws.Close(e.code, e.reason)
}

// follow shows the log until there is no more to come, and returns why; nil if the peer is gone.
// Each turn looks at the lease and does what is to be done as it is.
func (v *viewer) follow(ctx context.Context) *ending {
	for ctx.Err() == nil {
		lease, err := v.look(ctx)
		switch {
		case err == nil && lease == nil:
			return endOfGone(v.last)
		case err == nil:
			v.last = lease
			var over *ending
			if over, err = v.turn(ctx, lease); over != nil {
				return over
			}
		}
		if err != nil {
			if e := v.trouble(ctx, err); e != nil {
				return e
			}
		}
	}
	return nil
}

// turn does what is to be done for a lease, and waits for it to change. It returns the ending, if the
// lease is over.
func (v *viewer) turn(ctx context.Context, lease *v1alpha1.ContainerLease) (*ending, error) {
	over := lease.Status.FinishReason != ""
	switch phase := lease.Status.Phase; {
	case over || phase == v1alpha1.LeaseSuspended:
		if hasContainer(lease) && !v.readTo.Equal(runOf(lease)) {
			if err := v.stream(ctx, lease); err != nil {
				return nil, err
			}
		}
		if over {
			return endOf(lease), nil
		}
		if err := v.tell(ctx, levelInfo, "the container is suspended; its log goes on when it is resumed"); err != nil {
			return nil, err
		}
		v.await(ctx, lease, 0)
	case phase == v1alpha1.LeaseRunning || phase == v1alpha1.LeaseTerminating:
		if err := v.stream(ctx, lease); err != nil {
			return nil, err
		}
		// The container has ended. Why, the lease will say; or it is running again already.
		v.await(ctx, lease, v.backOff())
	default:
		waiting := "waiting for the container"
		if why := conditionMessage(lease, v1alpha1.ConditionProvisioned); why != "" {
			waiting += ": " + why
		}
		if err := v.tell(ctx, levelInfo, waiting); err != nil {
			return nil, err
		}
		v.await(ctx, lease, 0)
	}
	return nil, nil
}

// trouble deals with an error: it returns the ending if it is one, else it waits before the next try.
func (v *viewer) trouble(ctx context.Context, err error) *ending {
	switch {
	case ctx.Err() != nil:
		return nil
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || errors.Is(err, caller.ErrUnauthenticated):
		return endedSignedOut
	}
	v.logger.InfoContext(ctx, "a log stream is interrupted", "error", err)
	if v.tell(ctx, levelWarn, "the log can't be read at the moment; trying again") != nil {
		return nil // the connection has ended, and ctx will
	}
	v.pause(ctx, v.backOff())
	return nil
}

// backOff is how long to wait this time.
func (v *viewer) backOff() time.Duration {
	d := v.retry
	v.retry = min(2*d, maxPause)
	return d
}

// stream sends the log from where the viewer is until it ends, which is no error; nor is that there
// is none. A connection that ended is one.
func (v *viewer) stream(ctx context.Context, lease *v1alpha1.ContainerLease) error {
	log, done, err := v.open(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		err = nil // The container is gone, or not there yet. The lease will say which.
	} else if err == nil {
		err = v.copy(ctx, log)
		done()
	}
	if err == nil {
		v.readTo = runOf(lease)
	}
	return err
}

// copy sends records until the log ends.
func (v *viewer) copy(ctx context.Context, log io.Reader) error {
	buffer := make([]byte, inLimit)
	start, end := 0, 0
	for {
		n, err := log.Read(buffer[end:])
		end += n
		v.conn.Hold()
		for {
			length := bytes.IndexByte(buffer[start:end], '\n')
			if length < 0 {
				break
			}
			if err := v.forward(ctx, buffer[start:start+length]); err != nil {
				v.conn.Release()
				return err
			}
			start += length + 1
		}
		v.conn.Release()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the log: %w", err)
		}
		start, end = 0, copy(buffer, buffer[start:end])
		if end == len(buffer) {
			if end >= maxRecord {
				return fmt.Errorf("reading the log: a record has more than %d bytes", maxRecord)
			}
			buffer = append(buffer, make([]byte, len(buffer))...)
		}
	}
}

// forward sends the frame of a record.
func (v *viewer) forward(ctx context.Context, line []byte) error {
	r, err := parseRecord(line)
	if err != nil {
		return err
	}
	v.told, v.retry = "", minPause
	if r.dropped > 0 {
		return v.say(ctx, note{level: levelWarn, dropped: r.dropped, message: fmt.Sprintf("dropped %d lines", r.dropped)})
	}
	v.frame = appendFrame(v.frame[:0], r, levelOf(v.unescape.beginning(r.text), r.stderr))
	v.position, v.began = append(v.position[:0], r.timestamp...), true
	return v.send(ctx)
}

// tell says how the lease is, once.
func (v *viewer) tell(ctx context.Context, level level, message string) error {
	if v.told == message {
		return nil
	}
	v.told = message
	return v.say(ctx, note{level: level, message: message})
}

// say sends a note.
func (v *viewer) say(ctx context.Context, n note) error {
	v.frame = appendNote(v.frame[:0], v.position, n)
	return v.send(ctx)
}

// send sends what is in frame, as soon as there is room for it.
func (v *viewer) send(ctx context.Context) error {
	if err := v.conn.Room(ctx); err != nil {
		return err
	}
	// With room, nothing blocks: no deadline is needed.
	return v.ws.Write(context.Background(), websocket.MessageText, v.frame)
}

func hasContainer(lease *v1alpha1.ContainerLease) bool {
	return lease.Status.Container != nil && lease.Status.Container.ID != ""
}

// runOf tells the runs of a lease's container apart: when the last one began. A change of its
// size counts as another, which does no harm.
func runOf(lease *v1alpha1.ContainerLease) time.Time {
	if n := len(lease.Status.Segments); n > 0 {
		return lease.Status.Segments[n-1].StartedAt.Time
	}
	return time.Time{}
}
