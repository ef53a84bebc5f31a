package docker

import (
	"encoding/json"
	"io"

	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func decodeMemory(r io.Reader) (container.MemoryStats, error) {
	var stats container.StatsResponse
	err := json.NewDecoder(r).Decode(&stats)
	return stats.MemoryStats, err
}

// workingSet is the memory in use that can't be dropped, as the kernel's own accounting has it:
// everything but file cache that wasn't used lately. cgroup v1 and v2 name the latter differently.
func workingSet(memory container.MemoryStats) uint64 {
	inactive, ok := memory.Stats["total_inactive_file"]
	if !ok {
		inactive = memory.Stats["inactive_file"]
	}
	if inactive >= memory.Usage {
		return 0
	}
	return memory.Usage - inactive
}

// usageOf is what a container used from one measurement to the next, without its limits. It reports false if they
// are no such pair: one of them is the first, or the engine's repetition, or of a container that doesn't run, or
// the container was started anew in between.
func usageOf(before, now container.StatsResponse) (usage driver.Usage, ok bool) {
	elapsed := now.Read.Sub(before.Read)
	was, is := before.CPUStats.CPUUsage.TotalUsage, now.CPUStats.CPUUsage.TotalUsage
	if before.Read.IsZero() || now.Read.IsZero() || elapsed <= 0 || is < was {
		return driver.Usage{}, false
	}
	return driver.Usage{
		At: now.Read,
		// Nanoseconds a second are billionths of a core.
		NanoCPU:     int64(float64(is-was) / elapsed.Seconds()),
		MemoryBytes: int64(workingSet(now.MemoryStats)),
		Pids:        int64(now.PidsStats.Current),
	}, true
}
