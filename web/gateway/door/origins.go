package door

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rs/cors"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// preflightSeconds is how long browsers may remember what they may do.
const preflightSeconds = 600

// origins are those of pages that may speak to us beside the ones we served ourselves.
type origins map[string]bool

func newOrigins(external *url.URL, allowed []string) (origins, error) {
	o := origins{}
	if external != nil {
		o[originOf(external)] = true
	}
	for _, text := range allowed {
		origin, err := ParseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("allowed-origins: %w", err)
		}
		o[origin] = true
	}
	return o, nil
}

// ParseOrigin returns an origin as browsers write it: in lower case, without the scheme's own
// port.
func ParseOrigin(text string) (string, error) {
	u, err := parseBase(text)
	if err != nil {
		return "", fmt.Errorf("%q: must be an origin, such as https://dashboard.example: %w", text, err)
	}
	return originOf(u), nil
}

// ParseExternalURL reads Config.ExternalURL; nil for none.
func ParseExternalURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := parseBase(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, fmt.Errorf("%q: must be such as https://leases.example: %w", text, err)
	}
	return u, nil
}

// parseBase reads SCHEME://HOST[:PORT].
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the scheme is http or https")
	case u.Hostname() == "" || strings.Contains(u.Host, "*"):
		return nil, errors.New("one host is named, without a wildcard")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || u.Opaque != "":
		return nil, errors.New("nothing follows the port")
	}
	return u, nil
}

// defaultPorts need not be written.
var defaultPorts = map[string]string{"http": ":80", "https": ":443"}

func originOf(u *url.URL) string { return origin(u.Scheme, u.Host) }

func origin(scheme, host string) string {
	return scheme + "://" + strings.TrimSuffix(strings.ToLower(host), defaultPorts[scheme])
}

func sameHost(a, b, scheme string) bool { return origin(scheme, a) == origin(scheme, b) }

// cors lets the pages of these origins read our answers. They bring their own credential in a
// header: the session cookie is for our own pages. Without origins nothing is added.
func (o origins) cors() func(http.Handler) http.Handler {
	if len(o) == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	return cors.New(cors.Options{
		AllowOriginFunc:  func(origin string) bool { return o[origin] },
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:   []string{"Authorization", "Content-Type", idempotencyKey, requestid.Header},
		ExposedHeaders:   []string{requestid.Header, "Retry-After", "Location", "Idempotency-Replayed"},
		AllowCredentials: false,
		MaxAge:           preflightSeconds,
	}).Handler
}

const idempotencyKey = "Idempotency-Key"

// CORS answers preflight requests, and tells browsers which pages may read the answers.
func (d *Door) CORS(next http.Handler) http.Handler { return d.cors(next) }

// newForgeryProtection refuses what a page of another origin makes a browser send. It knows by the
// headers that browsers set and pages can't; programs set none of them.
func (d *Door) newForgeryProtection() *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	for origin := range d.origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("an origin that was parsed is refused: %v", err)) // never: it is scheme://host[:port]
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := "a page of another origin"
		if origin := r.Header.Get("Origin"); origin != "" {
			from += fmt.Sprintf(" (%q)", origin)
		}
		d.refuse(w, r, problem.Forbidden.With(from+" sent this; --allowed-origins says which may"))
	}))
	return protection
}

// Forgery refuses changes that a page of another origin makes a browser ask for.
func (d *Door) Forgery(next http.Handler) http.Handler { return d.forgery.Handler(next) }

// ownOrigin says whether the page behind a request came from here, by the same scheme.
func (d *Door) ownOrigin(r *http.Request, of string) bool {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return of == origin(scheme, r.Host)
}

// Streams guards the routes of WebSockets. Browsers let pages of any origin open them, with
// our cookie, and CORS has no say: so that the Origin must be our own or an allowed one, and
// who sends none is no browser and must bring a bearer token or a ticket. It comes after
// Identify.
func (d *Door) Streams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := r.Header.Get("Origin")
		_, signedIn := caller.From(r.Context())
		switch {
		case from != "" && !d.origins[from] && !d.ownOrigin(r, from):
			d.refuse(w, r, problem.Forbidden.With(fmt.Sprintf("pages of the origin %q may not connect; --allowed-origins says which may", from)))
			return
		case from == "" && signedIn && visitOf(r).means == byCookie:
			d.refuse(w, r, problem.Forbidden.With("a session cookie alone opens no WebSocket: without an Origin header, "+
				"bring a token in the Authorization header, or a ticket of POST /api/tickets"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
