package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// fleet is the leases of TestFleet: three sizes, a few seconds each.
const fleetSize = 20

var fleetSizes = []struct {
	cpu, memory     string
	nanoCPUs, bytes int64
}{
	{"50m", "16Mi", 50e6, 16 << 20},
	{"100m", "32Mi", 100e6, 32 << 20},
	{"150m", "48Mi", 150e6, 48 << 20},
}

var fleetTTLs = []v1alpha1.Duration{"10s", "12s", "13s", "14s"}

// TestFleet runs twenty leases at once and, in one of its cases, kills the server twice, once
// while it creates containers and once while they expire. Neither changes the outcome.
func TestFleet(t *testing.T) {
	for _, tc := range []struct {
		name    string
		crashes bool
	}{{"Undisturbed", false}, {"KilledTwice", true}} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, startServer(t))
			leases := f.createFleet()
			if tc.crashes {
				f.eventually("a few containers run", func() error {
					if n := len(f.evidence.Runs("")); n < 4 {
						return fmt.Errorf("%d do", n)
					}
					return nil
				})
				f.crash()
			}
			for _, lease := range leases {
				f.await(lease, "running or over", func(l *v1alpha1.ContainerLease) bool { return l.Status.StartTime != nil })
			}
			if tc.crashes {
				f.eventually("one has expired", func() error {
					ended := 0
					for _, run := range f.evidence.Runs("") {
						if !run.DiedAt.IsZero() {
							ended++
						}
					}
					if ended == 0 {
						return fmt.Errorf("none has")
					}
					return nil
				})
				f.crash()
			}
			f.judgeFleet(leases)
			if !tc.crashes {
				_, metrics := f.server.probe("/metrics")
				contains(t, "/metrics", metrics,
					fmt.Sprintf("containerlease_expiry_lag_seconds_count %d\n", fleetSize),
					fmt.Sprintf("containerlease_provisioning_duration_seconds_count %d\n", fleetSize))
			}
		})
	}
}

// crash kills the server and starts it again.
func (f *fixture) crash() {
	f.Helper()
	from := time.Now()
	f.server.kill(f.T)
	f.server.mustStart(f.T)
	outage := Outage{from, time.Now()}
	f.Logf("killed and ready again after %s", outage.To.Sub(outage.From).Round(time.Millisecond))
	f.audit.Outages = append(f.audit.Outages, outage)
}

// createFleet creates all leases at once.
func (f *fixture) createFleet() []*v1alpha1.ContainerLease {
	f.Helper()
	leases := make([]*v1alpha1.ContainerLease, fleetSize)
	errs := make([]error, fleetSize)
	var group sync.WaitGroup
	for i := range leases {
		s := fleetSizes[i%len(fleetSizes)]
		leases[i] = f.lease(fmt.Sprintf("fleet-%02d", i), size(s.cpu, s.memory), ttl(fleetTTLs[i%len(fleetTTLs)]))
		group.Go(func() {
			ctx, cancel := f.context()
			defer cancel()
			if errs[i] = f.api.Create(ctx, leases[i]); errs[i] == nil {
				f.acknowledge(leases[i])
			}
		})
	}
	group.Wait()
	for i, err := range errs {
		f.must(err, "creating lease %s", leases[i].Name)
	}
	return leases
}

// judgeFleet waits until all leases are billed, and holds each against the engine's account.
func (f *fixture) judgeFleet(leases []*v1alpha1.ContainerLease) {
	f.Helper()
	var lags []time.Duration
	exact := 0
	for i, lease := range leases {
		ended, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
		runs := f.evidence.Runs(lease.UID)
		if len(runs) != 1 {
			f.Errorf("lease %s had %d runs, want 1", lease.Name, len(runs))
			continue
		}
		run := runs[0]
		s := fleetSizes[i%len(fleetSizes)]
		if run.NanoCPUs != s.nanoCPUs || run.Memory != s.bytes || run.MemorySwap != s.bytes {
			f.Errorf("lease %s ran with %d nano-CPUs, %d bytes (with swap %d), want %d and %d",
				lease.Name, run.NanoCPUs, run.Memory, run.MemorySwap, s.nanoCPUs, s.bytes)
		}
		lags = append(lags, f.judgeExpiry(ended, run))
		if f.judgeAmount(ended, record, run) {
			exact++
		}
	}
	slices.Sort(lags)
	f.Logf("expiry lag: median %s, largest %s; %d of %d ends seen by inspect to the nanosecond",
		lags[len(lags)/2].Round(time.Millisecond), lags[len(lags)-1].Round(time.Millisecond), exact, len(leases))
	f.eventually("no container is left", func() error {
		if left := f.containers(); len(left) > 0 {
			return fmt.Errorf("%d are", len(left))
		}
		return nil
	})
	f.expectOneRecordEach(leases)
}

// judgeExpiry returns how much later than its time a lease ended.
func (f *fixture) judgeExpiry(lease *v1alpha1.ContainerLease, run Run) time.Duration {
	f.Helper()
	length, err := lease.Spec.TTL.Parse()
	f.must(err, "ttl of %s", lease.Name)
	due := run.StartedAt.Add(length)
	if !lease.Status.ExpirationTime.Time.Equal(due) {
		f.Errorf("lease %s says it expires at %s; the engine started it at %s, so that is %s", lease.Name, lease.Status.ExpirationTime, run.StartedAt, due)
	}
	end := run.FinishedAt
	if end.IsZero() {
		end = run.DiedAt
	}
	lag := end.Sub(due)
	allowed := time.Second
	for _, outage := range f.audit.Outages {
		// Nobody was there when its time came: it ends with the recovery.
		if due.After(outage.From) && due.Before(outage.To) {
			allowed = outage.To.Sub(due) + 2*time.Second
		}
	}
	if lag < 0 || lag > allowed {
		f.Errorf("lease %s ended %s after its time, want between 0 and %s", lease.Name, lag, allowed)
	}
	return lag
}

// judgeAmount recomputes an amount from nothing but the engine's times, the size that was
// asked for and the class's prices. It reports whether the engine told the end exactly; else
// the record's end, which the auditor has found close to the engine's event, has to do.
func (f *fixture) judgeAmount(lease *v1alpha1.ContainerLease, record *v1alpha1.BillingRecord, run Run) bool {
	f.Helper()
	if len(record.Spec.Segments) != 1 {
		f.Errorf("lease %s is billed in %d segments, want 1", lease.Name, len(record.Spec.Segments))
		return false
	}
	end, exact := v1alpha1.NewTimestamp(run.FinishedAt), !run.FinishedAt.IsZero()
	if !exact {
		end = *record.Spec.Segments[0].FinishedAt
	}
	amount, _, err := Bill(newClass(testClass).Spec.Pricing, []v1alpha1.UsageSegment{{
		StartedAt: v1alpha1.NewTimestamp(run.StartedAt), FinishedAt: &end,
		CPU: *lease.Spec.Resources.CPU, Memory: *lease.Spec.Resources.Memory,
	}})
	f.must(err, "recomputing the amount of %s", lease.Name)
	if record.Spec.Amount != amount {
		f.Errorf("lease %s is billed %s, the engine's times give %s:\nbilled %+v\nengine %+v\nthe server's log about it:\n%s",
			lease.Name, record.Spec.Amount, amount, record.Spec.Segments, run, f.server.log.about(string(lease.UID), 30))
	}
	return exact
}

// expectOneRecordEach counts the records of the namespace.
func (f *fixture) expectOneRecordEach(leases []*v1alpha1.ContainerLease) {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	var records v1alpha1.BillingRecordList
	f.must(f.api.List(ctx, &records, inNamespace(f.namespace)), "listing records")
	count := map[types.UID]int{}
	for _, r := range records.Items {
		count[r.Spec.Lease.UID]++
	}
	for _, lease := range leases {
		if count[lease.UID] != 1 {
			f.Errorf("lease %s has %d billing records, want 1", lease.Name, count[lease.UID])
		}
	}
	if len(records.Items) != len(leases) {
		f.Errorf("%d billing records for %d leases", len(records.Items), len(leases))
	}
}
