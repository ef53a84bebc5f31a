// Package driver is the port to a container engine: what the controllers ask of
// one, in the engine's terms, and nothing of leases. The docker package
// implements it for real; the fake package keeps containers in memory for the
// controllers' unit tests. Both pass the suite in the conformance package, which
// is what makes the fake worth anything.
package driver

import (
	"context"
	"time"
)

// Driver drives one container engine.
//
// Every method but PullImage, Logs, Stats and Watch returns within the driver's own deadline,
// whatever the engine does, or earlier if ctx ends. Every method may be repeated:
// asking for what already holds is no error. Errors match one of the Err values of
// this package where a caller can act on the difference; a method retries nothing
// by itself.
//
// A container is owned if it bears all labels of an Identity. A driver never
// changes, stops or removes one that is not.
type Driver interface {
	// Info describes the engine. It fails with ErrUnavailable if the engine does not answer.
	Info(ctx context.Context) (Info, error)

	// Observe returns the container of the owner with this UID, as the engine describes it
	// now. It fails with ErrNotFound if there is none.
	Observe(ctx context.Context, uid string) (*Container, error)

	// List returns every owned container, running or not, in no order.
	List(ctx context.Context) ([]Container, error)

	// ImageExists returns the image the engine has under a reference. It fails with
	// ErrNotFound if it has none.
	ImageExists(ctx context.Context, reference string) (*Image, error)

	// PullImage fetches an image and blocks until it is there, ctx ends, or the registry
	// says nothing for a minute. It calls progress, if not nil, from one goroutine as
	// often as the engine reports. Fails with ErrNotFound if the registry has no such
	// image, ErrDenied if it lets us not have it, ErrInvalid if the reference is none. Many
	// registries answer for an image they don't have as for one they deny.
	PullImage(ctx context.Context, reference string, progress func(PullProgress)) (*Image, error)

	// Create makes the container of an owner, without starting it, and checks that the
	// engine applied the spec. If the owner's container exists already, it is returned
	// as it is (adoption). Fails with ErrNotFound if the image is absent, with
	// ErrConflict if the name is taken by a container that isn't the owner's, with
	// ErrInvalid if the engine refuses the spec, or takes it and doesn't apply all of it; then
	// the error names the field and nothing is left behind. An error that matches none of
	// these, because the container is being created or removed this moment, passes.
	Create(ctx context.Context, spec ContainerSpec) (*Container, error)

	// Start starts the container of an owner. Does nothing if it runs. Fails with
	// ErrNotFound if there is none. A command that can't be executed shows in one of two ways:
	// as ErrInvalid, or, since it is the init process that executes it, as an exit with code
	// 126 or 127 right after the start.
	Start(ctx context.Context, uid string) error

	// Resize changes the limits of the owner's container in place. Fails with ErrNotFound if there
	// is none, with ErrInvalid if the size is refused, for example memory below what is in use.
	Resize(ctx context.Context, uid string, limits Limits) error

	// Stop asks the engine to end the owner's container: the image's stop signal first, SIGKILL
	// after grace. It does not wait for the end (observe, or watch for it), and is no error if
	// the container does not run, or is gone. Asking again while a stop is under way changes nothing.
	Stop(ctx context.Context, uid string, grace time.Duration) error

	// Remove removes the owner's container, killing it if it runs, with its anonymous volumes.
	// Retry until Observe returns ErrNotFound; nil if it is gone already.
	Remove(ctx context.Context, uid string) error

	// LastExit returns when, and with what, the engine last saw the container with this
	// engine ID exit, even if the container is gone. It fails with ErrNotFound if the
	// engine remembers nothing of it; engines forget soon, and at their restart.
	LastExit(ctx context.Context, containerID string, since time.Time) (*Exit, error)

	// Logs hands the output of the owner's container to handle, in the order in which the engine keeps it,
	// until the end of it, or with Follow until the container ends. handle is called from one goroutine, with
	// as many records as there are at hand; they, and their Text, are valid until it returns. Once
	// whatever was there is handled, new output is handed over as it comes. If ctx ends
	// first, Logs returns the error of ctx; if handle fails, that error. A read without
	// Follow fails with ErrUnavailable if the engine falls silent in the middle of it. With a TTY, everything is
	// standard output. Returns ErrNotFound if there is no container.
	Logs(ctx context.Context, uid string, opts LogOptions, handle func([]LogRecord) error) error

	// Stats hands what the owner's container uses to handle, about once a second, as the engine measures it. It
	// blocks until the container ends (nil; at once if it does not run), ctx ends (the error of ctx) or handle
	// fails (that error). handle is called from one goroutine; the first call comes after two measurements. Fails
	// with ErrNotFound if there is no container, with ErrUnavailable if the engine falls silent.
	Stats(ctx context.Context, uid string, handle func(Usage) error) error

	// Watch calls handle from one goroutine for each event of an owned container, and blocks until ctx
	// ends (nil) or the engine ends the stream (an error). connected, if not nil, is called once
	// the stream stands: what happened before it must be relisted. Events are hints: they may be
	// missed or repeated.
	Watch(ctx context.Context, connected func(), handle func(Event)) error

	// ListStrays returns owned networks and volumes. Neither is made for a lease today, so whatever bears
	// the labels is a stray once its owner is gone.
	ListStrays(ctx context.Context) ([]Stray, error)

	// RemoveStray removes a network or volume that ListStrays returned; nil if it is gone already.
	// Fails with ErrConflict if what has that ID now isn't owned by the stray's owner.
	RemoveStray(ctx context.Context, stray Stray) error
}

// Identity says whose a container is. The labels of the container hold it.
type Identity struct {
	Namespace, Name, UID string
}

// Info describes an engine.
type Info struct {
	// Name of the engine's host.
	Name string
	// Version of the engine and of the API spoken with it.
	Version, APIVersion string
	// CPUs and Memory, in bytes, of the host: no container can have more.
	CPUs   int
	Memory int64
}

// Limits are the hard limits of a container.
type Limits struct {
	// MilliCPU in thousandths of a core.
	MilliCPU int64
	// MemoryBytes, swap included.
	MemoryBytes int64
}

// EnvVar is an environment variable.
type EnvVar struct{ Name, Value string }

// Port is a port of a container. HostIP and HostPort are set by the engine.
type Port struct {
	ContainerPort int32
	// Protocol is "tcp" or "udp".
	Protocol string
	HostIP   string
	HostPort int32
}

// Network says what a container can reach.
type Network string

const (
	// NetworkIsolated lets a container reach out, but not other owned containers.
	NetworkIsolated Network = "Isolated"
	// NetworkNone gives it a loopback interface only.
	NetworkNone Network = "None"
)

// ContainerSpec is what a container is to be. There is no field for host binds,
// devices, capabilities, sysctls or host namespaces, and none is to be added.
type ContainerSpec struct {
	Owner Identity
	// Image is a canonical reference, or the engine's image ID.
	Image string
	// Command replaces the entrypoint if not empty, Args the image's arguments.
	Command, Args []string
	Env           []EnvVar
	WorkingDir    string
	User          string
	TTY           bool
	Ports         []Port
	Limits        Limits
	PidsLimit     int64
	// ReadOnlyRootFilesystem mounts the image read-only, with a small writable /tmp.
	ReadOnlyRootFilesystem bool
	Network                Network
	// Runtime names an OCI runtime of the engine; empty is the engine's default.
	Runtime string
}

// State of a container.
type State string

const (
	// StateCreated means it has never run.
	StateCreated State = "Created"
	// StateRunning means it runs. A paused container counts as running: it holds its memory.
	StateRunning State = "Running"
	// StateExited means it ran and ended.
	StateExited State = "Exited"
	// StateRemoving means the engine is removing it, or failed to.
	StateRemoving State = "Removing"
)

// Container is a container as the engine describes it.
type Container struct {
	ID    string
	Name  string
	Owner Identity
	// Engine is Info.Name of the engine that has it. Empty in a List.
	Engine string
	// Instance is which server made it; empty if it doesn't say.
	Instance string
	// Image is the reference it was made from; ImageDigest the manifest digest where the
	// engine knows it, else the engine's image ID. Both are empty in a List.
	Image, ImageDigest string
	State              State
	// CreatedAt is the engine's time, as StartedAt and FinishedAt are.
	CreatedAt time.Time
	// StartedAt is when it last started; zero if never. Zero in a List.
	StartedAt time.Time
	// FinishedAt is when it last exited, and never before StartedAt; zero while it runs. Zero in a List.
	FinishedAt time.Time
	// ExitCode, OOMKilled and Error (the engine's own message, for example of a failed start)
	// are of the last exit. Empty in a List.
	ExitCode  int
	OOMKilled bool
	Error     string
	// Limits in force. Zero in a List.
	Limits Limits
	// Ports that are published. Empty in a List.
	Ports []Port
	TTY   bool
}

// Image is an image the engine has.
type Image struct {
	// ID is the engine's own: the digest of the image's configuration.
	ID string
	// Digest is the manifest digest a registry gave for the reference, or the ID.
	Digest string
}

// PullProgress says how far a pull is. Totals grow while the engine learns of layers.
type PullProgress struct {
	LayersDone, LayersTotal int
	BytesDone, BytesTotal   int64
}

// Exit is the end of a run of a container.
type Exit struct {
	At       time.Time
	ExitCode int
}

// LogOptions say which part of the output is wanted.
type LogOptions struct {
	Follow bool
	// Tail is the number of records from the end; negative is all.
	Tail int
	// Since leaves out records with an earlier time, if not zero.
	Since time.Time
}

// LogRecord is a piece of output as the engine keeps it: a line, or a part of a long one.
type LogRecord struct {
	// At is the engine's time. It is the same whenever the record is read, but need not grow from
	// each record to the next: the two streams are written down apart, and the parts
	// of a line all bear the time of the first.
	At time.Time
	// Stderr tells standard error from standard output.
	Stderr bool
	// Partial means that the engine cut the line here since it is long: it goes on in the next record of its
	// stream, if that bears the same time.
	Partial bool
	// Text is what was written, with its line end if it has one. What the container wrote last may have none.
	Text []byte
}

// Usage is what a running container uses.
type Usage struct {
	// At is the engine's time of the measurement. It grows from each to the next.
	At time.Time
	// NanoCPU is the CPU time, in billionths of a core, on average since the measurement before. The
	// kernel holds containers to their limit over periods of its own, so it can be a little above.
	NanoCPU int64
	// MemoryBytes is the working set: the memory in use that the kernel can't just drop.
	MemoryBytes int64
	// Pids is the number of processes and threads.
	Pids int64
	// Limits in force at about that time.
	Limits Limits
}

// Event says that something happened to an owned container.
type Event struct {
	Owner Identity
	// Action is the engine's word: "create", "start", "die", "oom", "destroy", "update", …
	Action string
	At     time.Time
}

// Stray is an owned network or volume.
type Stray struct {
	// Kind is "network" or "volume".
	Kind      string
	ID        string
	Owner     Identity
	CreatedAt time.Time
}
