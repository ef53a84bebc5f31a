package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/storage/redis/local"
	"github.com/containerlease/containerlease/cmd/containerlease/leaselogs"
	"github.com/containerlease/containerlease/cmd/containerlease/leasestats"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/controllers"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
	"github.com/containerlease/containerlease/reconciler/driver/stats"
)

const (
	// redisRetry is how long to wait before a Redis that did not answer is asked again, at the start.
	redisRetry = time.Second
	// storagePrefix is where the API server keeps its objects, as Kubernetes does.
	storagePrefix = "/registry"
)

// openStore opens the configured Redis, or starts one. The function it returns ends the store, and then the
// Redis that was started.
func openStore(ctx context.Context, s settings.Settings, logger *slog.Logger) (*redis.Store, func() error, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	stopRedis := func() error { return nil }
	if s.RedisURL == "" {
		child, err := local.Start(ctx, local.Options{Dir: filepath.Join(s.DataDir, "redis"), Logger: logger})
		if err != nil {
			return nil, nil, fmt.Errorf("starting redis-server: %w", err)
		}
		s.RedisURL = child.URL()
		stopRedis = func() error {
			stopping, cancel := context.WithTimeout(context.Background(), stopPatience)
			defer cancel()
			return child.Stop(stopping)
		}
	}
	store, err := awaitStore(ctx, redis.Config{
		URL:        s.RedisURL,
		Prefix:     "{" + s.RedisPrefix + "}",
		Logger:     logger,
		Registerer: metrics.Registry,
	})
	if err != nil {
		return nil, nil, errors.Join(err, stopRedis())
	}
	return store, func() error { return errors.Join(store.Close(), stopRedis()) }, nil
}

// awaitStore opens a Redis that may be starting, too. One that is there but unsuitable is refused
// at once.
func awaitStore(ctx context.Context, config redis.Config) (*redis.Store, error) {
	for {
		store, err := redis.Open(ctx, config)
		var unsuitable *redis.UnsuitableError
		if err == nil || errors.As(err, &unsuitable) || ctx.Err() != nil {
			return store, err
		}
		config.Logger.Warn("waiting for Redis", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(redisRetry):
		}
	}
}

// openEngine returns the driver. An engine that does not answer yet is no reason not to serve: leases
// say so, and wait for it.
func openEngine(ctx context.Context, s settings.Settings, instance string, logger *slog.Logger) (*docker.Driver, error) {
	durations := docker.NewCallDuration()
	if err := metrics.Registry.Register(durations); err != nil {
		return nil, fmt.Errorf("registering the engine's metrics: %w", err)
	}
	engine, err := docker.New(docker.Options{
		Host: s.DockerHost, Instance: instance, Logger: logger, CallDuration: durations,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		info, err := engine.Info(ctx)
		if err != nil {
			logger.Warn("the container engine does not answer; leases wait for it", "error", err)
			return
		}
		logger.Info("found the container engine", "name", info.Name, "version", info.Version, "apiVersion", info.APIVersion)
	}()
	return engine, nil
}

// newAPI makes the API server, its certificates and the admin's kubeconfig.
func newAPI(s settings.Settings, listener net.Listener, store *redis.Store, output *logs.Hub, usage *stats.Hub, trusted *credentials, logger *slog.Logger) (*server.Server, error) {
	directory := certs.Directory(filepath.Join(s.DataDir, "pki"))
	host, _, err := net.SplitHostPort(s.APIAddress)
	if err != nil {
		return nil, fmt.Errorf("api-address: %w", err)
	}
	names := s.TLSSANs
	if ip := net.ParseIP(host); host != "" && !ip.IsUnspecified() {
		names = append(names, host)
	}
	if err := directory.Ensure(names, time.Now()); err != nil {
		return nil, fmt.Errorf("making the API's certificates: %w", err)
	}
	address := reachable(listener.Addr())
	if err := directory.WriteKubeconfig(kubeconfigPath(s.DataDir), "https://"+address); err != nil {
		return nil, fmt.Errorf("writing the admin kubeconfig: %w", err)
	}
	return server.New(server.Config{
		RESTOptions: store.RESTOptionsGetter(redis.RESTOptions{
			Codec: scheme.StorageCodec(), PathPrefix: storagePrefix, Uncached: scheme.Uncached(),
		}),
		Listener:        listener,
		Certificates:    directory,
		Logs:            leaselogs.New(output),
		Stats:           leasestats.New(usage),
		Tokens:          trusted.recognisers,
		TokensChanged:   trusted.tokens.Changed,
		ExternalAddress: address,
		ShutdownTimeout: s.ShutdownTimeout,
		Logger:          logger,
	})
}

// reachable is an address to reach a listener by from this machine. One that listens on all
// addresses does so on those of IPv4, too, which machines without IPv6 (most containers
// among them) have and others hardly lack.
func reachable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	if net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// newManager makes the controllers. They reach the API in this process.
func newManager(api *rest.Config, engine *docker.Driver, s settings.Settings, self *instance) (manager.Manager, error) {
	types := runtime.NewScheme()
	if err := controllers.AddToScheme(types); err != nil {
		return nil, fmt.Errorf("registering the controllers' types: %w", err)
	}
	mgr, err := reconciler.NewManager(api, reconciler.ManagerOptions{
		Scheme:   types,
		Logger:   ctrl.Log,
		ByObject: controllers.CacheByObject(),
	})
	if err != nil {
		return nil, err
	}
	return mgr, controllers.Register(mgr, engine, controllers.Options{
		ConcurrentCreations: s.MaxConcurrentCreates,
		OrphanInterval:      s.CleanupInterval,
		Instance:            self.id,
	})
}
