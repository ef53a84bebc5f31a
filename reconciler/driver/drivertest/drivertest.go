// Package drivertest gives tests what they need of a real Docker Engine: a client, an image
// made on the spot, and a registry to pull from. It downloads nothing.
package drivertest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// Image is the reference of the image that EnsureTestImage makes: a static busybox with the
// usual applets in /bin, no entrypoint.
const Image = "localhost/containerlease/test:busybox"

// callTimeout bounds each call to the engine.
const callTimeout = 60 * time.Second

// Client returns a client of the engine that DOCKER_HOST names, else of the default one. The
// test fails if the engine doesn't answer.
func Client(t testing.TB) *client.Client {
	t.Helper()
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("configuring a Docker client: %v", err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	ctx, cancel := Context(t)
	defer cancel()
	if _, err := cli.Ping(ctx); err != nil {
		t.Fatalf("these tests need a Docker Engine, and none answers at %s: %v", cli.DaemonHost(), err)
	}
	return cli
}

// Context returns a context for one call to the engine.
func Context(t testing.TB) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(context.Background(), callTimeout)
}

var imageOnce sync.Mutex

// EnsureTestImage makes Image if the engine has none, and returns its reference. It needs a
// statically linked busybox in the PATH.
func EnsureTestImage(t testing.TB, cli client.APIClient) string {
	t.Helper()
	imageOnce.Lock()
	defer imageOnce.Unlock()

	ctx, cancel := Context(t)
	defer cancel()
	_, err := cli.ImageInspect(ctx, Image)
	if err == nil {
		return Image
	}
	if !cerrdefs.IsNotFound(err) {
		t.Fatalf("inspecting image %s: %v", Image, err)
	}

	archive, err := busyboxRoot(ctx)
	if err != nil {
		t.Fatalf("making the test image: %v", err)
	}
	source := image.ImportSource{Source: bytes.NewReader(archive), SourceName: "-"}
	progress, err := cli.ImageImport(ctx, source, Image, image.ImportOptions{})
	if err != nil {
		t.Fatalf("importing image %s: %v", Image, err)
	}
	defer func() { _ = progress.Close() }()
	if _, err := io.Copy(io.Discard, progress); err != nil {
		t.Fatalf("importing image %s: %v", Image, err)
	}
	if _, err := cli.ImageInspect(ctx, Image); err != nil {
		t.Fatalf("image %s after its import: %v", Image, err)
	}
	return Image
}

// busyboxRoot returns a root file system as a tar archive.
func busyboxRoot(ctx context.Context) ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("no busybox in the PATH (install busybox-static): %w", err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(binary, []byte("/ld-linux")) || bytes.Contains(binary, []byte("/ld-musl")) {
		return nil, fmt.Errorf("%s is linked dynamically, which an image without libraries can't run: install busybox-static", path)
	}
	applets, err := exec.CommandContext(ctx, path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the applets of %s: %w", path, err)
	}

	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, dir := range []struct {
		name string
		mode int64
	}{{"bin/", 0o755}, {"etc/", 0o755}, {"proc/", 0o755}, {"root/", 0o700}, {"tmp/", 0o1777}} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir.name, Mode: dir.mode}); err != nil {
			return nil, err
		}
	}
	files := []struct {
		name    string
		mode    int64
		content []byte
	}{
		{"bin/busybox", 0o755, binary},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")},
		{"etc/group", 0o644, []byte("root:x:0:\nnobody:x:65534:\n")},
	}
	for _, file := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: file.mode, Size: int64(len(file.content))}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(file.content); err != nil {
			return nil, err
		}
	}
	for _, applet := range bytes.Fields(applets) {
		if string(applet) == "busybox" {
			continue
		}
		header := &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + string(applet), Linkname: "busybox", Mode: 0o777}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
