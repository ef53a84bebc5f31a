package door

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

const (
	// ticketLifetime is enough to open a WebSocket at once.
	ticketLifetime = 30 * time.Second
	// maxTickets bounds those of one user that wait to be used.
	maxTickets = 64
)

// tickets stand for a credential where none can be sent: a browser's WebSocket has no
// headers, and what is in its URL may be logged on the way. They are kept in memory alone.
type tickets struct {
	clock clock.PassiveClock

	mu     sync.Mutex
	issued map[string]ticket
}

type ticket struct {
	user, credential string
	expires          time.Time
}

func newTickets(clk clock.PassiveClock) *tickets {
	return &tickets{clock: clk, issued: map[string]ticket{}}
}

// issue makes a ticket; false if the caller has too many that wait.
func (t *tickets) issue(who caller.Caller) (string, time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, waiting := t.clock.Now(), 0
	for secret, one := range t.issued {
		switch {
		case !now.Before(one.expires):
			delete(t.issued, secret)
		case one.user == who.User:
			waiting++
		}
	}
	if waiting >= maxTickets {
		return "", time.Time{}, false
	}
	secret, expires := rand.Text(), now.Add(ticketLifetime)
	t.issued[secret] = ticket{who.User, who.Credential, expires}
	return secret, expires, true
}

// redeem returns the credential that a ticket stands for, and uses it up; "" if it is none.
func (t *tickets) redeem(secret string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, ok := t.issued[secret]
	delete(t.issued, secret)
	if !ok || !t.clock.Now().Before(one.expires) {
		return ""
	}
	return one.credential
}

// ticketAnswer is the Ticket of the API's document.
type ticketAnswer struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// createTicket is POST /api/tickets.
func (d *Door) createTicket(w http.ResponseWriter, r *http.Request) {
	who, ok := caller.From(r.Context())
	if !ok {
		d.refuse(w, r, d.unauthenticated(w, r))
		return
	}
	secret, expires, ok := d.tickets.issue(who)
	if !ok {
		d.refuse(w, r, tooMany(ticketLifetime))
		return
	}
	d.audit(r, "ticket", http.StatusCreated, "")
	answer(w, r, http.StatusCreated, ticketAnswer{secret, expires.UTC()})
}
