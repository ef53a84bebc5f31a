package docker

import (
	"io"

	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// SetIsolatedNetwork gives a driver a network of its own, so that a test can break it.
func (d *Driver) SetIsolatedNetwork(name string) { d.isolatedNetwork = name }

// Request returns what the driver asks an engine for.
func (d *Driver) Request(spec driver.ContainerSpec) (*container.Config, *container.HostConfig) {
	r := d.newRequest(spec, container.CgroupnsModePrivate)
	return r.config, r.host
}

// ReadRecords reads a log stream as the engine sends it.
func ReadRecords(r io.Reader, tty bool, handle func([]driver.LogRecord) error) error {
	if tty {
		return readRecords(r, nextTTYRecord, handle)
	}
	return readRecords(r, nextFrame, handle)
}
