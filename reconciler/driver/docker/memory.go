package docker

import (
	"encoding/json"
	"io"

	"github.com/docker/docker/api/types/container"
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
