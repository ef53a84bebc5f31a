package door

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// streamRetrySeconds is what a user with too many streams is told to wait: a place is free when they end one.
const streamRetrySeconds = 10

// streams counts the streams that each user has open.
type streams struct {
	most   int
	mu     sync.Mutex
	byUser map[string]int
}

func newStreams(most int) *streams { return &streams{most: most, byUser: map[string]int{}} }

// enter takes one of the user's places, if there is one. Who has entered must leave.
func (s *streams) enter(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUser[user] >= s.most {
		return false
	}
	s.byUser[user]++
	return true
}

func (s *streams) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUser[user]--; s.byUser[user] == 0 {
		delete(s.byUser, user)
	}
}

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
