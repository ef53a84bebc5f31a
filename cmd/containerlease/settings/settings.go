// Package settings reads what the server is told by its configuration file, its
// environment and its command line, each overriding the one before.
//
// Every setting is defined once, in AddFlags, as a flag. Its key in the file is
// the flag's name in camel case ("data-dir" is dataDir), its environment
// variable the same in capitals behind CONTAINERLEASE_; a few have a second,
// better-known variable. File and environment go through the flag's own parser, so
// that a bad value is refused in the same words wherever it comes from.
package settings

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/containerlease/containerlease/web/gateway/door"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
)

// maxRate is more than a gateway can serve in a second.
const maxRate = 1_000_000

// Settings of the server. The usage texts in AddFlags are their documentation.
type Settings struct {
	DataDir              string
	APIAddress           string
	Address              string
	ExternalURL          string
	TLSCertFile          string
	TLSKeyFile           string
	AllowedHosts         []string
	AllowedOrigins       []string
	RateLimit            int
	RateBurst            int
	TLSSANs              []string
	AuthenticationConfig string
	OIDCIssuerURL        string
	OIDCClientID         string
	OIDCClientSecretFile string
	OIDCScopes           []string
	OIDCName             string
	RedisURL             string
	RedisPrefix          string
	DockerHost           string
	CleanupInterval      time.Duration
	MaxConcurrentCreates int
	LogLevel             string
	LogFormat            string
	ShutdownTimeout      time.Duration
}

// Default returns the settings of a server that is told nothing.
func Default() Settings {
	return Settings{
		DataDir:              defaultDataDir(),
		APIAddress:           "127.0.0.1:8443",
		Address:              "127.0.0.1:8080",
		RateLimit:            door.DefaultRate,
		RateBurst:            door.DefaultBurst,
		OIDCScopes:           slices.Clone(openid.DefaultScopes),
		RedisPrefix:          "containerlease",
		CleanupInterval:      time.Minute,
		MaxConcurrentCreates: 4,
		LogLevel:             "info",
		LogFormat:            "json",
		ShutdownTimeout:      30 * time.Second,
	}
}

// defaultDataDir is where leasectl looks for a local server's kubeconfig, too.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/containerlease"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "containerlease")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "containerlease")
	}
	return "containerlease-data"
}

// AddFlags defines a flag for each setting, with the present values as defaults.
func (s *Settings) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&s.DataDir, "data-dir", s.DataDir,
		"Directory for the certificates, the tokens, the admin kubeconfig and, without redis-url, the data of the server's own Redis. Made if missing.")
	fs.StringVar(&s.APIAddress, "api-address", s.APIAddress,
		"HOST:PORT that the Kubernetes-style API is served on, by HTTPS.")
	fs.StringVar(&s.Address, "address", s.Address,
		"HOST:PORT that the gateway is served on: REST, log streams, sign-in, health and metrics.")
	fs.StringVar(&s.ExternalURL, "external-url", s.ExternalURL,
		"URL by which people reach the gateway, such as https://leases.example behind a proxy that ends TLS: its host is answered to, and sign-in links begin with it. Empty: by address.")
	fs.StringVar(&s.TLSCertFile, "tls-cert-file", s.TLSCertFile,
		"Certificate, in PEM, with those between it and its authority behind it, to serve the gateway by HTTPS. A replaced file is noticed. Empty: plain HTTP.")
	fs.StringVar(&s.TLSKeyFile, "tls-key-file", s.TLSKeyFile,
		"Key of tls-cert-file, in PEM.")
	fs.StringSliceVar(&s.AllowedHosts, "allowed-hosts", s.AllowedHosts,
		"Further host names that the gateway answers to, such as leases.example or *.leases.example, separated by commas. Beside them: localhost, IP addresses, and the hosts of address and external-url.")
	fs.StringSliceVar(&s.AllowedOrigins, "allowed-origins", s.AllowedOrigins,
		"Origins of other sites' pages that may use the gateway from a browser, such as https://dashboard.example, separated by commas.")
	fs.Var(&positiveInt{&s.RateLimit, maxRate}, "rate-limit",
		"Requests per second that each user may make of the gateway, and each address without a good credential.")
	fs.Var(&positiveInt{&s.RateBurst, maxRate}, "rate-burst",
		"Requests that each may make at once, before rate-limit counts.")
	fs.StringSliceVar(&s.TLSSANs, "tls-sans", s.TLSSANs,
		"Further host names and IP addresses for the API's certificate, separated by commas.")
	fs.StringVar(&s.AuthenticationConfig, "authentication-config", s.AuthenticationConfig,
		"File that names the OpenID Connect issuers whose users may come in, as an AuthenticationConfiguration of Kubernetes. Empty: none; tokens and client certificates are good in any case.")
	fs.StringVar(&s.OIDCIssuerURL, "oidc-issuer-url", s.OIDCIssuerURL,
		"OpenID Connect issuer that people are sent to from the dashboard, to sign in. It is one of authentication-config, written as there. Empty: none; people sign in by links and tokens.")
	fs.StringVar(&s.OIDCClientID, "oidc-client-id", s.OIDCClientID,
		"What that issuer knows this server as: a client for which external-url and /signin/oidc/callback is registered as the redirect URI. It is among the audiences of the issuer in authentication-config.")
	fs.StringVar(&s.OIDCClientSecretFile, "oidc-client-secret-file", s.OIDCClientSecretFile,
		"File with the secret of that client, read at the start. Empty: a public client, which PKCE protects.")
	fs.StringSliceVar(&s.OIDCScopes, "oidc-scopes", s.OIDCScopes,
		"Scopes to ask that issuer for, separated by commas: those that the claims of authentication-config come with.")
	fs.StringVar(&s.OIDCName, "oidc-name", s.OIDCName,
		"What people call that issuer, such as Acme: the button says so. Empty: its host.")
	fs.StringVar(&s.RedisURL, "redis-url", s.RedisURL,
		"Redis to keep the state in, such as redis://user:password@host:6379/0, rediss://… or unix:///path. Empty: the server starts and stops a redis-server of its own in data-dir.")
	fs.StringVar(&s.RedisPrefix, "redis-prefix", s.RedisPrefix,
		"Prefix of every Redis key. Servers that share a Redis need different ones.")
	fs.StringVar(&s.DockerHost, "docker-host", s.DockerHost,
		"Docker Engine to drive, such as unix:///run/docker.sock or tcp://host:2376 (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH). Empty: the local default.")
	fs.Var(&positiveDuration{&s.CleanupInterval}, "cleanup-interval",
		"How often containers without a lease are searched for, beside the engine's own events.")
	fs.Var(&positiveInt{&s.MaxConcurrentCreates, 64}, "max-concurrent-creates",
		"How many containers are created at once. The engine gets slower, not faster, with more.")
	fs.Var(&choice{&s.LogLevel, []string{"debug", "info", "warn", "error"}}, "log-level",
		"Least severe level that is logged: debug, info, warn or error.")
	fs.Var(&choice{&s.LogFormat, []string{"json", "text"}}, "log-format",
		"How log lines are written, to standard error: json or text.")
	fs.Var(&positiveDuration{&s.ShutdownTimeout}, "shutdown-timeout",
		"How long requests under way may take to end after SIGTERM. Containers go on running.")
}

// Validate reports what no single flag's parser can see.
func (s *Settings) Validate() error {
	for _, address := range []struct{ flag, value string }{{"api-address", s.APIAddress}, {"address", s.Address}} {
		if _, _, err := net.SplitHostPort(address.value); err != nil {
			return fmt.Errorf("%s: %q: must be HOST:PORT, such as 127.0.0.1:8443: %w", address.flag, address.value, err)
		}
	}
	if err := s.validateGateway(); err != nil {
		return err
	}
	if err := s.validateOpenID(); err != nil {
		return err
	}
	if s.DataDir == "" {
		return fmt.Errorf("data-dir: must not be empty")
	}
	if s.RedisPrefix == "" {
		return fmt.Errorf("redis-prefix: must not be empty")
	}
	var err error
	if s.DataDir, err = filepath.Abs(s.DataDir); err != nil {
		return fmt.Errorf("data-dir: %w", err)
	}
	return nil
}

// validateGateway reports what the gateway's door would not take.
func (s *Settings) validateGateway() error {
	if (s.TLSCertFile == "") != (s.TLSKeyFile == "") {
		return fmt.Errorf("tls-cert-file: %q, tls-key-file: %q: name both, or none", s.TLSCertFile, s.TLSKeyFile)
	}
	if _, err := door.ParseExternalURL(s.ExternalURL); err != nil {
		return fmt.Errorf("external-url: %w", err)
	}
	for _, host := range s.AllowedHosts {
		if err := door.ValidateHost(host); err != nil {
			return fmt.Errorf("allowed-hosts: %w", err)
		}
	}
	for _, origin := range s.AllowedOrigins {
		if _, err := door.ParseOrigin(origin); err != nil {
			return fmt.Errorf("allowed-origins: %w", err)
		}
	}
	return nil
}
