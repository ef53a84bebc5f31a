package socket

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

const (
	// PingInterval is how often a peer is pinged, and how often its caller's right is looked at, even
	// if nothing is said to have changed.
	PingInterval = 15 * time.Second
	// maxUnanswered is how many pings in a row may go unanswered by a peer that takes nothing
	// else, either.
	maxUnanswered = 4
	// identifyPatience bounds how long it may take to find out whether a caller is still who they were.
	identifyPatience = 10 * time.Second
)

// What ends a socket from outside.
var (
	// ErrSignedOut: the credential has expired or was revoked, or the role was taken away.
	ErrSignedOut = errors.New("the credential has ended, or the role was taken away")
	// ErrStopping: the server is about to stop.
	ErrStopping = errors.New("the server stops")
	// ErrSilent: the peer neither took anything nor answered.
	ErrSilent = errors.New("no answer to the last pings")
	// ErrSpokenTo: the peer sent a message.
	ErrSpokenTo = errors.New("this stream takes no messages")
)

// Guard looks after a socket that is written to for as long as it goes on.
type Guard struct {
	WS   *websocket.Conn
	Conn *Conn
	// Who is whom the socket is for, and May says whether somebody who is that may see what comes by it.
	Who caller.Caller
	May func(caller.Identity) bool
	// Identities are asked whether the caller still is who they were.
	Identities caller.Identities
	// Stopping is closed when the server is about to stop.
	Stopping <-chan struct{}
	Clock    clock.WithTicker
	Logger   *slog.Logger
}

// Start watches until ctx ends. It calls end with one of the errors above, or with context.Canceled if the
// peer is gone. The function it returns waits until nothing runs any more: call it when ctx
// has ended and the connection is closed.
func (g Guard) Start(ctx context.Context, end context.CancelCauseFunc) (wait func()) {
	var watching sync.WaitGroup
	watching.Go(func() { g.listen(context.WithoutCancel(ctx), end) })
	watching.Go(func() { g.watch(ctx, end) })
	watching.Go(func() { g.heartbeat(ctx, end) })
	return watching.Wait
}

// listen reads pongs and the close, and ends the socket if its peer is gone or says anything, since it has
// nothing to say. ctx must outlive the socket's, whose last frames need the connection: its end
// would close it.
func (g Guard) listen(ctx context.Context, end context.CancelCauseFunc) {
	// Unlike Conn.CloseRead, which waits for itself for 15 seconds if there is a message.
	if _, _, err := g.WS.Reader(ctx); err == nil {
		end(ErrSpokenTo)
		return
	}
	end(context.Canceled)
}

// watch ends the socket when the caller may no longer see what comes by it, or the server is about to
// stop. It returns when ctx ends.
func (g Guard) watch(ctx context.Context, end context.CancelCauseFunc) {
	ticker := g.Clock.NewTicker(PingInterval)
	defer ticker.Stop()
	for {
		changed := g.Identities.Changed() // from before the look, so that no change is missed
		identity, err := g.identify(ctx)
		switch {
		case errors.Is(err, caller.ErrUnauthenticated), err == nil && !g.May(identity):
			end(ErrSignedOut)
			return
		case err != nil && ctx.Err() == nil:
			// Nobody can say. The API decides about each stream that is opened anew.
			g.Logger.WarnContext(ctx, "can't tell whether a viewer may stay", "user", g.Who.User, "error", err)
		}
		if !g.wait(ctx, end, changed, ticker.C(), identity.Expires) {
			return
		}
	}
}

// wait blocks until the caller's right is to be looked at again; it is false if the socket ends.
func (g Guard) wait(ctx context.Context, end context.CancelCauseFunc, changed <-chan struct{}, tick <-chan time.Time, expires time.Time) bool {
	var expired <-chan time.Time
	if !expires.IsZero() {
		timer := g.Clock.NewTimer(max(expires.Sub(g.Clock.Now()), time.Millisecond))
		defer timer.Stop()
		expired = timer.C()
	}
	select {
	case <-changed:
	case <-tick:
	case <-expired:
	case <-g.Stopping:
		end(ErrStopping)
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

func (g Guard) identify(ctx context.Context) (caller.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, identifyPatience)
	defer cancel()
	return g.Identities.Identify(ctx, g.Who.Credential)
}

// heartbeat pings the peer, and ends the socket if it neither answers nor takes what waits for it. It
// returns when ctx ends.
func (g Guard) heartbeat(ctx context.Context, end context.CancelCauseFunc) {
	ticker := g.Clock.NewTicker(PingInterval)
	defer ticker.Stop()
	// One ping at a time: the pong of a slow reader comes behind all the frames before it, however long that
	// takes, and a connection loses nothing.
	ponged := g.ping(ctx)
	var due <-chan struct{} // ponged, once it is time for another ping
	unanswered, alive := 0, g.Conn.Signs()
	for {
		select {
		case <-ticker.C():
			due = ponged
			signs := g.Conn.Signs()
			if signs > alive {
				unanswered = 0
			} else if unanswered++; unanswered == maxUnanswered {
				end(ErrSilent)
				<-ponged // the connection is about to end
				return
			}
			alive = signs
		case <-due:
			ponged, due = g.ping(ctx), nil
		case <-ctx.Done():
			<-ponged // or the end of the connection
			return
		}
	}
}

// ping pings the peer. The channel is closed when it has answered or is gone. The end of ctx must not end the
// ping: the library closes the connection then, last frames or not.
func (g Guard) ping(ctx context.Context) (ponged <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.WS.Ping(context.WithoutCancel(ctx)) // signs tell more: whoever takes frames is alive as well
	}()
	return done
}
