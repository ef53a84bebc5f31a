package door

import (
	"fmt"
	"net/http"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// streamRetrySeconds is what a user with too many streams is told to wait: a place is free when they end one.
const streamRetrySeconds = 10

// LimitStreams refuses a stream to a user who has too many open, so that one can't take the connections
// of all. Require must be in front. A stream lasts as long as its handler.
func (d *Door) LimitStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := caller.From(r.Context())
		if !d.streams.enter(who.User) {
			p := problem.TooManyRequests.With(fmt.Sprintf("you have %d streams open, and may have no more: end one first", d.streams.most))
			p.RetryAfter = streamRetrySeconds
			d.refuse(w, r, p)
			return
		}
		defer d.streams.leave(who.User)
		next.ServeHTTP(w, r)
	})
}
