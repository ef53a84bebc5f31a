package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the etcd that startEtcd starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == etcdCommand {
		os.Exit(exitCode(serveEtcd(os.Args[2], os.Args[3], os.Args[4])))
	}
	os.Exit(m.Run())
}

func TestSummarize(t *testing.T) {
	ms := func(values ...int) []time.Duration {
		series := make([]time.Duration, len(values))
		for i, v := range values {
			series[i] = time.Duration(v) * time.Millisecond
		}
		return series
	}
	for name, tc := range map[string]struct {
		series []time.Duration
		want   Summary
	}{
		"Empty":      {nil, Summary{}},
		"One":        {ms(7), Summary{N: 1, Median: 7, P90: 7}},
		"Odd":        {ms(3, 1, 2), Summary{N: 3, Median: 2, P90: 2.8}},
		"Even":       {ms(4, 1, 3, 2), Summary{N: 4, Median: 2.5, P90: 3.7}},
		"OneOutlier": {ms(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000), Summary{N: 11, Median: 6, P90: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, summarize(tc.series)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompareLeases(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	leased := trace{asked: at(0), accepted: at(5), created: at(60), started: at(105), done: at(115)}
	bare := trace{asked: at(0), accepted: at(0), created: at(50), started: at(95), done: at(100)}
	foreign := bare
	foreign.created, foreign.started = at(-5000), at(-4950)

	for name, tc := range map[string]struct {
		bare  trace
		steps []LeaseStep
	}{
		"OneClock": {bare, []LeaseStep{
			{steps[0].name, 5, 0}, {steps[1].name, 55, 50}, {steps[2].name, 45, 45}, {steps[3].name, 10, 5},
		}},
		"EngineHasAnotherClock": {foreign, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := compareLeases([]trace{leased}, []trace{tc.bare})
			if got.Lease.Median != 115 || got.Bare.Median != 100 || !got.Met {
				t.Errorf("got %+v, want 115 ms beside 100 ms, which meets the goal", got)
			}
			if diff := cmp.Diff(tc.steps, got.Steps); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompareLogs(t *testing.T) {
	sources := []logSource{{name: "peer"}, {name: "ours"}}
	looks := [][]logsLook{
		{{lines: burstLines, took: time.Second, latencies: []time.Duration{time.Millisecond, 3 * time.Millisecond}}},
		{
			{lines: burstLines, took: 2 * time.Second}, {lines: burstLines / 2, took: time.Second},
			{lines: burstLines, took: time.Second, latencies: []time.Duration{2 * time.Millisecond}},
		},
	}
	want := []LogsWay{
		{Name: "peer", LinesPerSecond: []float64{burstLines}, Median: burstLines, Ratio: 1, LatencyMedian: 2, LatencyP99: 2.98},
		{Name: "ours", LinesPerSecond: []float64{burstLines / 2, burstLines / 2, burstLines}, Median: burstLines / 2, Ratio: 0.5,
			Lost: burstLines / 2, LatencyMedian: 2, LatencyP99: 2},
	}
	if diff := cmp.Diff(want, compareLogs(sources, looks).Ways); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStores runs every workload a few times, on a real Redis and a real etcd.
func TestStores(t *testing.T) {
	var out bytes.Buffer
	o := options{divide: 100, only: "store", output: "json", workDir: dirOnDisk(t)}
	if err := run(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if want := 2 * len(workloads); len(report.Store.Rows) != want {
		t.Fatalf("%d rows, want %d", len(report.Store.Rows), want)
	}
	if report.Store.Rounds < leastRounds {
		t.Errorf("%d rounds, want at least %d", report.Store.Rounds, leastRounds)
	}
	for _, row := range report.Store.Rows {
		if row.Redis.N == 0 || row.Redis.N != row.Etcd.N || row.Throughput <= 0 || row.Latency <= 0 {
			t.Errorf("%s with %d workers: %+v", row.Operation, row.Workers, row)
		}
	}
	if entries, err := os.ReadDir(o.workDir); err != nil || len(entries) != 0 {
		t.Errorf("left behind in the work directory: %v, %v", entries, err)
	}
}

// dirOnDisk is a directory in the checkout: t.TempDir is in memory on many machines.
func dirOnDisk(t *testing.T) string {
	t.Helper()
	parent := filepath.Join("..", "..", ".run")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(parent, "bench-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		options options
		want    string
	}{
		"UnknownPart":   {options{divide: 1, only: "store,lunch", output: "text", workDir: t.TempDir()}, `"lunch"`},
		"UnknownOutput": {options{output: "xml", workDir: t.TempDir()}, `"xml"`},
		"InMemory":      {options{output: "text", workDir: "/dev/shm"}, "-dir"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), tc.options, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %s", err, tc.want)
			}
		})
	}
}
