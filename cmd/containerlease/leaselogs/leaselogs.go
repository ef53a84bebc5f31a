// Package leaselogs gives the API server the logs of leases from the hub that reads the engine's.
package leaselogs

import (
	"context"
	"errors"
	"fmt"
	"math"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
)

// Streamer is the API server's LogStreamer on the engine.
type Streamer struct{ hub *logs.Hub }

var _ server.LogStreamer = Streamer{}

// New returns the streamer of what hub reads.
func New(hub *logs.Hub) Streamer { return Streamer{hub} }

// Stream implements server.LogStreamer.
func (l Streamer) Stream(ctx context.Context, _, name string, uid types.UID, opts server.LogOptions, handle func(server.LogBatch) error) error {
	request := logs.Request{Follow: opts.Follow, Tail: -1, After: opts.After, Lossy: opts.Lossy}
	if opts.TailLines != nil {
		request.Tail = int(min(*opts.TailLines, math.MaxInt32))
	}
	var lines []server.LogLine
	err := l.hub.Stream(ctx, string(uid), request, func(batch logs.Batch) error {
		lines = lines[:0]
		for _, line := range batch.Lines {
			lines = append(lines, server.LogLine(line))
		}
		return handle(server.LogBatch{Dropped: batch.Dropped, Lines: lines})
	})
	switch {
	case errors.Is(err, driver.ErrNotFound):
		gone := apierrors.NewNotFound(v1alpha1.Resource("containerleases/log"), name)
		gone.ErrStatus.Message = fmt.Sprintf("the container of lease %q is gone, and its log with it", name)
		return gone
	case errors.Is(err, driver.ErrUnavailable), errors.Is(err, logs.ErrClosed):
		return apierrors.NewServiceUnavailable(fmt.Sprintf("reading the log of lease %q: %v", name, err))
	}
	return err
}
