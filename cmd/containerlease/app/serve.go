package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/component-base/version"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
	"github.com/containerlease/containerlease/reconciler/driver/stats"
	"github.com/containerlease/containerlease/web/gateway"
)

const (
	// claimPatience is how long to wait for the server before us to let go of the data directory.
	claimPatience = 20 * time.Second
	// startPatience bounds how long the parts may take to be ready.
	startPatience = time.Minute
	// stopPatience bounds what is stopped after the requests: the store and its Redis.
	stopPatience = 20 * time.Second
)

// serve runs the server until ctx ends or a part of it fails. It writes to out where it can
// be reached, once it can.
func serve(ctx context.Context, s settings.Settings, out io.Writer) (err error) {
	logger := newLogger(os.Stderr, s.LogLevel, s.LogFormat)
	logger.Info("starting", "version", version.Get().GitVersion, "dataDir", s.DataDir)
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	self, err := claimInstance(ctx, s.DataDir, claimPatience, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, self.Close()) }()

	trusted, err := openCredentials(s, logger)
	if err != nil {
		return err
	}
	defer trusted.close()
	certificate, err := gatewayCertificate(s)
	if err != nil {
		return err
	}
	gatewayListener, err := listen(ctx, "address", s.Address)
	if err != nil {
		return err
	}
	defer gatewayListener.Close()
	apiListener, err := listen(ctx, "api-address", s.APIAddress)
	if err != nil {
		return err
	}
	defer apiListener.Close()

	// What is opened first is closed last: the controllers write to the API until they
	// end, and the API to the store.
	store, closeStore, err := openStore(ctx, s, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	engine, err := openEngine(ctx, s, self.id, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	output := logs.NewHub(engine, logs.Options{Logger: logger})
	defer output.Close()
	usage := stats.NewHub(engine)
	defer usage.Close()

	api, err := newAPI(s, apiListener, store, output, usage, trusted, logger)
	if err != nil {
		return err
	}
	apiDone := make(chan error, 1)
	apiCtx, stopAPI := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAPI()
	go func() { apiDone <- api.Run(apiCtx) }()

	mgr, err := newManager(api.LoopbackConfig(), engine, s, self)
	var web *gateway.Gateway
	if err == nil {
		web, err = newGateway(s, api, store, trusted, mgr, logger)
	}
	if err == nil {
		err = runUntil(ctx, apiDone, func(ctx context.Context) error {
			if err := awaitReady(ctx, api); err != nil {
				return err
			}
			group, ctx := errgroup.WithContext(ctx)
			group.Go(func() error { return mgr.Start(ctx) })
			group.Go(func() error {
				return serveGateway(ctx, gatewayListener, certificate, web, s.ShutdownTimeout)
			})
			group.Go(func() error {
				if !mgr.GetCache().WaitForCacheSync(ctx) {
					return nil // ctx ended first
				}
				return announce(ctx, out, s, trusted.tokens, apiListener.Addr(), gatewayListener.Addr())
			})
			return group.Wait()
		})
	}
	logger.Info("stopping; containers go on running")
	stopAPI()
	return errors.Join(err, <-apiDone)
}

// runUntil runs work until it ends or the API, which it needs, does.
func runUntil(ctx context.Context, apiDone chan error, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	select {
	case err := <-done:
		return err
	case err := <-apiDone:
		cancel()
		apiDone <- nil // for who waits for its end
		if err == nil {
			err = errors.New("it ended by itself")
		}
		return errors.Join(fmt.Errorf("the API server failed: %w", err), <-done)
	}
}

func awaitReady(ctx context.Context, api interface{ AwaitReady(context.Context) error }) error {
	starting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := api.AwaitReady(starting); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it was ready
		}
		return err
	}
	return nil
}

// listen listens on the address of a setting.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on --%s %s: %w", flag, address, err)
	}
	return listener, nil
}

// administrator is who the sign-in link is for that the server prints: somebody who may do
// everything, and has a namespace to make leases in.
var administrator = tokens.Grant{
	User:   "admin",
	Groups: []string{roles.Group(roles.Admin, ""), roles.Group(roles.Editor, "")},
}

// announce tells a person where to go from here, and lets them in.
func announce(ctx context.Context, out io.Writer, s settings.Settings, store *tokens.Store, api, web net.Addr) error {
	url, kubeconfig := gatewayURL(s, web), kubeconfigPath(s.DataDir)
	if err := saveGatewayURL(s.DataDir, url); err != nil {
		return err
	}
	secret, _, err := store.NewLink(ctx, administrator, tokens.LinkLifetime)
	if err != nil {
		return fmt.Errorf("making a sign-in link: %w", err)
	}
	_, err = fmt.Fprintf(out, `ContainerLease %s is ready.

  Sign in     %s
              (good once, for %.0f minutes; "containerlease token link" makes another)
  REST        %s/api   (described by /api/openapi.yaml)
  Health      %s   (/healthz, /readyz, /metrics)
  API         https://%s
  Kubeconfig  %s

Try:

  kubectl --kubeconfig %s get leaseclasses
`, version.Get().GitVersion, signInLink(url, secret), tokens.LinkLifetime.Minutes(), url, url, reachable(api), kubeconfig, kubeconfig)
	return err
}

func kubeconfigPath(dataDir string) string { return filepath.Join(dataDir, "kubeconfig") }
