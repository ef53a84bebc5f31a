// Package openid has people sign in at an OpenID Connect issuer, by its authorization code
// flow with PKCE: it says where to send a browser, and trades the code that the browser comes
// back with for an ID token. Who that makes somebody here is for others to say.
package openid

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"
)

// DefaultPatience is how long the issuer may take to answer.
const DefaultPatience = 10 * time.Second

// wellKnown ends the URL of every discovery document.
const wellKnown = "/.well-known/openid-configuration"

// DefaultScopes ask for whatever the claims of a user are commonly made from. There is no common
// one for groups: issuers that have such a scope refuse others' names for it.
var DefaultScopes = []string{oidc.ScopeOpenID, "profile", "email"}

// Config says which issuer, and who we are there. Issuer and ClientID are required.
type Config struct {
	// Issuer is its URL, exactly as ID tokens have it.
	Issuer string
	// DiscoveryURL is where its discovery document is, for an issuer that is reached elsewhere
	// than by its name. It ends in /.well-known/openid-configuration.
	DiscoveryURL string
	// CertificateAuthority, in PEM, is what its certificate is checked by. Defaults to the
	// system's.
	CertificateAuthority string
	// ClientID is what the issuer knows this server as, and ClientSecret what proves it; "" for a
	// public client, which PKCE alone protects.
	ClientID, ClientSecret string
	// Scopes default to DefaultScopes.
	Scopes []string
	// Name is what people call the issuer. Defaults to its host.
	Name string
	// Patience bounds each step at the issuer. Defaults to DefaultPatience.
	Patience time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clock.PassiveClock
}

// Client is this server in the eyes of an issuer. It is safe for concurrent use.
type Client struct {
	config    Config
	http      *http.Client
	discovery singleflight.Group
	found     atomic.Pointer[issuer] // nil until it was asked with success
}

// issuer is what its discovery document says.
type issuer struct {
	endpoint oauth2.Endpoint
	verifier *oidc.IDTokenVerifier
}

// New returns a client. It asks the issuer nothing: that is for whoever wants to sign in, and
// again for the next one if it fails.
func New(cfg Config) (*Client, error) {
	where, err := url.Parse(cfg.Issuer)
	if err != nil || where.Host == "" || cfg.ClientID == "" {
		return nil, fmt.Errorf("issuer %q, client %q: must be a URL and a client's ID", cfg.Issuer, cfg.ClientID)
	}
	if cfg.DiscoveryURL != "" && !strings.HasSuffix(cfg.DiscoveryURL, wellKnown) {
		return nil, fmt.Errorf("discovery URL %q: must end in %s", cfg.DiscoveryURL, wellKnown)
	}
	cfg.Name = cmp.Or(cfg.Name, where.Host)
	cfg.Patience = cmp.Or(cfg.Patience, DefaultPatience)
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = DefaultScopes
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if cfg.CertificateAuthority != "" {
		authorities := x509.NewCertPool()
		if !authorities.AppendCertsFromPEM([]byte(cfg.CertificateAuthority)) {
			return nil, errors.New("certificate authority: no certificate in PEM is in it")
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	}
	// The timeout is for the issuer's keys, which are fetched on nobody's behalf.
	return &Client{config: cfg, http: &http.Client{Transport: transport, Timeout: cfg.Patience}}, nil
}

// Name is what people call the issuer.
func (c *Client) Name() string { return c.config.Name }

// discover returns what the issuer says of itself, and asks only if that is not known yet: once,
// however many want to know at the same time.
func (c *Client) discover(ctx context.Context) (*issuer, error) {
	if known := c.found.Load(); known != nil {
		return known, nil
	}
	answered := c.discovery.DoChan("", func() (any, error) {
		// Others may wait for the answer when this caller has left.
		return c.ask(context.WithoutCancel(ctx))
	})
	select {
	case answer := <-answered:
		if answer.Err != nil {
			return nil, fmt.Errorf("%w: discovery: %w", ErrAway, answer.Err)
		}
		return c.found.Load(), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: discovery: %w", ErrAway, ctx.Err())
	}
}

func (c *Client) ask(ctx context.Context) (*issuer, error) {
	base := c.config.Issuer
	if elsewhere := c.config.DiscoveryURL; elsewhere != "" {
		base = strings.TrimSuffix(elsewhere, wellKnown)
	}
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	provider, err := oidc.NewProvider(oidc.InsecureIssuerURLContext(ctx, c.config.Issuer), base)
	if err != nil {
		return nil, err
	}
	var document struct {
		Issuer  string   `json:"issuer"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, err
	}
	found := &issuer{
		endpoint: provider.Endpoint(),
		verifier: provider.VerifierContext(oidc.ClientContext(context.Background(), c.http),
			&oidc.Config{ClientID: c.config.ClientID, Now: c.config.Clock.Now}),
	}
	switch {
	case document.Issuer != c.config.Issuer:
		return nil, fmt.Errorf("the document is of the issuer %q, and not of %q", document.Issuer, c.config.Issuer)
	case found.endpoint.AuthURL == "" || found.endpoint.TokenURL == "":
		return nil, errors.New("the issuer names no authorization endpoint, or no token endpoint")
	}
	// Trying one way after the other, as the library otherwise does, may use the code up.
	found.endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if c.config.ClientSecret == "" || len(document.Methods) > 0 && !slices.Contains(document.Methods, "client_secret_basic") {
		found.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	c.found.Store(found)
	return found, nil
}

// deadline returns a context for one step at the issuer.
func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(ctx, c.http), c.config.Patience)
}

// application is who we are there.
func (c *Client) application(at *issuer, redirectURI string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret,
		Endpoint: at.endpoint, RedirectURL: redirectURI, Scopes: c.config.Scopes,
	}
}
