package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// statsPath is the stats subresource of a lease.
func (f *fixture) statsPath(lease, query string) string {
	return fmt.Sprintf("/apis/containerlease.dev/v1alpha1/namespaces/%s/containerleases/%s/stats?%s", f.namespace, lease, query)
}

// TestStats reads and follows what a container uses that takes all the CPU it can get.
func TestStats(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("busy", size("100m", "32Mi"), script("while true; do :; done")))
	kubectl := f.kubectl()
	read := func(line string) (s v1alpha1.LeaseStats) {
		t.Helper()
		f.must(json.Unmarshal([]byte(line), &s), "reading %q", line)
		return s
	}
	// A second of a container that has just begun may hold little work.
	f.eventually("it is busy", func() error {
		s := read(kubectl.run("get", "--raw", f.statsPath("busy", "")))
		if s.Kind != "LeaseStats" || s.CPU.LimitNanoCores != 100_000_000 || s.Memory.LimitBytes != 32<<20 {
			t.Fatalf("got %+v", s)
		}
		if s.Memory.WorkingSetBytes <= 0 || s.Memory.WorkingSetBytes > s.Memory.LimitBytes || s.Pids.Current < 2 {
			return fmt.Errorf("it uses %+v", s)
		}
		if cpu := float64(s.CPU.UsageNanoCores); cpu <= 0 || cpu > 1.2*float64(s.CPU.LimitNanoCores) {
			return fmt.Errorf("it uses %+v", s)
		}
		return nil
	})

	// Who follows sees a new limit, and the end.
	follow := kubectl.start("get", "--raw", f.statsPath("busy", "follow=true"))
	follow.until(`"limitNanoCores":100000000`)
	lease = f.change(lease, size("200m", "48Mi"))
	line := follow.until(`"limitNanoCores":200000000`)
	if s := read(line[len(line)-1]); s.Memory.LimitBytes != 48<<20 {
		t.Errorf("after a resize: %+v", s)
	}
	lease = f.change(lease, func(l *v1alpha1.ContainerLease) { l.Spec.OperatingMode = v1alpha1.OperatingModeSuspended })
	follow.rest()
	f.await(lease, "suspended", inPhase(v1alpha1.LeaseSuspended))
	contains(t, "what a suspended lease uses", kubectl.fail("get", "--raw", f.statsPath("busy", "")), "suspended", "operatingMode")

	contains(t, "what nobody uses", kubectl.fail("get", "--raw", f.statsPath("nobody", "")), "not found")
	f.awaitBilled(f.create(f.lease("brief", script("exit 0"))), v1alpha1.FinishCompleted)
	contains(t, "what uses nothing any more", kubectl.fail("get", "--raw", f.statsPath("brief", "")), "is gone")
}
