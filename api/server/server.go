package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/version"
	apiversion "k8s.io/apimachinery/pkg/version"
	genericadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/pkg/server/filters"
	"k8s.io/apiserver/pkg/server/healthz"
	utilcompatibility "k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/compatibility"
	baseversion "k8s.io/component-base/version"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/admission"
	"github.com/containerlease/containerlease/api/server/certs"
	"github.com/containerlease/containerlease/api/server/inprocess"
	"github.com/containerlease/containerlease/api/server/registry/containerlease"
	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/scheme"
)

const (
	// maxRequestBody bounds what is decoded. A lease at all its limits is a quarter of it.
	maxRequestBody = 1 << 20
	// requestTimeout bounds requests that don't stream.
	requestTimeout = 30 * time.Second
	// watchDrain is how long open watches have to end when the server stops.
	watchDrain = 2 * time.Second
	// readyPoll is how often AwaitReady looks.
	readyPoll = 5 * time.Millisecond
)

// LogStreamer reads the output of a lease's container; see its own documentation.
type LogStreamer = containerlease.LogStreamer

// LogOptions say which lines of a container's output are wanted.
type LogOptions = containerlease.LogOptions

// LogBatch is lines of a container's output that follow each other.
type LogBatch = containerlease.LogBatch

// LogLine is a line of a container's output.
type LogLine = containerlease.LogLine

// StatsStreamer measures what a lease's container uses; see its own documentation.
type StatsStreamer = containerlease.StatsStreamer

// Usage is what a lease's container uses, and may use.
type Usage = containerlease.Usage

// Config says what a server is made of.
type Config struct {
	// RESTOptions give each resource its storage. Required. Its storages are destroyed when
	// Run returns; what is behind them must outlive that. scheme.StorageCodec is the codec to
	// give it, scheme.Uncached names the resources not worth a watch cache.
	RESTOptions generic.RESTOptionsGetter
	// Listener is what HTTPS is served on. Required. Run closes it.
	Listener net.Listener
	// Certificates are those of the server, made by Ensure before. Required. Replaced files
	// are noticed while the server runs.
	Certificates certs.Directory
	// Logs streams the logs of leases. Without one, the log subresource answers 405.
	Logs LogStreamer
	// Stats measures what leases use. Without one, the stats subresource answers 405.
	Stats StatsStreamer
	// Authorization decides about everybody who is no administrator. Defaults to
	// roles.Authorizer.
	Authorization Authorization
	// Tokens recognise bearer tokens, each after the one before; none means that only client
	// certificates are recognised. They make ordinary users: nobody of Kubernetes' system,
	// whatever they say.
	Tokens []authenticator.Token
	// TokensChanged returns a channel that is closed when what Tokens recognise has changed since
	// the call: what is watched with a token that is good no longer then ends. Without it, that
	// takes some seconds longer.
	TokensChanged func() <-chan struct{}
	// ReadyChecks are further conditions of /readyz.
	ReadyChecks []healthz.HealthChecker
	// ExternalAddress is the HOST:PORT that discovery gives to clients. Defaults to the listener's.
	ExternalAddress string
	// ShutdownTimeout is how long requests under way may take to end. Defaults to 30 seconds.
	ShutdownTimeout time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clock.PassiveClock
	// Logger receives what an operator should know. Defaults to slog's. The library below
	// logs through klog, which the caller may redirect.
	Logger *slog.Logger
}

// Server is an API server. It answers in-process requests from New on, and HTTPS once
// Run is called.
type Server struct {
	generic  *genericapiserver.GenericAPIServer
	loopback *rest.Config
	tokens   authenticator.Token
}

// New makes a server. It reaches the store, through watch caches that fill in the
// background, but waits for nothing. On success, Run must be called, even if only with a ctx that
// has ended: it is what releases the storages.
func New(config Config) (*Server, error) {
	if config.RESTOptions == nil || config.Listener == nil || config.Certificates == "" {
		return nil, errors.New("an API server needs RESTOptions, a Listener and Certificates")
	}
	if config.Authorization == nil {
		config.Authorization = roles.Authorizer{}
	}
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.ShutdownTimeout <= 0 {
		config.ShutdownTimeout = requestTimeout
	}
	if err := useKubernetesFeatures(); err != nil {
		return nil, fmt.Errorf("setting feature gates: %w", err)
	}

	// The loopback configuration is needed to make the server whose handler it reaches.
	handler := &lateHandler{}
	loopback := newLoopbackConfig(handler)
	generic, groups, err := prepare(config, loopback)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(loopback)
	if err != nil {
		return nil, err
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	namespaces, err := admission.NewNamespaces(client, shared)
	if err != nil {
		return nil, err
	}
	generic.AdmissionControl = genericadmission.NewChainHandler(namespaces, admission.NewLeaseDefaults(groups.classes))

	server, err := generic.Complete(shared).New("containerlease", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("making the API server: %w", err)
	}
	server.ShutdownTimeout = config.ShutdownTimeout
	if err := install(server, groups, loopback, config); err != nil {
		server.Destroy()
		return nil, err
	}
	tokens := bearers(config.Tokens)
	server.Handler.FullHandlerChain = timelyBodies{
		newCurrentCredentials(server.Handler.FullHandlerChain, tokens, config.TokensChanged), requestTimeout,
	}
	handler.set(server.Handler)
	return &Server{server, loopback, tokens}, nil
}

// prepare makes the library's configuration and the registries, which need part of it.
func prepare(config Config, loopback *rest.Config) (*genericapiserver.Config, *groups, error) {
	generic := genericapiserver.NewConfig(scheme.Codecs)
	generic.EffectiveVersion = productVersion{utilcompatibility.DefaultBuildEffectiveVersion()}
	generic.LoopbackClientConfig = loopback
	generic.RESTOptionsGetter = config.RESTOptions
	generic.ExternalAddress = config.ExternalAddress
	generic.RequestTimeout = requestTimeout
	generic.MaxRequestBodyBytes = maxRequestBody
	generic.JSONPatchMaxCopyBytes = maxRequestBody
	generic.ShutdownWatchTerminationGracePeriod = watchDrain
	generic.LongRunningFunc = filters.BasicLongRunningRequestCheck(sets.NewString("watch"), sets.NewString("log", "stats"))
	generic.EnableProfiling = false
	generic.AuditBackend, generic.AuditPolicyRuleEvaluator = newAuditLog(config.Logger), auditPolicy{}
	generic.BuildHandlerChainFunc = buildHandlerChain
	generic.AddReadyzChecks(config.ReadyChecks...)
	describe(generic)

	clients, err := clientCA(config.Certificates.CAFile())
	if err != nil {
		return nil, nil, err
	}
	certificate, key := config.Certificates.ServingFiles()
	serving, err := dynamiccertificates.NewDynamicServingContentFromFiles("serving-cert", certificate, key)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the serving certificate: %w", err)
	}
	generic.SecureServing = &genericapiserver.SecureServingInfo{Listener: config.Listener, Cert: serving, ClientCA: clients}
	generic.Authentication.Authenticator = newAuthenticator(clients, bearers(config.Tokens))
	auth, resolver, err := newAuthorizer(config.Authorization)
	if err != nil {
		return nil, nil, err
	}
	generic.Authorization.Authorizer, generic.RuleResolver = auth, resolver

	groups, err := newGroups(config.RESTOptions, config.Logs, config.Stats, auth, resolver, config.Clock, generic.ShutdownInitiatedNotify())
	if err != nil {
		return nil, nil, fmt.Errorf("making the registries: %w", err)
	}
	return generic, groups, nil
}

// buildHandlerChain is Kubernetes' own, with what is ours at its ends: what a request brings is
// looked at once it is known that it may be made, and its ID before anybody logs it.
func buildHandlerChain(api http.Handler, config *genericapiserver.Config) http.Handler {
	return saneAuditID(genericapiserver.BuildHandlerChainWithStorageVersionPrecondition(newQuantityGuard(api), config))
}

// install adds the resources, and the hooks that readiness waits for.
func install(server *genericapiserver.GenericAPIServer, groups *groups, loopback *rest.Config, config Config) error {
	if err := groups.install(server); err != nil {
		return fmt.Errorf("installing the API: %w", err)
	}
	installer, err := newInstaller(loopback, config.Logger)
	if err != nil {
		return err
	}
	if err := server.AddPostStartHook("first-start", func(ctx genericapiserver.PostStartHookContext) error {
		installer.run(ctx)
		return nil
	}); err != nil {
		return err
	}
	return server.AddPostStartHook("storage-readiness", server.StorageReadinessHook.Hook)
}

// Run serves until ctx ends, then lets requests under way end, and releases the
// storages. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	return s.generic.PrepareRun().RunWithContext(ctx)
}

// LoopbackConfig returns a configuration for clients in this process: it goes straight
// to the handler, without a socket, as an administrator. It works until Run returns.
func (s *Server) LoopbackConfig() *rest.Config { return rest.CopyConfig(s.loopback) }

// Handler is the whole server behind its socket, for those who serve it elsewhere, too.
func (s *Server) Handler() http.Handler { return s.generic.Handler }

// Authenticator recognises bearer tokens as the API does, and gives the same users. The
// token of LoopbackConfig is not among them.
func (s *Server) Authenticator() authenticator.Token { return s.tokens }

// Ready returns nil if the server is ready for requests, else an error that says what
// isn't. It doesn't wait.
func (s *Server) Ready(ctx context.Context) error {
	client, err := rest.UnversionedRESTClientFor(unversioned(s.LoopbackConfig()))
	if err != nil {
		return err
	}
	body, err := client.Get().AbsPath("/readyz").Param("verbose", "").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("not ready: %w\n%s", err, body)
	}
	return nil
}

// AwaitReady blocks until the server is ready, or ctx ends. Run must have been called.
func (s *Server) AwaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := s.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the API server: %w", errors.Join(ctx.Err(), err))
		}
	}
}

func unversioned(config *rest.Config) *rest.Config {
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return config
}

// newLoopbackConfig has no rate limit: what uses it is ours.
func newLoopbackConfig(handler http.Handler) *rest.Config {
	return &rest.Config{
		Host:        "http://in-process",
		BearerToken: uuid.NewString(),
		Transport:   inprocess.NewTransport(handler),
		QPS:         -1,
	}
}

// lateHandler is a handler that is set after it has been given away.
type lateHandler struct {
	handler atomic.Pointer[http.Handler]
}

func (l *lateHandler) set(handler http.Handler) { l.handler.Store(&handler) }

// ServeHTTP implements http.Handler.
func (l *lateHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if handler := l.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, req)
		return
	}
	http.Error(w, "the API server is being made", http.StatusServiceUnavailable)
}

// productVersion is the version of the product, without Kubernetes' versions to emulate.
type productVersion struct{ compatibility.EffectiveVersion }

// Info implements compatibility.EffectiveVersion, for /version.
func (v productVersion) Info() *apiversion.Info {
	info := baseversion.Get()
	if binary := v.BinaryVersion(); binary != nil {
		info.Major, info.Minor = strconv.FormatUint(uint64(binary.Major()), 10), strconv.FormatUint(uint64(binary.Minor()), 10)
	}
	return &info
}

// useKubernetesFeatures sets the library's feature gates to what its own release has
// on. It derives them from the version that is linked into the program, which is ours
// and means nothing to it.
func useKubernetesFeatures() error {
	gates := utilfeature.DefaultMutableFeatureGate
	release, err := version.Parse(baseversion.DefaultKubeBinaryVersion)
	if err != nil {
		return err
	}
	if current := gates.EmulationVersion(); current != nil && current.EqualTo(release) {
		return nil
	}
	return gates.SetEmulationVersion(release)
}
