package docker

import (
	"fmt"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// What every container gets, whatever its spec says.
const (
	// nofile bounds open files, so that one container can't use up the host's.
	nofile = 16384
	// logFiles of logFileSize each are kept of a container's output. Two at least, or rotation
	// would lose what was just written.
	logFiles    = 3
	logFileSize = "10m"
	// tmpSize is what a container with a read-only root can write to /tmp. It counts as its memory.
	tmpSize = "64m"
	// publishOn is where ports are reachable: from the engine's host alone.
	publishOn = "127.0.0.1"

	noNewPrivileges = "no-new-privileges"
)

// capabilities are all that root in a container keeps: enough for package managers and
// servers that change their user, nothing that reaches the kernel or the network below TCP.
var capabilities = strslice.StrSlice{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID",
}

// request is what we ask the engine to make.
type request struct {
	config *container.Config
	host   *container.HostConfig
}

// newRequest translates a valid spec. It is the only place that makes a HostConfig, and names
// every field it sets; what is not named here stays the engine's default.
func (d *Driver) newRequest(spec driver.ContainerSpec, cgroupns container.CgroupnsMode) request {
	exposed, bindings := portsFor(spec.Ports)
	initProcess := true
	host := &container.HostConfig{
		LogConfig: container.LogConfig{
			Type:   "json-file",
			Config: map[string]string{"max-size": logFileSize, "max-file": strconv.Itoa(logFiles)},
		},
		NetworkMode:    d.networkMode(spec.Network),
		PortBindings:   bindings,
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		CapDrop:        strslice.StrSlice{"ALL"},
		CapAdd:         append(strslice.StrSlice(nil), capabilities...),
		CgroupnsMode:   cgroupns,
		IpcMode:        container.IPCModePrivate,
		ReadonlyRootfs: spec.ReadOnlyRootFilesystem,
		SecurityOpt:    []string{noNewPrivileges},
		Runtime:        spec.Runtime,
		Init:           &initProcess,
		Resources:      resourcesFor(spec.Limits),
	}
	host.PidsLimit = &spec.PidsLimit
	host.Ulimits = []*container.Ulimit{{Name: "nofile", Soft: nofile, Hard: nofile}}
	if spec.ReadOnlyRootFilesystem {
		host.Tmpfs = map[string]string{"/tmp": "rw,nosuid,nodev,mode=1777,size=" + tmpSize}
	}

	config := &container.Config{
		Image:        spec.Image,
		Entrypoint:   spec.Command,
		Cmd:          spec.Args,
		WorkingDir:   spec.WorkingDir,
		User:         spec.User,
		Tty:          spec.TTY,
		ExposedPorts: exposed,
		Labels:       d.labels(spec.Owner),
	}
	for _, env := range spec.Env {
		config.Env = append(config.Env, env.Name+"="+env.Value)
	}
	return request{config: config, host: host}
}

// labels says whose container it is, and which server made it.
func (d *Driver) labels(owner driver.Identity) map[string]string {
	labels := owner.Labels()
	if d.opts.Instance != "" {
		labels[driver.LabelInstance] = d.opts.Instance
	}
	return labels
}

// resourcesFor returns the limits alone, as an update sends them too. Memory and swap
// are set to the same: the limit is the sum, so there is no swap beyond it.
func resourcesFor(limits driver.Limits) container.Resources {
	return container.Resources{
		NanoCPUs:   limits.MilliCPU * 1e6,
		Memory:     limits.MemoryBytes,
		MemorySwap: limits.MemoryBytes,
	}
}

func (d *Driver) networkMode(network driver.Network) container.NetworkMode {
	if network == driver.NetworkNone {
		return "none"
	}
	return container.NetworkMode(d.isolatedNetwork)
}

// portsFor publishes each port on a host port of the engine's choice.
func portsFor(ports []driver.Port) (nat.PortSet, nat.PortMap) {
	if len(ports) == 0 {
		return nil, nil
	}
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for _, port := range ports {
		p := nat.Port(fmt.Sprintf("%d/%s", port.ContainerPort, port.Protocol))
		exposed[p] = struct{}{}
		bindings[p] = []nat.PortBinding{{HostIP: publishOn}}
	}
	return exposed, bindings
}
