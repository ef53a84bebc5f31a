// Package leasestats gives the API server what leases use from the hub that has the engine measure it.
package leasestats

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/stats"
)

// nanoPerMilli is how many billionths are a thousandth.
const nanoPerMilli = 1_000_000

// Streamer is the API server's StatsStreamer on the engine.
type Streamer struct{ hub *stats.Hub }

var _ server.StatsStreamer = Streamer{}

// New returns the streamer of what hub has.
func New(hub *stats.Hub) Streamer { return Streamer{hub} }

// Stream implements server.StatsStreamer.
func (s Streamer) Stream(ctx context.Context, _, name string, uid types.UID, handle func(server.Usage) error) error {
	err := s.hub.Stream(ctx, string(uid), func(u driver.Usage) error { return handle(usageOf(u)) })
	switch {
	case errors.Is(err, driver.ErrNotFound):
		gone := apierrors.NewNotFound(v1alpha1.Resource("containerleases/stats"), name)
		gone.ErrStatus.Message = fmt.Sprintf("the container of lease %q is gone, and uses nothing any more", name)
		return gone
	case errors.Is(err, driver.ErrUnavailable), errors.Is(err, stats.ErrClosed):
		return apierrors.NewServiceUnavailable(fmt.Sprintf("measuring what lease %q uses: %v", name, err))
	}
	return err
}

func usageOf(u driver.Usage) server.Usage {
	return server.Usage{
		At:      u.At,
		NanoCPU: u.NanoCPU, NanoCPULimit: u.Limits.MilliCPU * nanoPerMilli,
		MemoryBytes: u.MemoryBytes, MemoryLimitBytes: u.Limits.MemoryBytes,
		Pids: u.Pids,
	}
}
