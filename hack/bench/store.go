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

const (
	// manyWorkers is how many write at once in every second row of the table.
	manyWorkers = 16
	// leastRounds are played even if they take longer than partBudget.
	leastRounds = 2
)

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
	section := &StoreSection{Objects: len(fixtures[0].objects), ObjectBytes: len(encoded)}
	report.Store = section

	var contests []*contest
	for _, w := range workloads {
		contests = append(contests,
			&contest{workload: w, workers: 1, n: b.times(w.one, 1)},
			&contest{workload: w, workers: manyWorkers, n: b.times(w.many, manyWorkers)})
	}
	// Round 0 warms up, and is thrown away.
	start := time.Now()
	for round := range b.times(7, 2) + 1 {
		if section.Rounds >= leastRounds && time.Since(start) > partBudget {
			break
		}
		b.progress("store: round %d", round)
		for _, c := range contests {
			if err := c.play(ctx, round, fixtures); err != nil {
				return err
			}
		}
		section.Rounds = round
	}
	for _, c := range contests {
		section.Rows = append(section.Rows, compare(c.name, c.workers, c.series[0], c.series[1]))
	}
	return nil
}

// contest is a workload at one number of workers, and how the stores have done in each round.
type contest struct {
	workload
	workers, n int
	series     [2][]slice
}

// play runs a round of the contest on both stores; they take turns in going first.
func (c *contest) play(ctx context.Context, round int, fixtures []*fixture) error {
	for turn := range fixtures {
		side := (round + turn) % len(fixtures)
		// One side's garbage is not to be collected on the other's time.
		runtime.GC()
		measured, err := c.run(fixtures[side], ctx, c.workers, c.n)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", c.name, fixtures[side].name, err)
		}
		if round > 0 {
			c.series[side] = append(c.series[side], measured)
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
