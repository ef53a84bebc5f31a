package docker_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/conformance"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) (driver.Driver, conformance.Harness) {
		h := newHarness(t)
		return newDriver(t, docker.Options{}), h
	})
}

// newDriver returns a driver that is closed when the test ends, after all its containers are gone.
func newDriver(t testing.TB, opts docker.Options) *docker.Driver {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	d, err := docker.New(opts)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

type harness struct {
	cli      *client.Client
	registry *drivertest.Registry
}

func newHarness(t *testing.T) *harness {
	cli := drivertest.Client(t)
	drivertest.EnsureTestImage(t, cli)
	return &harness{cli: cli, registry: drivertest.NewRegistry(t)}
}

func (h *harness) Image() string { return drivertest.Image }

// Command writes the program as a shell script.
func (h *harness) Command(p conformance.Program) []string {
	var script strings.Builder
	if p.IgnoreTerm {
		script.WriteString("trap '' TERM\n")
	}
	for _, line := range p.Stdout {
		fmt.Fprintf(&script, "echo %s\n", line)
	}
	for _, line := range p.Stderr {
		fmt.Fprintf(&script, "echo %s >&2\n", line)
	}
	switch {
	case p.Exits:
		fmt.Fprintf(&script, "exit %d\n", p.ExitCode)
	case p.Busy:
		script.WriteString("while true; do true; done\n")
	default:
		script.WriteString("sleep 3600\n")
	}
	return []string{"/bin/sh", "-c", script.String()}
}

func (h *harness) RemoveBehind(t *testing.T, uid string) {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	if err := h.cli.ContainerRemove(ctx, driver.ContainerName(uid), container.RemoveOptions{Force: true}); err != nil {
		t.Fatalf("removing behind the driver's back: %v", err)
	}
}

func (h *harness) SetLimitsBehind(t *testing.T, uid string, limits driver.Limits) {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	_, err := h.cli.ContainerUpdate(ctx, driver.ContainerName(uid), container.UpdateConfig{Resources: container.Resources{
		NanoCPUs: limits.MilliCPU * 1e6, Memory: limits.MemoryBytes, MemorySwap: limits.MemoryBytes,
	}})
	if err != nil {
		t.Fatalf("changing limits behind the driver's back: %v", err)
	}
}

func (h *harness) AddForeign(t *testing.T, name string, labels map[string]string) string {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	created, err := h.cli.ContainerCreate(ctx,
		&container.Config{Image: drivertest.Image, Cmd: []string{"/bin/sleep", "3600"}, Labels: labels},
		&container.HostConfig{NetworkMode: "none"}, nil, nil, name)
	if err != nil {
		t.Fatalf("creating a foreign container: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := drivertest.Context(t)
		defer cancel()
		if err := h.cli.ContainerRemove(ctx, created.ID, container.RemoveOptions{Force: true}); err != nil {
			t.Errorf("removing a foreign container: %v", err)
		}
	})
	if err := h.cli.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		t.Fatalf("starting a foreign container: %v", err)
	}
	return created.ID
}

func (h *harness) Running(t *testing.T, containerID string) bool {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	inspected, err := h.cli.ContainerInspect(ctx, containerID)
	if cerrdefs.IsNotFound(err) {
		return false
	}
	if err != nil {
		t.Fatalf("inspecting a foreign container: %v", err)
	}
	return inspected.State.Running
}

func (h *harness) AddStray(t *testing.T, kind string, labels map[string]string) string {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	name := "conformance-" + uuid.NewString()
	id := name
	switch kind {
	case "network":
		// Internal, and without a default pool's subnet, of which an engine has few.
		created, err := h.cli.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge", Internal: true, Labels: labels})
		if err != nil {
			t.Fatalf("creating a network: %v", err)
		}
		id = created.ID
	case "volume":
		if _, err := h.cli.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels}); err != nil {
			t.Fatalf("creating a volume: %v", err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := drivertest.Context(t)
		defer cancel()
		err := h.cli.VolumeRemove(ctx, id, true)
		if kind == "network" {
			err = h.cli.NetworkRemove(ctx, id)
		}
		if err != nil && !cerrdefs.IsNotFound(err) {
			t.Errorf("removing a %s: %v", kind, err)
		}
	})
	return id
}

func (h *harness) HasStray(t *testing.T, kind, id string) bool {
	t.Helper()
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	_, err := h.cli.VolumeInspect(ctx, id)
	if kind == "network" {
		_, err = h.cli.NetworkInspect(ctx, id, network.InspectOptions{})
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("inspecting a %s: %v", kind, err)
	}
	return err == nil
}

func (h *harness) PullableImage(t *testing.T) string {
	t.Helper()
	ref, digest := h.registry.Push(t, "test/"+uuid.NewString())
	h.removeImageLater(t, ref, strings.TrimSuffix(ref, ":latest")+"@"+digest)
	return ref
}

func (h *harness) removeImageLater(t *testing.T, refs ...string) {
	t.Cleanup(func() {
		ctx, cancel := drivertest.Context(t)
		defer cancel()
		for _, ref := range refs {
			if _, err := h.cli.ImageRemove(ctx, ref, image.RemoveOptions{Force: true}); err != nil && !cerrdefs.IsNotFound(err) {
				t.Errorf("removing image %s: %v", ref, err)
			}
		}
	})
}

func (h *harness) MissingImage(*testing.T) string {
	return h.registry.Host + "/missing/" + uuid.NewString() + ":latest"
}

func (h *harness) DeniedImage(*testing.T) string {
	return h.registry.Host + "/" + drivertest.Denied + "/image:latest"
}

func (h *harness) StalledImage(*testing.T) string {
	return h.registry.Host + "/" + drivertest.Silent + "/image:latest"
}
