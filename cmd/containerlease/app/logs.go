package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

// logs is the API server's LogStreamer on the engine.
type logs struct{ engine driver.Driver }

// Stream implements server.LogStreamer. A line of output is one write, so that lines of the two
// streams don't mix.
func (l logs) Stream(ctx context.Context, _, name string, uid types.UID, opts server.LogOptions, w io.Writer) error {
	options := driver.LogOptions{Follow: opts.Follow, Tail: -1, Since: opts.Since, Timestamps: opts.Timestamps}
	if opts.TailLines != nil {
		options.Tail = int(*opts.TailLines)
	}
	err := l.engine.Logs(ctx, string(uid), options, w, w)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		gone := apierrors.NewNotFound(v1alpha1.Resource("containerleases/log"), name)
		gone.ErrStatus.Message = fmt.Sprintf("the container of lease %q is gone, and its log with it", name)
		return gone
	case errors.Is(err, driver.ErrUnavailable):
		return apierrors.NewServiceUnavailable(fmt.Sprintf("reading the log of lease %q: %v", name, err))
	}
	return err
}
