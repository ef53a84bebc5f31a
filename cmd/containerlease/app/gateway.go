package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/component-base/metrics/legacyregistry"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/inprocess"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/cmd/containerlease/identities"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/door"
	"github.com/containerlease/containerlease/web/ui"
)

const (
	// headerPatience is how long a request's header may take to arrive, or a TLS handshake.
	headerPatience = 10 * time.Second
	// idlePatience is how long a connection may stay without a request.
	idlePatience = 2 * time.Minute
	// maxHeader is how many bytes the header of a request may have.
	maxHeader = 64 << 10
	// streamWindow is how much of a log waits in the API's answer for a viewer that reads slowly.
	streamWindow = 32 << 10
	// maxConnections is how many connections there may be at once, half of them from one
	// address at the most. Further ones wait to be accepted.
	maxConnections = 4096
)

// newGateway makes the gateway. It is ready when the API, the store and the controllers' caches are.
func newGateway(s settings.Settings, api *server.Server, store *redis.Store, trusted *credentials, mgr manager.Manager, logger *slog.Logger) (*gateway.Gateway, error) {
	inProcess := inprocess.NewTransport(api.Handler())
	return gateway.New(gateway.Config{
		API:     inProcess,
		Streams: inProcess.WithWindow(streamWindow),
		Door:    doorConfig(s, trusted, api.Authenticator()),
		UI:      ui.Files(),
		Ready: []healthz.HealthChecker{
			healthz.NamedCheck("store", func(r *http.Request) error { return store.Ready(r.Context()) }),
			healthz.NamedCheck("api", func(r *http.Request) error { return api.Ready(r.Context()) }),
			healthz.NamedCheck("controllers", func(r *http.Request) error {
				synced, cancel := context.WithTimeout(r.Context(), time.Second)
				defer cancel()
				if !mgr.GetCache().WaitForCacheSync(synced) {
					return errors.New("the controllers have not read all leases yet")
				}
				return nil
			}),
		},
		Metrics: metricsHandler(metrics.Registry, legacyregistry.DefaultGatherer),
		Logger:  logger,
	})
}

// doorConfig says who may come in at the gateway: whom auth, which the API has of the same credentials,
// recognises.
func doorConfig(s settings.Settings, trusted *credentials, auth authenticator.Token) door.Config {
	return door.Config{
		Identities:     identities.New(trusted.tokens, auth),
		Address:        s.Address,
		ExternalURL:    s.ExternalURL,
		AllowedHosts:   s.AllowedHosts,
		AllowedOrigins: s.AllowedOrigins,
		OpenID:         trusted.openID,
		Rate:           s.RateLimit,
		Burst:          s.RateBurst,
	}
}

// gatewayCertificate reads the certificate that the gateway is served with; nil if it is served by
// plain HTTP.
func gatewayCertificate(s settings.Settings) (*certwatcher.CertWatcher, error) {
	if s.TLSCertFile == "" {
		return nil, nil
	}
	certificate, err := certwatcher.New(s.TLSCertFile, s.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading --tls-cert-file %s and --tls-key-file %s: %w", s.TLSCertFile, s.TLSKeyFile, err)
	}
	return certificate, nil
}

// gatewayURL is where people reach the gateway.
func gatewayURL(s settings.Settings, address net.Addr) string {
	switch {
	case s.ExternalURL != "":
		return s.ExternalURL
	case s.TLSCertFile != "":
		return "https://" + reachable(address)
	default:
		return "http://" + reachable(address)
	}
}

// serveGateway serves until ctx ends. Then it ends the streams, and lets requests under way end,
// for as long as patience.
func serveGateway(ctx context.Context, listener net.Listener, certificate *certwatcher.CertWatcher, g *gateway.Gateway, patience time.Duration) error {
	httpServer := &http.Server{
		Handler:           g,
		ReadHeaderTimeout: headerPatience,
		// The gateway sets others for bodies and answers as they come and go.
		WriteTimeout:   gateway.DefaultWriteTimeout,
		IdleTimeout:    idlePatience,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	listener = door.LimitConnections(listener, maxConnections, maxConnections/2)
	group, ctx := errgroup.WithContext(ctx)
	if certificate == nil {
		group.Go(func() error { return served(httpServer.Serve(listener)) })
	} else {
		httpServer.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.GetCertificate}
		group.Go(func() error { return served(httpServer.ServeTLS(listener, "", "")) })
		group.Go(func() error {
			if err := certificate.Start(ctx); err != nil {
				slog.Warn("the gateway's certificate is not watched: restart the server when it is replaced", "error", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err := g.EndStreams(stopping)
		if closing := httpServer.Shutdown(stopping); closing != nil {
			err = errors.Join(err, fmt.Errorf("ending the gateway's requests: %w", closing), httpServer.Close())
		}
		return err
	})
	return group.Wait()
}

// served is how serving ended, unless that was wanted.
func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the gateway: %w", err)
}
