package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// FootprintSection is what the server costs by being there.
type FootprintSection struct {
	Leases int `json:"leases"`
	// StartFirst is from the start of the process to ready on a new data directory: certificates and Redis are made.
	StartFirst Summary `json:"startFirst"`
	// StartAgain is the same for an existing data directory without leases, StartLoaded for one with many.
	StartAgain  Summary `json:"startAgain"`
	StartLoaded Summary `json:"startLoaded"`
	// Idle is without leases. Loaded is with many, in the process that took them; Restarted after a restart.
	Idle      Memory `json:"idle"`
	Loaded    Memory `json:"loaded"`
	Restarted Memory `json:"restarted"`
}

// What a throwaway trial of the same design measured, for comparison.
const (
	trialStartMillis = 300
	trialServerMiB   = 68
)

// measureFootprint starts servers and looks at them. The leases are suspended before they ever ran, so that there is no
// container and the engine has no part in the figures; their controllers have settled.
func measureFootprint(ctx context.Context, b *bench, report *Report) error {
	if err := refuseNeighbours(ctx); err != nil {
		return err
	}
	section := &FootprintSection{Leases: b.times(1000, 100)}
	starts := b.times(7, 2)

	var first, again, loaded []time.Duration
	var dataDir string
	for range starts {
		var err error
		if dataDir, err = os.MkdirTemp(b.dir, "footprint-"); err != nil {
			return err
		}
		b.progress("footprint: first start")
		if err := b.visit(ctx, dataDir, &first, nil); err != nil {
			return err
		}
	}
	for range starts - 1 {
		b.progress("footprint: start on an existing data directory")
		if err := b.visit(ctx, dataDir, &again, nil); err != nil {
			return err
		}
	}
	err := b.visit(ctx, dataDir, &again, func(s *server) (err error) {
		b.progress("footprint: memory idle, then with %d leases", section.Leases)
		if section.Idle, err = b.settledMemory(ctx, s); err != nil {
			return err
		}
		if err := takeLeases(ctx, s, section.Leases); err != nil {
			return err
		}
		section.Loaded, err = b.settledMemory(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	for range starts - 1 {
		b.progress("footprint: start with %d leases", section.Leases)
		if err := b.visit(ctx, dataDir, &loaded, nil); err != nil {
			return err
		}
	}
	err = b.visit(ctx, dataDir, &loaded, func(s *server) (err error) {
		section.Restarted, err = b.settledMemory(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	section.StartFirst, section.StartAgain, section.StartLoaded = summarize(first), summarize(again), summarize(loaded)
	report.Footprint = section
	return nil
}

// visit starts a server, notes how long that took, lets look do its work if it is not nil, and stops the server.
func (b *bench) visit(ctx context.Context, dataDir string, took *[]time.Duration, look func(*server) error) error {
	s, err := b.startServer(ctx, dataDir)
	if err != nil {
		return err
	}
	defer s.stop()
	*took = append(*took, s.ready)
	if look == nil {
		return nil
	}
	if err := look(s); err != nil {
		return fmt.Errorf("%w; %s", err, s.lastWords())
	}
	return nil
}

// settledMemory reads the memory once the server has had time to finish what it was doing and to collect garbage.
func (b *bench) settledMemory(ctx context.Context, s *server) (Memory, error) {
	select {
	case <-time.After(time.Duration(b.times(10, 2)) * time.Second):
		return s.memory()
	case <-ctx.Done():
		return Memory{}, context.Cause(ctx)
	}
}

// takeLeases makes n suspended leases and waits until the controllers have seen to all of them.
func takeLeases(ctx context.Context, s *server, n int) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.Create(ctx, newClass()); err != nil {
		return fmt.Errorf("creating the class: %w", err)
	}
	_, err = spread(ctx, manyWorkers, n, func(ctx context.Context, i int) error {
		lease := newBenchLease(fmt.Sprintf("bench-%d", i))
		lease.Spec.OperatingMode = v1alpha1.OperatingModeSuspended
		return c.Create(ctx, lease)
	})
	if err != nil {
		return fmt.Errorf("creating leases: %w", err)
	}
	err = wait.PollUntilContextTimeout(ctx, time.Second, leaseTimeout, true, func(ctx context.Context) (bool, error) {
		var leases v1alpha1.ContainerLeaseList
		if err := c.List(ctx, &leases, client.InNamespace(benchNamespace)); err != nil {
			return false, err
		}
		unsettled := slices.ContainsFunc(leases.Items, func(lease v1alpha1.ContainerLease) bool {
			return lease.Status.Phase != v1alpha1.LeaseSuspended
		})
		return !unsettled && len(leases.Items) == n, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until %d leases are suspended: %w", n, err)
	}
	return nil
}

func (s *FootprintSection) print(w io.Writer) {
	fmt.Fprintf(w, "\nFOOTPRINT: containerlease serve with its own redis-server. Start → ready is from exec to the first 200 of /readyz; leases are suspended ones.\n")
	fmt.Fprintln(w, "start → ready, ms\tn\tmedian\tp90\ttrial")
	for _, row := range []struct {
		name string
		Summary
	}{
		{"first start, empty data directory", s.StartFirst},
		{"again, no leases", s.StartAgain},
		{fmt.Sprintf("again, %d leases", s.Leases), s.StartLoaded},
	} {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%d\n", row.name, row.N, row.Median, row.P90, trialStartMillis)
	}
	fmt.Fprintln(w, "resident, MiB\tserver\tof it not binary\tpeak\tredis-server\ttrial (server)")
	for _, row := range []struct {
		name string
		Memory
	}{
		{"idle", s.Idle},
		{fmt.Sprintf("after taking %d leases", s.Leases), s.Loaded},
		{fmt.Sprintf("restarted with %d leases", s.Leases), s.Restarted},
	} {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\n", row.name, row.Server, row.ServerOwn, row.ServerPeak, row.Redis, trialServerMiB)
	}
}
