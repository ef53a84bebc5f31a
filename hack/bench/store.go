package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	apiruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// StoreSection compares the stores.
type StoreSection struct {
	Rounds      int        `json:"rounds"`
	Objects     int        `json:"objects"`
	ObjectBytes int        `json:"objectBytes"`
	Rows        []StoreRow `json:"rows"`
}

// StoreRow is one operation at one number of workers.
type StoreRow struct {
	Operation string    `json:"operation"`
	Workers   int       `json:"workers"`
	Redis     StoreSide `json:"redis"`
	Etcd      StoreSide `json:"etcd3"`
	// Throughput is redis / etcd3 of all rounds together: more is better for us. ThroughputLeast and ThroughputMost are the
	// ratios of the rounds that were worst and best for us, and show the noise.
	Throughput      float64 `json:"throughputRatio"`
	ThroughputLeast float64 `json:"throughputRatioLeast"`
	ThroughputMost  float64 `json:"throughputRatioMost"`
	// Latency is redis / etcd3 of the medians: less is better for us.
	Latency float64 `json:"latencyRatio"`
}

// StoreSide is how one store did.
type StoreSide struct {
	Summary
	OpsPerSecond float64 `json:"opsPerSecond"`
}

// manyWorkers is how many write at once in the second half of the table.
const manyWorkers = 16

// measureStores runs each workload on both stores in turn.
func measureStores(ctx context.Context, b *bench, report *Report) error {
	codec, err := newCodec()
	if err != nil {
		return err
	}
	fixtures, err := startStores(ctx, b, codec)
	for _, f := range fixtures {
		defer f.destroy()
	}
	if err != nil {
		return err
	}
	encoded, err := apiruntime.Encode(codec, newLease("lease-0000"))
	if err != nil {
		return err
	}
	section := &StoreSection{Rounds: b.times(7, 2), Objects: len(fixtures[0].objects), ObjectBytes: len(encoded)}
	report.Store = section

	for _, w := range workloads {
		for _, load := range []struct{ workers, n int }{{1, w.one}, {manyWorkers, w.many}} {
			b.progress("store: %s with %d at once", w.name, load.workers)
			n := b.times(load.n, load.workers)
			var series [2][]slice
			// Round 0 warms up, and is thrown away.
			for round := range section.Rounds + 1 {
				for turn := range fixtures {
					side := (round + turn) % len(fixtures)
					// One side's garbage is not to be collected on the other's time.
					runtime.GC()
					measured, err := w.run(fixtures[side], ctx, load.workers, n)
					if err != nil {
						return fmt.Errorf("%s on %s: %w", w.name, fixtures[side].name, err)
					}
					if round > 0 {
						series[side] = append(series[side], measured)
					}
				}
			}
			section.Rows = append(section.Rows, compare(w.name, load.workers, series[0], series[1]))
		}
	}
	return nil
}

// startStores returns a populated Redis and a populated etcd, in this order, or as many as could be started.
func startStores(ctx context.Context, b *bench, codec apiruntime.Codec) ([]*fixture, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	var fixtures []*fixture
	for _, start := range []func(dir string) (*backend, error){
		func(dir string) (*backend, error) { return startRedis(ctx, dir, codec) },
		func(dir string) (*backend, error) { return startEtcd(ctx, self, dir, codec) },
	} {
		dir, err := os.MkdirTemp(b.dir, "store-")
		if err != nil {
			return fixtures, err
		}
		started, err := start(dir)
		if err != nil {
			return fixtures, err
		}
		f := &fixture{backend: started, objects: make([]*v1alpha1.ContainerLease, b.times(1000, manyWorkers))}
		fixtures = append(fixtures, f)
		if err := f.populate(ctx); err != nil {
			return fixtures, fmt.Errorf("populating %s: %w", f.name, err)
		}
	}
	return fixtures, nil
}

// compare sums the rounds up.
func compare(operation string, workers int, redis, etcd []slice) StoreRow {
	row := StoreRow{Operation: operation, Workers: workers, Redis: sum(redis), Etcd: sum(etcd)}
	row.Throughput = ratio(row.Redis.OpsPerSecond, row.Etcd.OpsPerSecond)
	row.Latency = ratio(row.Redis.Median, row.Etcd.Median)
	for i := range redis {
		r := ratio(sum(redis[i:i+1]).OpsPerSecond, sum(etcd[i:i+1]).OpsPerSecond)
		if i == 0 || r < row.ThroughputLeast {
			row.ThroughputLeast = r
		}
		row.ThroughputMost = max(row.ThroughputMost, r)
	}
	return row
}

func sum(rounds []slice) StoreSide {
	var all []time.Duration
	var elapsed time.Duration
	for _, round := range rounds {
		all = append(all, round.latencies...)
		elapsed += round.elapsed
	}
	return StoreSide{Summary: summarize(all), OpsPerSecond: perSecond(len(all), elapsed)}
}
