package logs

import (
	"context"
	"errors"
	"time"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

const (
	// pingInterval is how often a viewer is pinged, and how often its caller's right is looked at, even
	// if nothing is said to have changed.
	pingInterval = 15 * time.Second
	// maxUnanswered is how many pings in a row may go unanswered by a viewer that takes nothing
	// else, either.
	maxUnanswered = 4
)

// listen reads pongs and the close, and ends the viewer if its peer is gone or says anything, since it has
// nothing to say. ctx must outlive the viewer's, whose last frames need the connection: its end
// would close it.
func (v *viewer) listen(ctx context.Context, end context.CancelCauseFunc) {
	// Unlike Conn.CloseRead, which waits for itself for 15 seconds if there is a message.
	if _, _, err := v.ws.Reader(ctx); err == nil {
		end(endedSpokenTo)
		return
	}
	end(context.Canceled)
}

// guard ends the viewer when the caller may no longer see the log, or the server is about to
// stop. It returns when ctx ends.
func (v *viewer) guard(ctx context.Context, end context.CancelCauseFunc) {
	ticker := v.Clock.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		changed := v.Identities.Changed() // from before the look, so that no change is missed
		identity, err := v.identify(ctx)
		switch {
		case errors.Is(err, caller.ErrUnauthenticated), err == nil && !identity.Knows(v.key.Namespace):
			end(endedSignedOut)
			return
		case err != nil && ctx.Err() == nil:
			// Nobody can say. The API decides about each stream that is opened anew.
			v.logger.WarnContext(ctx, "can't tell whether a viewer may stay", "user", v.who.User, "error", err)
		}
		if !v.wait(ctx, end, changed, ticker.C(), identity.Expires) {
			return
		}
	}
}

// wait blocks until the caller's right is to be looked at again; it is false if the viewer ends.
func (v *viewer) wait(ctx context.Context, end context.CancelCauseFunc, changed <-chan struct{}, tick <-chan time.Time, expires time.Time) bool {
	var expired <-chan time.Time
	if !expires.IsZero() {
		timer := v.Clock.NewTimer(max(expires.Sub(v.Clock.Now()), time.Millisecond))
		defer timer.Stop()
		expired = timer.C()
	}
	select {
	case <-changed:
	case <-tick:
	case <-expired:
	case <-v.Stopping:
		end(endedStopping)
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

func (v *viewer) identify(ctx context.Context) (caller.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, apiPatience)
	defer cancel()
	return v.Identities.Identify(ctx, v.who.Credential)
}

// heartbeat pings the viewer, and ends it if it neither answers nor takes what waits for it. It
// returns when ctx ends.
func (v *viewer) heartbeat(ctx context.Context, end context.CancelCauseFunc) {
	ticker := v.Clock.NewTicker(pingInterval)
	defer ticker.Stop()
	unanswered := 0
	for {
		alive := v.conn.signs()
		ponged := make(chan struct{})
		// The pong of a slow reader comes behind all the frames before it, however long that takes. The end of
		// ctx must not end the ping: the library closes the connection then, last frames or not.
		pinging, cancel := context.WithCancel(context.WithoutCancel(ctx))
		go func() {
			defer close(ponged)
			_ = v.ws.Ping(pinging) // signs tell more: whoever takes frames is alive as well
		}()
		select {
		case <-ticker.C():
			cancel()
			<-ponged
		case <-ctx.Done():
			<-ponged // or the end of the connection
			cancel()
			return
		}
		if v.conn.signs() > alive {
			unanswered = 0
		} else if unanswered++; unanswered == maxUnanswered {
			end(endedSilent)
			return
		}
	}
}
