package containerlease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Usage is what a lease's container uses, and may use.
type Usage struct {
	// At is when it was measured.
	At time.Time
	// NanoCPU and NanoCPULimit are billionths of a core.
	NanoCPU, NanoCPULimit int64
	// MemoryBytes is the working set.
	MemoryBytes, MemoryLimitBytes int64
	// Pids is the number of processes and threads.
	Pids int64
}

// StatsStreamer measures what a lease's container uses.
type StatsStreamer interface {
	// Stream hands what the container of the lease with this UID uses to handle, about once a second. It blocks until
	// the container ends (nil; at once if it does not run), or until ctx ends: then it returns promptly, whatever the engine
	// does. An error from handle ends it. It leaves nothing running behind that depends on ctx.
	//
	// handle may take its time, and misses what is measured meanwhile. It is called from one goroutine.
	//
	// An error that is an API status (apierrors.NewNotFound, …) and comes before the first call
	// becomes the response; any other becomes a 503.
	Stream(ctx context.Context, namespace, name string, uid types.UID, handle func(Usage) error) error
}

// StatsStorage serves containerleases/stats.
type StatsStorage struct {
	leases   Storage
	streamer StatsStreamer
	stop     <-chan struct{}
}

// NewStats returns the storage of containerleases/stats. Streams end when stop is closed.
func NewStats(leases Storage, streamer StatsStreamer, stop <-chan struct{}) StatsStorage {
	return StatsStorage{leases, streamer, stop}
}

// New returns an empty object of the kind of the subresource.
func (StatsStorage) New() runtime.Object { return &v1alpha1.LeaseStats{} }

// Destroy does nothing.
func (StatsStorage) Destroy() {}

// ConnectMethods says that usage is only read.
func (StatsStorage) ConnectMethods() []string { return []string{http.MethodGet} }

// NewConnectOptions returns what the query is decoded into.
func (StatsStorage) NewConnectOptions() (runtime.Object, bool, string) {
	return &v1alpha1.ContainerLeaseStatsOptions{}, false, ""
}

// ProducesMIMETypes implements rest.StorageMetadata.
func (StatsStorage) ProducesMIMETypes(string) []string {
	return []string{runtime.ContentTypeJSON, ndjson}
}

// ProducesObject implements rest.StorageMetadata.
func (StatsStorage) ProducesObject(string) any { return v1alpha1.LeaseStats{} }

// Connect finds the lease and returns the handler that answers with what its container uses. It fails with
// 404 if there is no lease, 409 if its container has not been made yet, 405 without a streamer.
func (s StatsStorage) Connect(ctx context.Context, name string, options runtime.Object, responder rest.Responder) (http.Handler, error) {
	query, ok := options.(*v1alpha1.ContainerLeaseStatsOptions)
	if !ok {
		return nil, fmt.Errorf("unexpected options %T", options)
	}
	if s.streamer == nil {
		return nil, apierrors.NewMethodNotSupported(v1alpha1.Resource("containerleases/stats"), "get")
	}
	lease, err := s.leases.Lease(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := hasContainer(lease, "usage"); err != nil {
		return nil, err
	}
	namespace := genericapirequest.NamespaceValue(ctx)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := untilStop(req.Context(), s.stop)
		defer cancel()
		measure := func(handle func(Usage) error) error {
			return s.streamer.Stream(ctx, namespace, lease.Name, lease.UID, handle)
		}
		if query.Follow {
			follow(ctx, w, measure, responder)
		} else {
			once(lease, measure, responder)
		}
	}), nil
}

// reading is what is done when usage can't be measured.
const reading = "measuring usage"

// errEnough ends a stream of which the first measurement was wanted.
var errEnough = errors.New("enough")

// once answers with the first measurement.
func once(lease *v1alpha1.ContainerLease, measure func(func(Usage) error) error, responder rest.Responder) {
	var stats *v1alpha1.LeaseStats
	err := measure(func(u Usage) error {
		stats = statsOf(u)
		return errEnough
	})
	switch {
	case stats != nil:
		responder.Object(http.StatusOK, stats)
	case err != nil:
		responder.Error(statusOf(err, reading))
	default:
		responder.Error(doesNotRun(lease))
	}
}

// follow answers with each measurement in a line, for as long as the container runs: with none, if it doesn't,
// or not any more. Who follows a lease sees by the lease itself why there is no more, and can't know when it asks
// whether there is any.
func follow(ctx context.Context, w http.ResponseWriter, measure func(func(Usage) error) error, responder rest.Responder) {
	out := &stream{response: w, contentType: ndjson}
	err := measure(func(u Usage) error {
		line, err := json.Marshal(statsOf(u))
		if err != nil {
			return err
		}
		return out.send(append(line, '\n'))
	})
	if apierrors.IsNotFound(err) {
		err = nil
	}
	out.finish(ctx, err, reading, responder)
}

// doesNotRun says what to do about a container that the engine says does not run, by what its lease says.
func doesNotRun(lease *v1alpha1.ContainerLease) error {
	why := "its container does not run; wait until the lease is Ready"
	switch {
	case lease.Status.FinishTime != nil:
		why = "its container has ended: " + string(lease.Status.FinishReason)
	case lease.Spec.OperatingMode == v1alpha1.OperatingModeSuspended:
		why = "it is suspended; set spec.operatingMode to Running to resume it"
	}
	return absent(lease, "usage", why)
}

// statsOf writes a measurement as the API does.
func statsOf(u Usage) *v1alpha1.LeaseStats {
	stats := &v1alpha1.LeaseStats{
		Timestamp: v1alpha1.NewTimestamp(u.At),
		CPU:       v1alpha1.CPUStats{UsageNanoCores: u.NanoCPU, LimitNanoCores: u.NanoCPULimit},
		Memory:    v1alpha1.MemoryStats{WorkingSetBytes: u.MemoryBytes, LimitBytes: u.MemoryLimitBytes},
		Pids:      v1alpha1.PidsStats{Current: u.Pids},
	}
	stats.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("LeaseStats"))
	return stats
}
