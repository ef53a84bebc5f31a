// Package door is who may come in, and how: under which names the gateway answers, from
// which origins, with which credential, how often and how slowly. What it lets through it
// leaves to the API to decide.
//
//	hosts.go        names that requests may be addressed to
//	origins.go      pages that may speak to us: CORS, forged requests, WebSockets
//	credentials.go  header, ticket or session cookie, and who is behind it
//	session.go      /api/session
//	signin.go       the sign-in link
//	openid.go       signing in at an OpenID Connect issuer
//	tickets.go      /api/tickets
//	rate.go         requests per second
//	streams.go      streams at once
//	limits.go       bytes and seconds that a request may take
//	headers.go      what browsers are told
//	audit.go        what is written down
package door

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
)

// Defaults of Config.
const (
	DefaultRate           = 100
	DefaultBurst          = 600
	DefaultStreamsPerUser = 1000
	DefaultBodyTimeout    = 30 * time.Second
)

// Config says who may come in. Only Identities is required.
type Config struct {
	// Identities knows the credentials.
	Identities caller.Identities
	// Address is the HOST:PORT that the gateway listens on. Its host is one of our names.
	Address string
	// ExternalURL is what the gateway is reached by from elsewhere, such as through a proxy
	// that ends TLS: https://leases.example. Its host is one of our names, and pages of it are
	// our own.
	ExternalURL string
	// AllowedHosts are further names of ours: leases.example, or *.leases.example for all below.
	AllowedHosts []string
	// AllowedOrigins are the origins of other sites' pages that may speak to us, such as
	// https://dashboard.example.
	AllowedOrigins []string
	// OpenID is the issuer that people are sent to, to sign in; nil for none. It is one whose
	// tokens Identities recognises.
	OpenID *openid.Client
	// Rate is how many requests per second each user may make, and each address without a
	// good credential. Burst is how many at once.
	Rate, Burst int
	// StreamsPerUser is how many streams each user may have open at once.
	StreamsPerUser int
	// BodyTimeout is how long a request's body may take to arrive.
	BodyTimeout time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clock.PassiveClock
	// Logger receives the audit lines. Defaults to slog's.
	Logger *slog.Logger
}

// Door keeps the gateway. Its methods are middleware, handlers and routes; web/gateway
// puts them in order.
type Door struct {
	identities  caller.Identities
	hosts       hosts
	origins     origins
	external    *url.URL // nil if there is none
	cors        func(http.Handler) http.Handler
	forgery     *http.CrossOriginProtection
	openID      *openid.Client // nil if there is none
	tickets     *tickets
	users       *buckets
	addresses   *buckets
	streams     *shares
	bodyTimeout time.Duration
	clock       clock.PassiveClock
	logger      *slog.Logger
}

// New returns a door. Its error names the field that is wrong, as the flag it is set by.
func New(cfg Config) (*Door, error) {
	if cfg.Identities == nil {
		return nil, errors.New("a door needs Identities")
	}
	d := &Door{
		identities:  cfg.Identities,
		openID:      cfg.OpenID,
		bodyTimeout: cmp.Or(cfg.BodyTimeout, DefaultBodyTimeout),
		clock:       cfg.Clock,
		logger:      cfg.Logger,
	}
	if d.clock == nil {
		d.clock = clock.RealClock{}
	}
	if d.logger == nil {
		d.logger = slog.Default()
	}
	var err error
	if d.external, err = ParseExternalURL(cfg.ExternalURL); err != nil {
		return nil, fmt.Errorf("external-url: %w", err)
	}
	if d.hosts, err = newHosts(cfg.Address, d.external, cfg.AllowedHosts); err != nil {
		return nil, err
	}
	if d.origins, err = newOrigins(d.external, cfg.AllowedOrigins); err != nil {
		return nil, err
	}
	d.cors = d.origins.cors()
	d.forgery = d.newForgeryProtection()
	d.tickets = newTickets(d.clock)
	d.streams = newShares(cmp.Or(cfg.StreamsPerUser, DefaultStreamsPerUser))
	rate, burst := cmp.Or(cfg.Rate, DefaultRate), cmp.Or(cfg.Burst, DefaultBurst)
	d.users, d.addresses = newBuckets(rate, burst, d.clock), newBuckets(rate, burst, d.clock)
	return d, nil
}

// secure says whether the client reached us by HTTPS: here, or at a proxy in front.
func (d *Door) secure(r *http.Request) bool {
	return r.TLS != nil || d.external != nil && d.external.Scheme == "https" && sameHost(r.Host, d.external.Host, "https")
}
