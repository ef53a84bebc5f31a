package door

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// streamPrefix begins the paths of WebSockets, which alone take tickets.
	streamPrefix = "/ws/"
	// ticketParameter is where a ticket is in the URL of a WebSocket.
	ticketParameter = "ticket"
	// identifyPatience bounds finding out who somebody is: an OIDC issuer may be asked for its keys.
	identifyPatience = 10 * time.Second
)

// means is how a credential came.
type means int

const (
	byNothing means = iota
	byHeader
	byTicket
	byCookie
)

// Visit is what becomes known of a request on its way in, for whoever sees it from outside.
type Visit struct {
	// User is who makes the request; "" for nobody.
	User string

	means means
	// audited says whether a line tells of the visit already: ours, or the API's.
	audited atomic.Bool
}

type visitKey struct{}

// NewVisit returns a context in which Identify writes down what it learns.
func NewVisit(ctx context.Context) (context.Context, *Visit) {
	v := &Visit{}
	return context.WithValue(ctx, visitKey{}, v), v
}

func visitOf(r *http.Request) *Visit {
	if v, ok := r.Context().Value(visitKey{}).(*Visit); ok {
		return v
	}
	return &Visit{}
}

// credential returns what a request identifies itself by. A header wins over a ticket, and a
// ticket over the cookie: what was sent on purpose over what is always sent. Nowhere else is
// a credential looked for, and never in a URL but for tickets, which are good once. Reading a
// ticket uses it up.
func (d *Door) credential(r *http.Request) (string, means) {
	if credential, ok := bearer(r); ok {
		return credential, byHeader
	}
	if ticket := r.URL.Query().Get(ticketParameter); ticket != "" && strings.HasPrefix(r.URL.Path, streamPrefix) {
		return d.tickets.redeem(ticket), byTicket
	}
	if cookie, err := r.Cookie(d.cookieName(r)); err == nil {
		return cookie.Value, byCookie
	}
	return "", byNothing
}

// bearer returns the token in the Authorization header. Other schemes are none of ours: a
// proxy in front may have its own.
func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// Identify finds out who makes a request, and charges it to them; to their address if that is
// nobody. It refuses only what comes too often: who may come in without a credential is for
// the routes to say, by Require.
func (d *Door) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credential, by := d.credential(r)
		who, err := d.identify(r.Context(), credential, by)
		if err != nil && !errors.Is(err, caller.ErrUnauthenticated) {
			problem.Write(w, r, err)
			return
		}
		visit := visitOf(r)
		visit.means = by
		bucket, key := d.addresses, addressKey(r)
		if err == nil {
			visit.User = who.User
			bucket, key = d.users, who.User
		}
		if wait := bucket.take(key); wait > 0 {
			d.refuse(w, r, tooMany(wait))
			return
		}
		if err == nil {
			r = r.WithContext(caller.Into(r.Context(), caller.Caller{
				Identity: who, Credential: credential, Address: ClientAddress(r),
			}))
		}
		next.ServeHTTP(w, r)
	})
}

func (d *Door) identify(ctx context.Context, credential string, by means) (caller.Identity, error) {
	if by == byNothing || credential == "" {
		return caller.Identity{}, caller.ErrUnauthenticated
	}
	ctx, cancel := context.WithTimeout(ctx, identifyPatience)
	defer cancel()
	return d.identities.Identify(ctx, credential)
}

// Require refuses who is not signed in.
func (d *Door) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := caller.From(r.Context()); !ok {
			d.refuse(w, r, d.unauthenticated(w, r))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unauthenticated says what is missing, and takes a cookie back that is good for nothing.
func (d *Door) unauthenticated(w http.ResponseWriter, r *http.Request) *problem.Problem {
	switch visitOf(r).means {
	case byHeader:
		return problem.Unauthenticated.With("the token is not, or no longer, valid")
	case byTicket:
		return problem.Unauthenticated.With("the ticket is not, or no longer, valid: it is good once, and soon; POST /api/tickets makes another")
	case byCookie:
		d.clearCookie(w, r)
		return problem.Unauthenticated.With("the session has ended: sign in again")
	default:
		return problem.Unauthenticated.With("bring a token in the Authorization header, as \"Bearer TOKEN\", or sign in")
	}
}

// forwardingHeaders are those by which proxies tell whom they speak for.
var forwardingHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"}

// RequireUnlessLocal is Require for whoever is not on this machine. What a proxy on it passes
// on comes from elsewhere.
func (d *Door) RequireUnlessLocal(next http.Handler) http.Handler {
	required := d.Require(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, err := netip.ParseAddr(ClientAddress(r))
		local := err == nil && address.Unmap().IsLoopback()
		for _, name := range forwardingHeaders {
			local = local && r.Header.Get(name) == ""
		}
		if local {
			next.ServeHTTP(w, r)
			return
		}
		required.ServeHTTP(w, r)
	})
}
