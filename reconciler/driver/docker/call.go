package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs/pkg/errhttp"
	"github.com/docker/docker/client"
)

// do runs one operation of the driver: negotiated, within timeout, with its error
// classified and its duration observed.
func do[T any](ctx context.Context, d *Driver, operation string, timeout time.Duration, f func(context.Context) (T, error)) (T, error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var value T
	err := d.negotiate(ctx)
	if err == nil {
		value, err = f(ctx)
	}
	return value, d.finish(operation, started, err)
}

// finish classifies and observes the outcome of an operation that do doesn't fit.
func (d *Driver) finish(operation string, started time.Time, err error) error {
	if err != nil {
		err = fmt.Errorf("docker %s: %w", operation, classify(err))
	}
	if d.opts.CallDuration != nil {
		d.opts.CallDuration.WithLabelValues(operation, resultOf(err)).Observe(time.Since(started).Seconds())
	}
	return err
}

// negotiation settles the API version once. The client's own does it under a mutex that
// no deadline breaks, so that calls to a hanging engine would queue up, one timeout each;
// and it carries on with a version nobody agreed to if the engine does not answer.
type negotiation struct {
	done atomic.Bool
	turn chan struct{}
}

func (d *Driver) negotiate(ctx context.Context) error {
	n := &d.negotiation
	if n.done.Load() {
		return nil
	}
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.done.Load() {
		return nil
	}
	ping, err := d.cli.Ping(ctx)
	if err != nil {
		return err
	}
	d.cli.NegotiateAPIVersionPing(ping)
	n.done.Store(true)
	return nil
}

// get asks the engine directly, for answers that the client hides (fields it no longer
// knows) or makes hard to follow (a stream's beginning). The caller closes the body.
func (d *Driver) get(ctx context.Context, route string, query url.Values) (*http.Response, error) {
	host, err := client.ParseHostURL(d.cli.DaemonHost())
	if err != nil {
		return nil, err
	}
	target := url.URL{
		Scheme:   "http",
		Host:     host.Host,
		Path:     path.Join(host.Path, "/v"+d.cli.ClientVersion(), route),
		RawQuery: query.Encode(),
	}
	if host.Scheme == "unix" || host.Scheme == "npipe" {
		target.Host, target.Path = client.DummyHost, path.Join("/v"+d.cli.ClientVersion(), route)
	}
	if d.transport.TLSClientConfig != nil {
		target.Scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		return nil, responseError(resp)
	}
	return resp, nil
}

// responseError turns an engine's error answer into one that the errdefs predicates know.
func responseError(resp *http.Response) error {
	var body struct{ Message string }
	message := resp.Status
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&body); err == nil && body.Message != "" {
		message = body.Message
	}
	if kind := errhttp.ToNative(resp.StatusCode); kind != nil {
		return fmt.Errorf("%s: %w", message, kind)
	}
	return errors.New(message)
}
