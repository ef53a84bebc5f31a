package v1alpha1

import (
	"net/url"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LeaseStats is what the container of a lease uses at a moment, and what it may use then. It is read at the
// stats subresource of a lease and stored nowhere.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type LeaseStats struct {
	metav1.TypeMeta `json:",inline"`

	// Timestamp is when the engine measured it.
	Timestamp Timestamp `json:"timestamp"`
	// CPU in use.
	CPU CPUStats `json:"cpu"`
	// Memory in use.
	Memory MemoryStats `json:"memory"`
	// Pids is about processes.
	Pids PidsStats `json:"pids"`
}

// CPUStats is the CPU that a container uses. A core is 1000000000.
type CPUStats struct {
	// UsageNanoCores is the average of about the last second. It may be a little above the limit, which the
	// kernel holds over periods of its own.
	UsageNanoCores int64 `json:"usageNanoCores"`
	// LimitNanoCores is the limit in force.
	LimitNanoCores int64 `json:"limitNanoCores"`
}

// MemoryStats is the memory that a container uses.
type MemoryStats struct {
	// WorkingSetBytes is the memory in use without file cache that was not used lately, which the kernel
	// can drop: the same that "docker stats" and "kubectl top" show.
	WorkingSetBytes int64 `json:"workingSetBytes"`
	// LimitBytes is the limit in force.
	LimitBytes int64 `json:"limitBytes"`
}

// PidsStats is about the processes of a container.
type PidsStats struct {
	// Current is how many processes and threads there are.
	Current int64 `json:"current"`
}

// ContainerLeaseStatsOptions are the query parameters of the stats subresource of a lease.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ContainerLeaseStatsOptions struct {
	metav1.TypeMeta `json:",inline"`

	// Follow keeps the response open and sends a LeaseStats a line, about once a second, until the container
	// ends. Who reads slowly misses some.
	// +optional
	Follow bool `json:"follow,omitempty"`
}

// ParseContainerLeaseStatsOptions reads query parameters. It fails for a value that can't be read.
func ParseContainerLeaseStatsOptions(query url.Values, out *ContainerLeaseStatsOptions) error {
	return readQuery(query, map[string]func(string) error{"follow": readBool(&out.Follow)})
}
