package containerlease

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// Since leaves out older lines; zero means none.
	Since time.Time
	// Timestamps puts the time of each line in front of it.
	Timestamps bool
}

// LogStreamer copies the output of a lease's container.
type LogStreamer interface {
	// Stream writes the output of the container of the lease with this UID to w, oldest line
	// first, standard output and standard error as they come. It blocks until all of it is written,
	// with Follow until the container ends, or until ctx ends: then it returns promptly, whatever
	// the engine does. An error from w ends it. It leaves nothing running behind.
	//
	// Each write should hold whole lines: the caller flushes after it.
	//
	// An error that is an API status (apierrors.NewNotFound, …) and comes before the first write
	// becomes the response; any other becomes a 503. Stream retries nothing.
	Stream(ctx context.Context, namespace, name string, uid types.UID, opts LogOptions, w io.Writer) error
}

// LogStorage serves containerleases/log.
type LogStorage struct {
	leases   Storage
	streamer LogStreamer
	clock    clock.PassiveClock
	stop     <-chan struct{}
}

// NewLog returns the storage of containerleases/log. Streams end when stop is closed,
// so that nobody who follows a log can hold up the end of the server.
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
func (LogStorage) ProducesMIMETypes(string) []string { return []string{"text/plain"} }

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
	if err := hasLog(lease); err != nil {
		return nil, err
	}
	opts := LogOptions{Follow: query.Follow, TailLines: query.TailLines, Timestamps: query.Timestamps}
	switch {
	case query.SinceTime != nil:
		opts.Since = query.SinceTime.Time
	case query.SinceSeconds != nil:
		opts.Since = s.clock.Now().Add(-time.Duration(min(*query.SinceSeconds, maxSinceSeconds)) * time.Second)
	}
	namespace := genericapirequest.NamespaceValue(ctx)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithCancel(req.Context())
		defer cancel()
		out := &logWriter{response: w}
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-s.stop:
				cancel()
			case <-done:
			}
		}()
		if opts.Follow {
			// Whoever follows a silent container wants to know that the stream stands.
			out.begin()
		}
		err := s.streamer.Stream(ctx, namespace, lease.Name, lease.UID, opts, out)
		out.finish(ctx, err, responder)
	}), nil
}

// maxSinceSeconds keeps the multiplication from overflowing; it is a century.
const maxSinceSeconds = 100 * 366 * 24 * 3600

// hasLog says why a lease has no log, if that can be told without asking the engine.
func hasLog(lease *v1alpha1.ContainerLease) error {
	if lease.Status.Container != nil && lease.Status.Container.ID != "" {
		return nil
	}
	why := "its container has not been created yet"
	switch {
	case lease.Status.FinishTime != nil:
		why = "it ended without a container: " + string(lease.Status.FinishReason)
	case lease.Status.Phase != "":
		why += " (it is " + string(lease.Status.Phase) + ")"
	}
	return apierrors.NewConflict(v1alpha1.Resource("containerleases"), lease.Name, errors.New("no log: "+why))
}

// logWriter begins the response with the first line and flushes each write.
type logWriter struct {
	response http.ResponseWriter
	begun    bool
}

func (w *logWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	w.response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.response.Header().Set("X-Content-Type-Options", "nosniff")
	w.response.WriteHeader(http.StatusOK)
	w.flush()
}

func (w *logWriter) flush() {
	if flusher, ok := w.response.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Write implements io.Writer.
func (w *logWriter) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.response.Write(p)
	if err == nil {
		w.flush()
	}
	return n, err
}

// finish ends the response. An error after its beginning can only be shown by breaking
// off, which tells the client that lines are missing.
func (w *logWriter) finish(ctx context.Context, err error, responder rest.Responder) {
	switch {
	case err == nil:
		w.begin()
	case w.begun:
		if ctx.Err() == nil {
			panic(http.ErrAbortHandler)
		}
	default:
		var status apierrors.APIStatus
		if !errors.As(err, &status) {
			err = apierrors.NewServiceUnavailable("reading the log: " + err.Error())
		}
		responder.Error(err)
	}
}
