package reconciler

import (
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// ManagerOptions say how controllers are run.
type ManagerOptions struct {
	// Scheme has every type the controllers read or write. Required.
	Scheme *runtime.Scheme
	// Logger is what the controllers log to. Required.
	Logger logr.Logger
	// LeaderElection lets one of several processes on the same store run the
	// controllers. It isn't needed where there is a single process.
	LeaderElection bool
	// LeaderElectionNamespace and LeaderElectionID name the lock.
	LeaderElectionNamespace, LeaderElectionID string
	// ByObject refines what the cache keeps of a type; by default all but managedFields.
	ByObject map[client.Object]cache.ByObject
	// SkipNameValidation allows several managers in one process, as tests need it.
	SkipNameValidation bool
}

// shutdownTimeout bounds how long a stopping manager waits for reconciliations under way,
// whose engine calls have deadlines of their own.
const shutdownTimeout = 20 * time.Second

// NewManager returns a manager that runs controllers against the API that cfg
// reaches. It opens no port: metrics are in controller-runtime's registry
// (sigs.k8s.io/controller-runtime/pkg/metrics) for the caller to serve. Start it with
// manager.Start, which blocks until its context ends.
func NewManager(cfg *rest.Config, opts ManagerOptions) (manager.Manager, error) {
	cfg = rest.CopyConfig(cfg)
	// The API is in the same process or next to it: the client's own throttle would only
	// delay what is due at a certain moment.
	cfg.QPS = -1
	timeout := shutdownTimeout
	mgr, err := manager.New(cfg, manager.Options{
		Scheme: opts.Scheme,
		Logger: opts.Logger,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			// Each watch costs memory: an object that no controller watches is read live or not at all.
			ReaderFailOnMissingInformer: true,
			ByObject:                    opts.ByObject,
		},
		Client:                        client.Options{FieldOwner: fieldOwner},
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:        "0",
		LeaderElection:                opts.LeaderElection,
		LeaderElectionNamespace:       opts.LeaderElectionNamespace,
		LeaderElectionID:              opts.LeaderElectionID,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &timeout,
		Controller: config.Controller{
			SkipNameValidation: &opts.SkipNameValidation,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("creating the manager: %w", err)
	}
	return mgr, nil
}

// fieldOwner is the name under which the controllers' writes are listed in managedFields.
const fieldOwner = "containerlease-controllers"
