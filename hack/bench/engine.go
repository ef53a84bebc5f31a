package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	docker "github.com/docker/docker/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

const (
	// imageReference is an image with nothing but a busybox; it is made for a run and removed after it.
	imageReference = "localhost/containerlease/bench:latest"
	// engineTimeout bounds each call to the engine.
	engineTimeout = time.Minute
)

// engine is the Docker Engine, used as anyone with the SDK would.
type engine struct {
	client *docker.Client
	// pattern is a leased container, which the bare ones copy.
	pattern container.InspectResponse
	events  <-chan events.Message
	broken  <-chan error
	stop    context.CancelFunc
}

// newEngine connects to the engine that the server will use, and makes the image.
func newEngine(ctx context.Context) (_ *engine, err error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	e := &engine{client: client, stop: stop}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if err := e.importImage(ctx); err != nil {
		return nil, fmt.Errorf("importing %s: %w", imageReference, err)
	}
	e.events, e.broken = client.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionCreate)),
		filters.Arg("event", string(events.ActionStart)),
	)})
	return e, nil
}

func connect() (*docker.Client, error) {
	client, err := docker.NewClientWithOpts(docker.FromEnv, docker.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("connecting to Docker: %w", err)
	}
	return client, nil
}

// refuseNeighbours fails if the engine holds leased containers: to the server that is measured they are nobody's,
// and it would remove them.
func refuseNeighbours(ctx context.Context) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	leased, err := client.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", v1alpha1.LabelUID))})
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	if len(leased) > 0 {
		return fmt.Errorf("the engine holds %d leased containers, such as %s, which the measured server might remove as orphans: "+
			"delete their leases first, or set DOCKER_HOST to another engine", len(leased), leased[0].ID[:12])
	}
	return nil
}

// close removes the image and disconnects.
func (e *engine) close() {
	e.stop()
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	// It may be in use by a container that outlived an error; then it stays, and the next run replaces it.
	_, _ = e.client.ImageRemove(ctx, imageReference, image.RemoveOptions{})
	_ = e.client.Close()
}

// applets are what the containers of the benchmark run.
var applets = []string{"sh", "sleep", "awk"}

// importImage makes an image with a static busybox that goes by the names of its applets.
func (e *engine) importImage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	path, err := exec.LookPath("busybox")
	if err != nil {
		return errors.New("busybox is not installed (apt-get install busybox-static)")
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var root bytes.Buffer
	archive := tar.NewWriter(&root)
	if err := archive.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		return err
	}
	if _, err := archive.Write(binary); err != nil {
		return err
	}
	for _, name := range applets {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	progress, err := e.client.ImageImport(ctx, image.ImportSource{Source: &root, SourceName: "-"}, imageReference, image.ImportOptions{})
	if err != nil {
		return err
	}
	defer progress.Close()
	_, err = io.Copy(io.Discard, progress)
	return err
}

// learn takes a leased container as the pattern of the bare ones.
func (e *engine) learn(ctx context.Context, t trace, containerID string) error {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	var err error
	if e.pattern, err = e.client.ContainerInspect(ctx, containerID); err != nil {
		return fmt.Errorf("inspecting the leased container: %w", err)
	}
	return e.addEvents(ctx, &t, containerID)
}

// start creates and starts a container that differs from a leased one in name and labels alone, so that the engine
// does the same work and the server takes no interest in it, and removes it.
func (e *engine) start(ctx context.Context, name string) (t trace, err error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	config := *e.pattern.Config
	config.Hostname = "" // the engine's default, as the pattern had
	config.Labels = map[string]string{}
	for key, value := range e.pattern.Config.Labels {
		config.Labels["bench."+key] = value
	}
	host := *e.pattern.HostConfig
	networks := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for attached := range e.pattern.NetworkSettings.Networks {
		networks.EndpointsConfig[attached] = &network.EndpointSettings{}
	}

	t.asked = time.Now()
	t.accepted = t.asked
	created, err := e.client.ContainerCreate(ctx, &config, &host, networks, nil, name)
	if err != nil {
		return t, fmt.Errorf("creating a bare container: %w", err)
	}
	defer func() {
		removal, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
		defer cancel()
		err = errors.Join(err, e.client.ContainerRemove(removal, created.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}))
	}()
	if err := e.client.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		return t, fmt.Errorf("starting a bare container: %w", err)
	}
	t.done = time.Now()
	return t, e.addEvents(ctx, &t, created.ID)
}

// addEvents waits for the engine's events of a container and notes their times. Those of other containers are skipped,
// so traces must be completed one at a time.
func (e *engine) addEvents(ctx context.Context, t *trace, containerID string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, engineTimeout, errors.New("no event of the container's start"))
	defer cancel()
	for t.started.IsZero() {
		select {
		case event := <-e.events:
			if event.Actor.ID != containerID {
				continue
			}
			switch event.Action {
			case events.ActionCreate:
				t.created = time.Unix(0, event.TimeNano)
			case events.ActionStart:
				t.started = time.Unix(0, event.TimeNano)
			}
		case err := <-e.broken:
			return fmt.Errorf("watching the engine's events: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("watching the engine's events: %w", context.Cause(ctx))
		}
	}
	return nil
}
