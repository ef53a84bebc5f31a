package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

const (
	serverImage = "localhost/containerlease/server:e2e"
	// imageTimeout bounds building the image, and with it the programs in it.
	imageTimeout = 10 * time.Minute
)

// TestImage is about the server in a container: with no more of the host than the engine's
// socket, without IPv6, with a read-only root and no right to do anything but serve.
func TestImage(t *testing.T) {
	engine := drivertest.Client(t)
	drivertest.EnsureTestImage(t, engine)
	socket, local := strings.CutPrefix(engine.DaemonHost(), "unix://")
	if !local {
		t.Fatalf("this test hands the engine's socket on, but the engine is at %s", engine.DaemonHost())
	}
	buildImage(t)
	docker := &tool{T: t, program: "docker", env: append(os.Environ(), "DOCKER_HOST="+engine.DaemonHost())}
	t.Cleanup(func() { docker.run("rmi", serverImage) })

	lonely := docker.fail("run", "--rm", "--network", "none", serverImage)
	contains(t, "without a Redis", lonely, "REDIS_URL")

	redis := startRedis(t)
	id := strings.TrimSpace(docker.run("create", "--network", "none", "--read-only", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--health-interval", "1s",
		"--volume", socket+":/var/run/docker.sock", "--volume", redis.dir+":/redis",
		"--env", "REDIS_URL=unix:///redis/"+filepath.Base(redis.socket()), serverImage))
	t.Cleanup(func() {
		if t.Failed() {
			out, errOut, _ := docker.try("", "logs", "--tail", "80", id)
			t.Logf("end of the server's log:\n%s%s", out, errOut)
		}
		docker.run("rm", "--force", "--volumes", id)
	})
	docker.run("start", id)
	awaitHealthy(t, docker, id)
	leasectl := &tool{T: t, program: "docker", env: docker.env, prefix: []string{"exec", "--interactive", id, "leasectl"}}
	class, err := json.Marshal(newClass(testClass))
	if err != nil {
		t.Fatal(err)
	}
	leasectl.feed(withKind(class, "LeaseClass"), "apply", "--filename", "-")
	// Whatever becomes of the test: the lease's container is nobody else's to remove.
	uid := strings.TrimSpace(leasectl.run("run", "box", "--class", testClass, "--name", "boxed", "--output", "jsonpath={.metadata.uid}",
		"--", "sh", "-c", "echo in a box; sleep 3600"))
	t.Cleanup(func() { _, _, _ = docker.try("", "rm", "--force", "containerlease-"+uid) })
	leasectl.expect([]string{"in a box"}, "logs", "boxed")

	docker.run("restart", "--time", "60", id)
	awaitHealthy(t, docker, id)
	leasectl.expect([]string{uid}, "get", "containerlease", "boxed", "--output", "jsonpath={.metadata.uid}")
	docker.expect([]string{"running"}, "inspect", "--format", "{{.State.Status}}", "containerlease-"+uid)

	second := docker.fail("run", "--rm", "--network", "none", "--volumes-from", id, "--env", "REDIS_URL=redis://127.0.0.1:1", serverImage)
	contains(t, "a second server on the volume", second, "another containerlease server uses it")

	leasectl.run("delete", "containerlease", "boxed")
	leasectl.expect([]string{"boxed", "Deleted"}, "bill")
	docker.fail("inspect", "containerlease-"+uid)
	docker.run("stop", "--time", "60", id)
	docker.expect([]string{"0"}, "inspect", "--format", "{{.State.ExitCode}}", id)
}

// buildImage builds the image as anybody does.
func buildImage(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), imageTimeout)
	defer cancel()
	build := exec.CommandContext(ctx, "make", "image", "IMAGE="+serverImage)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, out)
	}
}

// awaitHealthy waits until the image's own health check says so.
func awaitHealthy(t *testing.T, docker *tool, id string) {
	t.Helper()
	deadline := time.Now().Add(eventually)
	for {
		state := strings.TrimSpace(docker.run("inspect", "--format", "{{.State.Status}}, {{.State.Health.Status}}", id))
		if state == "running, healthy" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server is not healthy after %s: %s", eventually, state)
		}
		time.Sleep(pollInterval)
	}
}

// withKind adds what a typed object does not say of itself.
func withKind(object []byte, kind string) string {
	return fmt.Sprintf(`{"apiVersion": "containerlease.dev/v1alpha1", "kind": %q, %s`, kind, object[1:])
}
