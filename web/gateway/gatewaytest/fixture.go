// Package gatewaytest is the whole server as a test of the gateway needs it: a real Redis, the
// real API server with its authentication and authorization, the real controllers on an
// engine in memory, and the gateway on a port of the loopback.
package gatewaytest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/inprocess"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/storage/redis/local"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/containerlease/identities"
	"github.com/containerlease/containerlease/cmd/containerlease/leaselogs"
	"github.com/containerlease/containerlease/cmd/containerlease/leasestats"
	"github.com/containerlease/containerlease/controllers"
	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
	"github.com/containerlease/containerlease/reconciler/driver/stats"
	"github.com/containerlease/containerlease/web/gateway"
)

// Patience bounds whatever a test waits for.
const Patience = 30 * time.Second

// Options change what New makes. The zero value is good.
type Options struct {
	// Gateway may change how the gateway is configured, its door included, before it is made.
	Gateway func(*gateway.Config)
	// Server may change how the gateway is served, such as its timeouts.
	Server func(*http.Server)
	// Clock is the time of the tokens; it is that of the gateway, too, unless Gateway says
	// otherwise. The API and the controllers work in real time.
	Clock clock.WithTicker
	// API may change how the API server is configured, such as where logs come from.
	API func(*server.Config)
}

// Fixture is the server of one test. It ends with the test.
type Fixture struct {
	// URL is where the gateway is served: http://127.0.0.1:PORT.
	URL string
	// Gateway is what is served there.
	Gateway *gateway.Gateway
	// API is the API server, and APIURL where it is served.
	API    *server.Server
	APIURL string
	// Admin reaches the API past the gateway, and may do everything.
	Admin client.WithWatch
	// Engine runs the containers, in real time.
	Engine *fake.Engine
	// Redis is where the API keeps its objects.
	Redis *redis.Store
	// Tokens gives out credentials; People are those it has given out.
	Tokens *tokens.Store
	People People
	// Log is what the gateway logs.
	Log *Log

	t   testing.TB
	dir string
}

// New starts a server and waits until it is ready. There can be several in a process, but each
// takes a Redis and half a second.
func New(t testing.TB, options Options) *Fixture {
	t.Helper()
	hush()
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	f := &Fixture{t: t, dir: t.TempDir(), Log: &Log{}}
	f.watchForLeaks()
	f.startEngine()
	f.startRedis()
	f.openTokens(options.Clock)
	f.startAPI(options)
	f.startControllers()
	f.relaxClass()
	f.startGateway(options)
	return f
}

// hush keeps what the libraries have to say to a process as a whole out of the tests' output.
var hush = sync.OnceFunc(func() {
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
})

var quiet = slog.New(slog.DiscardHandler)

func (f *Fixture) startEngine() {
	f.Engine = fake.New(clock.RealClock{})
	f.t.Cleanup(func() {
		if err := f.Engine.Close(); err != nil {
			f.t.Error(err)
		}
	})
	for _, reference := range Images {
		f.Engine.AddImage(reference)
	}
}

func (f *Fixture) startRedis() {
	f.t.Helper()
	// TempDir has the test's name in it, and a socket's path may not be long.
	directory, err := os.MkdirTemp("", "redis")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = os.RemoveAll(directory) })
	instance, err := local.Start(context.Background(), local.Options{Dir: directory, Fsync: local.FsyncNever, Logger: quiet})
	if err != nil {
		f.t.Fatalf("starting redis-server: %v", err)
	}
	f.t.Cleanup(func() {
		if err := instance.Stop(context.Background()); err != nil {
			f.t.Errorf("stopping redis-server: %v", err)
		}
	})
	if f.Redis, err = redis.Open(context.Background(), redis.Config{URL: instance.URL(), Logger: quiet}); err != nil {
		f.t.Fatalf("opening Redis: %v", err)
	}
	f.t.Cleanup(func() {
		if err := f.Redis.Close(); err != nil {
			f.t.Errorf("closing Redis: %v", err)
		}
	})
}

func (f *Fixture) startAPI(options Options) {
	f.t.Helper()
	hub := logs.NewHub(f.Engine, logs.Options{Logger: quiet})
	f.t.Cleanup(hub.Close)
	usage := stats.NewHub(f.Engine)
	f.t.Cleanup(usage.Close)
	listener := f.listen()
	f.APIURL = "https://" + listener.Addr().String()
	directory := certs.Directory(f.t.TempDir())
	if err := directory.Ensure(nil, time.Now()); err != nil {
		f.t.Fatal(err)
	}
	config := server.Config{
		RESTOptions: f.Redis.RESTOptionsGetter(redis.RESTOptions{
			Codec: scheme.StorageCodec(), PathPrefix: "/registry", Uncached: scheme.Uncached(),
		}),
		Listener: listener, Certificates: directory, ShutdownTimeout: 5 * time.Second,
		Logs: leaselogs.New(hub), Stats: leasestats.New(usage), Tokens: []authenticator.Token{f.Tokens}, Logger: quiet,
	}
	if options.API != nil {
		options.API(&config)
	}
	var err error
	if f.API, err = server.New(config); err != nil {
		f.t.Fatal(err)
	}
	f.background("the API server", f.API.Run)
	ready, cancel := context.WithTimeout(f.t.Context(), Patience)
	defer cancel()
	if err := f.API.AwaitReady(ready); err != nil {
		f.t.Fatal(err)
	}
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, clientscheme.AddToScheme} {
		if err := add(types); err != nil {
			f.t.Fatal(err)
		}
	}
	if f.Admin, err = client.NewWithWatch(f.API.LoopbackConfig(), client.Options{Scheme: types}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *Fixture) startControllers() {
	f.t.Helper()
	types := runtime.NewScheme()
	if err := controllers.AddToScheme(types); err != nil {
		f.t.Fatal(err)
	}
	mgr, err := reconciler.NewManager(f.API.LoopbackConfig(), reconciler.ManagerOptions{
		Scheme: types, Logger: logr.Discard(), ByObject: controllers.CacheByObject(), SkipNameValidation: true,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := controllers.Register(mgr, f.Engine, controllers.Options{}); err != nil {
		f.t.Fatal(err)
	}
	f.background("the controllers", mgr.Start)
}

func (f *Fixture) startGateway(options Options) {
	f.t.Helper()
	listener := f.listen()
	f.URL = "http://" + listener.Addr().String()
	config := gateway.Config{
		API:    inprocess.NewTransport(f.API.Handler()),
		Clock:  options.Clock,
		Logger: f.Log.Logger(),
	}
	config.Door.Identities = identities.New(f.Tokens, f.API.Authenticator())
	config.Door.Address = listener.Addr().String()
	if options.Gateway != nil {
		options.Gateway(&config)
	}
	var err error
	if f.Gateway, err = gateway.New(config); err != nil {
		f.t.Fatal(err)
	}
	httpServer := &http.Server{Handler: f.Gateway, ReadHeaderTimeout: Patience, ErrorLog: slog.NewLogLogger(f.Log.Logger().Handler(), slog.LevelWarn)}
	if options.Server != nil {
		options.Server(httpServer)
	}
	f.background("the gateway", func(ctx context.Context) error {
		served := make(chan error, 1)
		go func() { served <- httpServer.Serve(listener) }()
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		err := errors.Join(f.Gateway.EndStreams(stopping), httpServer.Shutdown(stopping))
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
}

func (f *Fixture) listen() net.Listener {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	return listener
}

// background runs something until the test ends.
func (f *Fixture) background(what string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				f.t.Errorf("%s: %v", what, err)
			}
		case <-time.After(2 * Patience):
			f.t.Errorf("%s does not end", what)
		}
	})
}
