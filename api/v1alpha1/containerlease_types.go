package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Finalizer is on every lease from before its container is created until the
// engine says that the container is gone and the billing record is written.
const Finalizer = "containerlease.dev/container"

// CreatedByAnnotation names the user who created a lease. The API sets it at creation;
// nobody changes it. The lease's billing record has it, too.
const CreatedByAnnotation = "containerlease.dev/created-by"

// ContainerLease asks for one container, with hard limits, for a limited time.
//
// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cl;lease;leases,categories=all
// +kubebuilder:printcolumn:name=Image,type=string,JSONPath=.spec.image
// +kubebuilder:printcolumn:name=Phase,type=string,JSONPath=.status.phase
// +kubebuilder:printcolumn:name=CPU,type=string,JSONPath=.spec.resources.cpu
// +kubebuilder:printcolumn:name=Memory,type=string,JSONPath=.spec.resources.memory
// +kubebuilder:printcolumn:name=Expires,type=string,JSONPath=.status.expirationTime
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=.metadata.creationTimestamp
// +kubebuilder:selectablefield:JSONPath=.spec.className
// +kubebuilder:selectablefield:JSONPath=.status.phase
// +kubebuilder:selectablefield:JSONPath=.status.container.id
type ContainerLease struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	Spec ContainerLeaseSpec `json:"spec"`
	// Status is what was last observed. Only the controllers write it.
	// +optional
	Status ContainerLeaseStatus `json:"status,omitempty"`
}

// ContainerLeaseList is a list of leases.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ContainerLeaseList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ContainerLease `json:"items"`
}

// OperatingMode says whether the container of a lease is to run.
// +enum
type OperatingMode string

const (
	// OperatingModeRunning means the container is to run.
	OperatingModeRunning OperatingMode = "Running"
	// OperatingModeSuspended means the container is to be stopped but kept, with
	// its file system. It is not charged while it is stopped; the lease's clock
	// goes on.
	OperatingModeSuspended OperatingMode = "Suspended"
)

// ContainerLeaseSpec is what is wanted of a lease. image, className, command,
// args, env, workingDir, user, tty and ports can't be changed afterwards; ttl,
// resources, operatingMode and the periods can.
type ContainerLeaseSpec struct {
	// Image is a catalog name of the lease's class, such as "ubuntu", or an image
	// reference that the class allows.
	Image string `json:"image"`
	// ClassName names the LeaseClass that says what is allowed and what it costs.
	// Defaults to the class marked as default.
	// +optional
	ClassName string `json:"className,omitempty"`
	// TTL is how long the container may run, such as "30m" or "1h30m", counted from
	// the moment it started. Change it to extend or shorten the lease.
	// Defaults to the class's default.
	// +optional
	TTL Duration `json:"ttl,omitempty"`
	// Resources are the hard limits of the container. They can be changed while it runs.
	// +optional
	Resources ResourceLimits `json:"resources,omitempty"`
	// Command replaces the entrypoint of the image.
	// +optional
	// +listType=atomic
	Command []string `json:"command,omitempty"`
	// Args replaces the default arguments of the image.
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// Env are environment variables of the container.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchStrategy=merge
	// +patchMergeKey=name
	Env []EnvVar `json:"env,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// WorkingDir is the absolute path the command starts in.
	// Defaults to the image's.
	// +optional
	WorkingDir string `json:"workingDir,omitempty"`
	// User is the user the command runs as: "name", "uid", "name:group" or "uid:gid".
	// Defaults to the image's.
	// +optional
	User string `json:"user,omitempty"`
	// TTY allocates a terminal for the command and keeps its standard input open.
	// +optional
	TTY bool `json:"tty,omitempty"`
	// Ports are the ports of the container to publish on the engine's loopback
	// address; the engine picks the host port, which status.container.ports shows.
	// +optional
	// +listType=map
	// +listMapKey=containerPort
	// +listMapKey=protocol
	// +patchStrategy=merge
	// +patchMergeKey=containerPort
	Ports []ContainerPort `json:"ports,omitempty" patchStrategy:"merge" patchMergeKey:"containerPort"`
	// OperatingMode is Running (the default) or Suspended.
	// +optional
	OperatingMode OperatingMode `json:"operatingMode,omitempty"`
	// TerminationGracePeriodSeconds is how long the command has to end by itself,
	// after the stop signal and before it is killed. 0 to 300, default 10.
	// +optional
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// ProvisioningDeadlineSeconds is how long it may take until the container runs,
	// the image pull included. 1 to 3600, default 300.
	// +optional
	ProvisioningDeadlineSeconds *int64 `json:"provisioningDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is how long the finished object stays to be read before it
	// is deleted. Its billing record stays. 0 to 2592000 (30 days), default 3600.
	// +optional
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ResourceLimits are the hard limits of a container.
type ResourceLimits struct {
	// CPU in cores, such as "500m" or "2", in whole milli-cores.
	// Defaults to the class's default.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// Memory in bytes, such as "512Mi"; swap is not added.
	// Defaults to the class's default.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// EnvVar is an environment variable.
type EnvVar struct {
	// Name of the variable.
	Name string `json:"name"`
	// Value of the variable, taken literally.
	// +optional
	Value string `json:"value,omitempty"`
}

// ContainerPort is a port of the container to publish.
type ContainerPort struct {
	// ContainerPort is the port the container listens on.
	ContainerPort int32 `json:"containerPort"`
	// Protocol is TCP (the default) or UDP.
	// +optional
	// +default="TCP"
	Protocol corev1.Protocol `json:"protocol,omitempty"`
}

// LeasePhase sums a lease up in a word, for people. Programs read the conditions.
// +enum
type LeasePhase string

const (
	// LeasePending means the lease is stored but nothing has been done for it yet.
	LeasePending LeasePhase = "Pending"
	// LeaseProvisioning means the image is being pulled or the container created and started.
	LeaseProvisioning LeasePhase = "Provisioning"
	// LeaseRunning means the container runs.
	LeaseRunning LeasePhase = "Running"
	// LeaseSuspended means the container is stopped because spec.operatingMode says so.
	LeaseSuspended LeasePhase = "Suspended"
	// LeaseTerminating means the container is being stopped, billed or removed.
	LeaseTerminating LeasePhase = "Terminating"
	// LeaseFinished means the lease ended as a lease should: expired, completed or deleted.
	LeaseFinished LeasePhase = "Finished"
	// LeaseFailed means the lease ended otherwise; status.finishReason says how.
	LeaseFailed LeasePhase = "Failed"
)

// FinishReason says why a lease ended.
// +enum
type FinishReason string

const (
	// FinishExpired means the time was up.
	FinishExpired FinishReason = "Expired"
	// FinishCompleted means the command exited with 0.
	FinishCompleted FinishReason = "Completed"
	// FinishFailed means the command exited with another code or was killed by a signal.
	FinishFailed FinishReason = "Failed"
	// FinishOOMKilled means the kernel killed the command for exceeding its memory limit.
	FinishOOMKilled FinishReason = "OOMKilled"
	// FinishDeleted means the lease was deleted while its container ran or was being provisioned.
	FinishDeleted FinishReason = "Deleted"
	// FinishLost means the container vanished, or its end was not recorded by the engine.
	FinishLost FinishReason = "Lost"
	// FinishProvisioningFailed means no container could be started before the deadline.
	FinishProvisioningFailed FinishReason = "ProvisioningFailed"
)

// ContainerLeaseStatus is what was last observed of a lease.
type ContainerLeaseStatus struct {
	// ObservedGeneration is the metadata.generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Phase sums the conditions up for people.
	// +optional
	Phase LeasePhase `json:"phase,omitempty"`
	// Conditions are Accepted, Provisioned, Ready, Finished and Billed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// Container is the container of the lease, as the engine describes it.
	// +optional
	Container *ContainerStatus `json:"container,omitempty"`
	// StartTime is when the container first ran, by the engine's clock. The lease's
	// clock starts here.
	// +optional
	StartTime *Timestamp `json:"startTime,omitempty"`
	// ExpirationTime is startTime + spec.ttl.
	// +optional
	ExpirationTime *Timestamp `json:"expirationTime,omitempty"`
	// FinishTime is when the container ended, by the engine's clock, or when the lease
	// was given up if none ever ran.
	// +optional
	FinishTime *Timestamp `json:"finishTime,omitempty"`
	// FinishReason says why the lease ended.
	// +optional
	FinishReason FinishReason `json:"finishReason,omitempty"`
	// LastObservedTime is the last time the container was seen running. It is refreshed
	// about twice a minute, and bounds the charge for a container whose end nobody saw.
	// +optional
	LastObservedTime *Timestamp `json:"lastObservedTime,omitempty"`
	// Pricing is the class's pricing as it was when the lease was accepted.
	// +optional
	Pricing *Pricing `json:"pricing,omitempty"`
	// Segments are the runs of the container so far, each at one size, in order of
	// time. The last one has no finishedAt while the container runs.
	// +optional
	// +listType=atomic
	Segments []UsageSegment `json:"segments,omitempty"`
	// Cost is what the lease costs.
	// +optional
	Cost *LeaseCost `json:"cost,omitempty"`
}

// ContainerStatus describes the container of a lease.
type ContainerStatus struct {
	// ID is the engine's ID of the container.
	// +optional
	ID string `json:"id,omitempty"`
	// Image is the canonical reference that spec.image stands for.
	// +optional
	Image string `json:"image,omitempty"`
	// ImageDigest is the digest of the image the container runs: of its manifest
	// where a registry gave one, else the engine's image ID.
	// +optional
	ImageDigest string `json:"imageDigest,omitempty"`
	// Engine is the name of the engine that runs the container.
	// +optional
	Engine string `json:"engine,omitempty"`
	// ExitCode of the command, once it ended.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// OOMKilled says whether the kernel killed the command for exceeding its memory limit.
	// +optional
	OOMKilled bool `json:"oomKilled,omitempty"`
	// Ports are the published ports.
	// +optional
	// +listType=atomic
	Ports []PortStatus `json:"ports,omitempty"`
}

// PortStatus says where a port of the container can be reached.
type PortStatus struct {
	// ContainerPort is the port the container listens on.
	ContainerPort int32 `json:"containerPort"`
	// Protocol is TCP or UDP.
	Protocol corev1.Protocol `json:"protocol"`
	// HostIP is the engine host's address the port is published on.
	HostIP string `json:"hostIP"`
	// HostPort is the port on HostIP.
	HostPort int32 `json:"hostPort"`
}

// LeaseCost is what a lease costs. Amounts are decimal strings in Currency.
type LeaseCost struct {
	// Currency is the ISO 4217 code of the amounts.
	Currency string `json:"currency"`
	// HourlyRate is the price of an hour at the current size.
	HourlyRate string `json:"hourlyRate"`
	// Estimated is the price if the container runs for all of spec.ttl.
	Estimated string `json:"estimated"`
	// Final is the amount of the billing record, once there is one.
	// +optional
	Final string `json:"final,omitempty"`
}

// UsageSegment is one run of a container at one size.
type UsageSegment struct {
	// ContainerID is the engine's ID of the container.
	ContainerID string `json:"containerID"`
	// StartedAt is when the run, or the run at this size, began.
	StartedAt Timestamp `json:"startedAt"`
	// FinishedAt is when it ended; absent while it goes on.
	// +optional
	FinishedAt *Timestamp `json:"finishedAt,omitempty"`
	// Evidence says where finishedAt comes from; absent while the run goes on.
	// +optional
	Evidence UsageEvidence `json:"evidence,omitempty"`
	// CPU limit during the segment.
	CPU resource.Quantity `json:"cpu"`
	// Memory limit during the segment.
	Memory resource.Quantity `json:"memory"`
}

// UsageEvidence says how the end of a usage segment is known.
// +enum
type UsageEvidence string

const (
	// EvidenceEngineExit means the engine recorded when the container exited.
	EvidenceEngineExit UsageEvidence = "EngineExit"
	// EvidenceResized means the limits were changed at that moment; the next segment
	// begins where this one ends.
	EvidenceResized UsageEvidence = "Resized"
	// EvidenceLastSeen means nobody saw the end: the segment ends at the last moment the
	// container was seen, which is in the user's favour.
	EvidenceLastSeen UsageEvidence = "LastSeen"
)

// LeaseReference names the lease that a billing record is for.
type LeaseReference struct {
	// Name of the lease.
	Name string `json:"name"`
	// UID of the lease; also the name of the billing record.
	UID types.UID `json:"uid"`
}
