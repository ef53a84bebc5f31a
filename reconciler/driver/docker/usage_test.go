package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func TestUsageOf(t *testing.T) {
	epoch := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	measured := func(after, cpu time.Duration, memory container.MemoryStats) container.StatsResponse {
		return container.StatsResponse{
			Read:        epoch.Add(after),
			CPUStats:    container.CPUStats{CPUUsage: container.CPUUsage{TotalUsage: uint64(cpu)}},
			PidsStats:   container.PidsStats{Current: 2},
			MemoryStats: memory,
		}
	}
	none := container.MemoryStats{}
	for name, tc := range map[string]struct {
		before, now container.StatsResponse
		want        *driver.Usage
	}{
		"HalfACore": {measured(0, time.Hour, none), measured(2*time.Second, time.Hour+time.Second, none),
			&driver.Usage{At: epoch.Add(2 * time.Second), NanoCPU: 500_000_000, Pids: 2}},
		"Idle": {measured(0, time.Hour, none), measured(time.Second, time.Hour, none), &driver.Usage{At: epoch.Add(time.Second), Pids: 2}},
		"CgroupV1": {measured(0, 0, none), measured(time.Second, 0, container.MemoryStats{
			Usage: 100, Stats: map[string]uint64{"total_inactive_file": 30, "inactive_file": 1}}),
			&driver.Usage{At: epoch.Add(time.Second), MemoryBytes: 70, Pids: 2}},
		"CgroupV2": {measured(0, 0, none), measured(time.Second, 0, container.MemoryStats{
			Usage: 100, Stats: map[string]uint64{"inactive_file": 30}}),
			&driver.Usage{At: epoch.Add(time.Second), MemoryBytes: 70, Pids: 2}},
		"First":        {container.StatsResponse{}, measured(time.Second, 0, none), nil},
		"Ended":        {measured(0, 0, none), container.StatsResponse{}, nil},
		"Repeated":     {measured(time.Second, 0, none), measured(time.Second, 0, none), nil},
		"StartedAgain": {measured(0, time.Hour, none), measured(time.Second, 0, none), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := usageOf(tc.before, tc.now)
			var want driver.Usage
			if tc.want != nil {
				want = *tc.want
			}
			if diff := cmp.Diff(want, got); diff != "" || ok != (tc.want != nil) {
				t.Errorf("ok is %t (-want +got):\n%s", ok, diff)
			}
		})
	}
}
