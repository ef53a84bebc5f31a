package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Report is everything a run measured; a part that was not run is absent.
type Report struct {
	Started   time.Time         `json:"started"`
	Took      string            `json:"took"`
	Quick     bool              `json:"quick,omitempty"`
	Machine   Machine           `json:"machine"`
	Disk      Disk              `json:"disk"`
	Store     *StoreSection     `json:"store,omitempty"`
	Lease     *LeaseSection     `json:"lease,omitempty"`
	Logs      *LogsSection      `json:"logs,omitempty"`
	Footprint *FootprintSection `json:"footprint,omitempty"`
}

// print writes the report for people.
func (r *Report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nmachine: %d × %s, %d MiB, Linux %s, %s, load %s before\n", r.Machine.CPUs, r.Machine.CPUModel, r.Machine.MemoryMiB,
		r.Machine.Kernel, r.Machine.Go, r.Machine.Load)
	fmt.Fprintf(w, "disk: %s, append 2 KiB + fdatasync: median %.2f ms, p90 %.2f ms, n %d\n", r.Machine.FileSystem, r.Disk.Sync.Median, r.Disk.Sync.P90, r.Disk.Sync.N)
	if r.Quick {
		fmt.Fprintln(w, "QUICK RUN: a smoke test; don't quote these figures")
	}
	if r.Store != nil {
		r.Store.print(w)
	}
	if r.Lease != nil {
		r.Lease.print(w)
	}
	if r.Logs != nil {
		r.Logs.print(w)
	}
	if r.Footprint != nil {
		r.Footprint.print(w)
	}
	fmt.Fprintf(w, "\nstarted %s, took %s\n", r.Started.Format(time.RFC3339), r.Took)
	return w.Flush()
}

func (s *StoreSection) print(w io.Writer) {
	fmt.Fprintf(w, "\nSTORE: ours on redis-server (appendfsync always) beside Kubernetes' etcd3 store on etcd (default settings).\n")
	fmt.Fprintf(w, "Raw storage.Interface without watch cache, lists of %d leases of %d bytes, TCP loopback, %d alternating rounds. Latencies in ms.\n", s.Objects, s.ObjectBytes, s.Rounds)
	fmt.Fprintln(w, "operation\tworkers\tn\tredis ops/s\tetcd3 ops/s\tratio (rounds)\tredis median\tp90\tetcd3 median\tp90\tratio")
	for _, r := range s.Rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%.0f\t%.2f (%.2f–%.2f)\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", r.Operation, r.Workers, r.Redis.N,
			r.Redis.OpsPerSecond, r.Etcd.OpsPerSecond, r.Throughput, r.ThroughputLeast, r.ThroughputMost,
			r.Redis.Median, r.Redis.P90, r.Etcd.Median, r.Etcd.P90, r.Latency)
	}
	fmt.Fprintln(w, "Ratios are redis / etcd3: of throughput more is better, of latency less. Watch latency is from the start of the write to its event.")
}
