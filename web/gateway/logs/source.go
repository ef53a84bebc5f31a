package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// apiPatience bounds each call of the API, and how long a stream may take to begin.
const apiPatience = 10 * time.Second

// errSlowAPI is why a stream was given up that did not begin.
var errSlowAPI = fmt.Errorf("no answer within %s", apiPatience)

// look reads the viewer's lease; nil if it is gone.
func (v *viewer) look(ctx context.Context) (*v1alpha1.ContainerLease, error) {
	// A viewer that leaves waits for the answer: the API server logs as errors what is broken off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiPatience)
	defer cancel()
	lease := &v1alpha1.ContainerLease{}
	err := v.Client.Get(ctx, v.key, lease)
	switch {
	case apierrors.IsNotFound(err) || err == nil && lease.UID != v.uid:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the lease: %w", err)
	}
	return lease, nil
}

// await blocks until a lease is no longer as it is, or for as long as a limit, if it isn't
// zero. It may return early.
func (v *viewer) await(ctx context.Context, lease *v1alpha1.ContainerLease, limit time.Duration) {
	var timeout <-chan time.Time
	if limit > 0 {
		timer := v.Clock.NewTimer(limit)
		defer timer.Stop()
		timeout = timer.C()
	}
	began := v.Clock.Now()
	changes, stop, err := begin(ctx, func(ctx context.Context) (watch.Interface, error) {
		return v.Client.Watch(ctx, &v1alpha1.ContainerLeaseList{}, client.InNamespace(lease.Namespace), &client.ListOptions{
			FieldSelector: fields.OneTermEqualSelector("metadata.name", lease.Name),
			Raw:           &metav1.ListOptions{ResourceVersion: lease.ResourceVersion},
		})
	})
	if err != nil {
		stop()
		v.pause(ctx, v.backOff())
		return
	}
	defer stop()
	defer changes.Stop()
	select {
	case event, ok := <-changes.ResultChan():
		// A watch that ends at once, and again, must not become a busy loop.
		if (!ok || event.Type == watch.Error) && v.Clock.Since(began) < minPause {
			v.pause(ctx, minPause)
		}
	case <-timeout:
	case <-ctx.Done():
	}
}

// pause waits.
func (v *viewer) pause(ctx context.Context, d time.Duration) {
	timer := v.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

// open begins to read the log of the viewer's lease where the viewer is. Whoever reads the stream
// calls the function when done with it. Its error is one of the API, where the API has answered.
func (v *viewer) open(ctx context.Context) (io.Reader, func(), error) {
	options := url.Values{"follow": {"true"}, "format": {v1alpha1.LogJSON}}
	if v.query.tail != nil && !v.began {
		options.Set("tailLines", strconv.FormatInt(*v.query.tail, 10))
	}
	if v.began || !v.query.after.IsZero() {
		options.Set("after", string(v.position))
	}
	target := fmt.Sprintf("http://in-process/apis/%s/namespaces/%s/containerleases/%s/log?%s",
		v1alpha1.SchemeGroupVersion, v.key.Namespace, v.key.Name, options.Encode())
	response, stop, err := begin(ctx, func(ctx context.Context) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return nil, err
		}
		return v.API.RoundTrip(request)
	})
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	end := func() {
		_ = response.Body.Close()
		stop()
	}
	if response.StatusCode != http.StatusOK {
		defer end()
		return nil, nil, fmt.Errorf("opening the log: %w", statusOf(response))
	}
	return response.Body, end, nil
}

// begin starts something that goes on, with a limit to how long it may take to begin. The
// function it returns ends it, and must be called.
func begin[T any](ctx context.Context, start func(context.Context) (T, error)) (T, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(apiPatience, func() { cancel(errSlowAPI) })
	begun, err := start(ctx)
	timer.Stop()
	if err != nil && errors.Is(context.Cause(ctx), errSlowAPI) {
		err = errSlowAPI
	}
	return begun, func() { cancel(context.Canceled) }, err
}

// statusOf is the error that a response of the API is.
func statusOf(response *http.Response) error {
	const enough = 64 << 10
	var status metav1.Status
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err == nil {
		err = json.Unmarshal(body, &status)
	}
	if err != nil || status.Reason == "" {
		return apierrors.NewGenericServerResponse(response.StatusCode, http.MethodGet,
			v1alpha1.Resource("containerleases/log"), "", "", 0, true)
	}
	return &apierrors.StatusError{ErrStatus: status}
}
