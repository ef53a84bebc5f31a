package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Defaults of Options.
const (
	DefaultTimeout         = 15 * time.Second
	DefaultSlowTimeout     = time.Minute
	DefaultPullIdleTimeout = time.Minute
)

// Options configure a Driver. The zero value is usable.
type Options struct {
	// Host is the engine's address, for example "unix:///var/run/docker.sock". If it is
	// empty, DOCKER_HOST decides, and without that the platform's default. A TCP host is spoken
	// to over TLS if DOCKER_CERT_PATH is set; its certificate is always verified.
	Host string
	// Instance names the server whose containers these are, to others on the same engine. It
	// becomes the label driver.LabelInstance of each container that is made.
	Instance string
	// Timeout bounds each light call. Zero is DefaultTimeout.
	Timeout time.Duration
	// SlowTimeout bounds creating, starting and removing a container. Zero is DefaultSlowTimeout.
	SlowTimeout time.Duration
	// PullIdleTimeout ends a pull of which nothing was heard for so long. Zero is
	// DefaultPullIdleTimeout.
	PullIdleTimeout time.Duration
	// Logger gets what no caller waits for, such as the failure of a stop. Nil is slog.Default().
	Logger *slog.Logger
	// CallDuration observes every call, in seconds, by the labels "operation" and "result". Nil
	// observes nothing. NewCallDuration makes a fitting one.
	CallDuration prometheus.ObserverVec
}

// Driver implements driver.Driver for a Docker Engine.
type Driver struct {
	opts      Options
	log       *slog.Logger
	cli       *client.Client
	transport *http.Transport

	// isolatedNetwork is IsolatedNetwork but in tests, which share their engine.
	isolatedNetwork string

	// name of the engine, as it last gave it.
	name        atomic.Pointer[string]
	negotiation negotiation
	seccomp     check
	isolation   check
	digests     digestCache
	// noCgroupns is set once the engine refused to give a container its own cgroup namespace.
	noCgroupns atomic.Bool

	// lifetime ends with Close; stops that are under way hang on it.
	lifetime context.Context
	end      context.CancelFunc
	stops    stops
	closing  sync.Once
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver for the engine that opts name. It does not speak to the engine:
// an engine that is down now is met, as ErrUnavailable, by the first call.
func New(opts Options) (*Driver, error) {
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	opts.SlowTimeout = cmp.Or(opts.SlowTimeout, DefaultSlowTimeout)
	opts.PullIdleTimeout = cmp.Or(opts.PullIdleTimeout, DefaultPullIdleTimeout)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())

	// Our own transport, because many workers share it: the client's default keeps two idle
	// connections and dials for each further one. A log comes a few hundred lines at a time, not the few
	// that the default buffer holds.
	transport := &http.Transport{MaxIdleConns: 32, MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second, ReadBufferSize: 32 << 10}
	clientOpts := []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(cmp.Or(opts.Host, os.Getenv(client.EnvOverrideHost), client.DefaultDockerHost)),
		client.WithUserAgent("containerlease"),
	}
	if dir := os.Getenv(client.EnvOverrideCertPath); dir != "" {
		clientOpts = append(clientOpts, client.WithTLSClientConfig(
			filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	}
	cli, err := client.NewClientWithOpts(clientOpts...)
	if err != nil {
		return nil, fmt.Errorf("configuring the Docker client: %w", err)
	}

	d := &Driver{
		opts: opts, log: opts.Logger, cli: cli, transport: transport,
		isolatedNetwork: IsolatedNetwork,
		seccomp:         newCheck(), isolation: newCheck(),
	}
	d.lifetime, d.end = context.WithCancel(context.Background())
	d.negotiation.turn = make(chan struct{}, 1)
	return d, nil
}

// Close abandons the stops that are under way and returns when they have let go. The
// engine, once asked, finishes a stop by itself. Call it after the last use of the driver.
func (d *Driver) Close() error {
	var err error
	d.closing.Do(func() {
		d.end()
		d.stops.wait()
		err = d.cli.Close()
	})
	return err
}

// NewCallDuration returns a histogram that Options.CallDuration accepts. The caller registers it.
func NewCallDuration() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "containerlease_engine_call_duration_seconds",
		Help:    "Duration of calls to the container engine by operation and result.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
	}, []string{"operation", "result"})
}

// resultOf names the outcome of a call for the metric.
func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, driver.ErrNotFound):
		return "not_found"
	case errors.Is(err, driver.ErrConflict):
		return "conflict"
	case errors.Is(err, driver.ErrInvalid):
		return "invalid"
	case errors.Is(err, driver.ErrDenied):
		return "denied"
	case errors.Is(err, driver.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}
