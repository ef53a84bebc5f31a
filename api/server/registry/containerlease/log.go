package containerlease

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// LogOptions say which lines of a container's output are wanted.
type LogOptions struct {
	// Follow goes on until the container ends.
	Follow bool
	// TailLines is how many of the last lines are wanted; nil means all.
	TailLines *int64
	// After leaves out lines up to and including this moment; zero means none.
	After time.Time
	// Lossy lets lines be passed over if whoever follows doesn't keep up.
	Lossy bool
}

// LogLine is a line of output, or a part of a long one.
type LogLine struct {
	// At grows from each line to the next, and is the same whenever the line is read.
	At time.Time
	// Stderr tells standard error from standard output.
	Stderr bool
	// Partial means that the line goes on in the next one of its stream.
	Partial bool
	// Text is what was written, with its line end if it has one.
	Text []byte
}

// LogBatch is lines that follow each other.
type LogBatch struct {
	// Dropped is how many lines before the first were passed over.
	Dropped int64
	// Lines, and their text, are valid until the handler returns.
	Lines []LogLine
}

// LogStreamer reads the output of a lease's container.
type LogStreamer interface {
	// Stream hands the output of the container of the lease with this UID to handle, oldest line
	// first. It blocks until all of it is handled, with Follow until the container ends, or until ctx ends:
	// then it returns promptly, whatever the engine does. An error from handle ends it. It leaves
	// nothing running behind that depends on ctx.
	//
	// handle may take its time, and is called from one goroutine. The first call begins the response, so with
	// Follow there is one without lines as soon as it stands.
	//
	// An error that is an API status (apierrors.NewNotFound, …) and comes before the first call
	// becomes the response; any other becomes a 503.
	Stream(ctx context.Context, namespace, name string, uid types.UID, opts LogOptions, handle func(LogBatch) error) error
}

// LogStorage serves containerleases/log.
type LogStorage struct {
	leases   Storage
	streamer LogStreamer
	clock    clock.PassiveClock
	stop     <-chan struct{}
}

// NewLog returns the storage of containerleases/log. Streams end when stop is closed.
func NewLog(leases Storage, streamer LogStreamer, clock clock.PassiveClock, stop <-chan struct{}) LogStorage {
	return LogStorage{leases, streamer, clock, stop}
}

// New returns an empty lease: the subresource has no kind of its own.
func (LogStorage) New() runtime.Object { return &v1alpha1.ContainerLease{} }

// Destroy does nothing.
func (LogStorage) Destroy() {}

// ConnectMethods says that a log is only read.
func (LogStorage) ConnectMethods() []string { return []string{http.MethodGet} }

// NewConnectOptions returns what the query is decoded into.
func (LogStorage) NewConnectOptions() (runtime.Object, bool, string) {
	return &v1alpha1.ContainerLeaseLogOptions{}, false, ""
}

// ProducesMIMETypes implements rest.StorageMetadata.
func (LogStorage) ProducesMIMETypes(string) []string {
	return []string{"text/plain", ndjson}
}

// ProducesObject implements rest.StorageMetadata.
func (LogStorage) ProducesObject(string) any { return "" }

// Connect finds the lease and returns the handler that streams its log. It fails with
// 404 if there is no lease, 409 if its container has not been made yet, 422 for
// options that make no sense, 501 without a streamer.
func (s LogStorage) Connect(ctx context.Context, name string, options runtime.Object, responder rest.Responder) (http.Handler, error) {
	query, ok := options.(*v1alpha1.ContainerLeaseLogOptions)
	if !ok {
		return nil, fmt.Errorf("unexpected options %T", options)
	}
	if errs := v1alpha1.ValidateContainerLeaseLogOptions(query); len(errs) > 0 {
		return nil, apierrors.NewInvalid(v1alpha1.Kind("ContainerLeaseLogOptions"), name, errs)
	}
	if s.streamer == nil {
		return nil, apierrors.NewMethodNotSupported(v1alpha1.Resource("containerleases/log"), "get")
	}
	lease, err := s.leases.Lease(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := hasContainer(lease, "log"); err != nil {
		return nil, err
	}
	opts := s.streamOptions(query)
	namespace := genericapirequest.NamespaceValue(ctx)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := untilStop(req.Context(), s.stop)
		defer cancel()
		format := newLogFormat(query)
		out := &logWriter{stream: stream{response: w, contentType: format.contentType()}, format: format}
		err := s.streamer.Stream(ctx, namespace, lease.Name, lease.UID, opts, out.write)
		out.finish(ctx, err, "reading the log", responder)
	}), nil
}

// streamOptions translates the query.
func (s LogStorage) streamOptions(query *v1alpha1.ContainerLeaseLogOptions) LogOptions {
	opts := LogOptions{
		Follow:    query.Follow,
		TailLines: query.TailLines,
		Lossy:     query.Follow && query.Format == v1alpha1.LogJSON,
	}
	// A line that was written at the very moment is not older.
	switch {
	case query.SinceTime != nil:
		opts.After = query.SinceTime.Add(-1)
	case query.SinceSeconds != nil:
		opts.After = s.clock.Now().Add(-time.Duration(min(*query.SinceSeconds, maxSinceSeconds))*time.Second - 1)
	}
	if query.After != nil && query.After.After(opts.After) {
		opts.After = query.After.Time
	}
	return opts
}

// maxSinceSeconds keeps the multiplication from overflowing; it is a century.
const maxSinceSeconds = 100 * 366 * 24 * 3600
