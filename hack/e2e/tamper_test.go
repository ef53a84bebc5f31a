package e2e

import (
	"fmt"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

// TestRemovedBehindOurBack: `docker rm -f` ends the lease as Lost, billed to the moment it was
// last seen, which is an estimate since nothing is left to check it by.
func TestRemovedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("removed"))
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.engine.ContainerRemove(ctx, f.containerOf(lease).ID, container.RemoveOptions{Force: true}), "removing the container")

	_, record := f.awaitBilled(lease, v1alpha1.FinishLost)
	if len(record.Spec.Segments) != 1 || !record.Spec.Estimated {
		t.Errorf("billed in %d segments, estimated %t; want one that is estimated", len(record.Spec.Segments), record.Spec.Estimated)
	}
	if runs := f.evidence.Runs(lease.UID); len(runs) != 1 {
		t.Errorf("the container ran %d times: a lease must not start anew what was removed", len(runs))
	}
}

// TestStoppedBehindOurBack: after `docker stop` the exit code decides, and nothing is started again.
func TestStoppedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	for name, tc := range map[string]struct {
		script string
		reason v1alpha1.FinishReason
		code   int32
	}{
		"completes": {"trap 'exit 0' TERM; sleep 3600 & wait", v1alpha1.FinishCompleted, 0},
		"fails":     {"trap 'exit 3' TERM; sleep 3600 & wait", v1alpha1.FinishFailed, 3},
	} {
		lease := f.run(f.lease(name, script(tc.script)))
		ctx, cancel := f.context()
		f.must(f.engine.ContainerStop(ctx, f.containerOf(lease).ID, container.StopOptions{Timeout: ptr.To(10)}), "stopping the container")
		cancel()
		ended, _ := f.awaitBilled(lease, tc.reason)
		if c := ended.Status.Container; c == nil || c.ExitCode == nil || *c.ExitCode != tc.code {
			t.Errorf("%s: status.container is %+v, want exit code %d", name, c, tc.code)
		}
		if runs := f.evidence.Runs(lease.UID); len(runs) != 1 {
			t.Errorf("%s: the container ran %d times, want once", name, len(runs))
		}
	}
}

// TestRestartedBehindOurBack: `docker restart` makes a second run. Both are paid for, the
// lease's clock goes on.
func TestRestartedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("restarted", ttl("20s")))
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.engine.ContainerRestart(ctx, f.containerOf(lease).ID, container.StopOptions{Timeout: ptr.To(5)}), "restarting the container")
	// Either way is sound: the stop was seen first and ended the lease, or the new run was.
	ended := f.await(lease, "billed", isTrue(v1alpha1.ConditionBilled))
	length := ended.Status.FinishTime.Sub(ended.Status.StartTime.Time)
	if length > 22*time.Second {
		t.Errorf("the lease lasted %s, its ttl is 20s", length)
	}
}

// TestPausedBehindOurBack: `docker pause` holds no lease up.
func TestPausedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("frozen", ttl("3s")))
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.engine.ContainerPause(ctx, f.containerOf(lease).ID), "pausing the container")
	f.awaitBilled(lease, v1alpha1.FinishExpired)
}

// TestRenamedBehindOurBack: the labels say whose a container is, whatever its name.
func TestRenamedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("renamed", ttl("4s")))
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.engine.ContainerRename(ctx, f.containerOf(lease).ID, "else-"+f.namespace), "renaming the container")
	f.awaitBilled(lease, v1alpha1.FinishExpired)
	if runs := f.evidence.Runs(lease.UID); len(runs) != 1 {
		t.Errorf("%d containers ran, want 1", len(runs))
	}
}

// TestUpdatedBehindOurBack: the limits of `docker update` do not stay.
func TestUpdatedBehindOurBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("updated", size("100m", "32Mi")))
	id := f.containerOf(lease).ID
	ctx, cancel := f.context()
	defer cancel()
	_, err := f.engine.ContainerUpdate(ctx, id, container.UpdateConfig{Resources: container.Resources{
		NanoCPUs: 1e9, Memory: 128 << 20, MemorySwap: 128 << 20,
	}})
	f.must(err, "updating the container")
	f.eventually("the limits are those of the spec again", func() error {
		h := f.containerOf(lease).HostConfig
		if h.NanoCPUs != 100e6 || h.Memory != 32<<20 || h.MemorySwap != 32<<20 {
			return fmt.Errorf("they are %d nano-CPUs, %d bytes, %d with swap", h.NanoCPUs, h.Memory, h.MemorySwap)
		}
		return nil
	})
	if current, err := f.get(lease); err != nil || len(current.Status.Segments) != 1 {
		t.Errorf("err %v; a change the user did not ask for must not show in what is billed: %+v", err, current)
	}
}

// TestOrphans: what bears the labels of a lease that does not exist is removed within a minute; what
// bears only some of them, or only our name, is somebody else's.
func TestOrphans(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	labels := func(uid string) map[string]string {
		return map[string]string{v1alpha1.LabelNamespace: f.namespace, v1alpha1.LabelName: "nobody", v1alpha1.LabelUID: uid}
	}
	partial := labels("11111111-1111-4111-8111-111111111111")
	delete(partial, v1alpha1.LabelName)
	orphan := f.foreign("containerlease-00000000-0000-4000-8000-000000000000", labels("00000000-0000-4000-8000-000000000000"), true)
	stopped := f.foreign("containerlease-22222222-2222-4222-8222-222222222222", labels("22222222-2222-4222-8222-222222222222"), false)
	others := []string{
		f.foreign("containerlease-"+f.namespace, nil, true),
		f.foreign("partial-"+f.namespace, partial, true),
		f.foreign("plain-"+f.namespace, map[string]string{"app": "else"}, false),
	}
	ctx, cancel := f.context()
	defer cancel()
	net, err := f.engine.NetworkCreate(ctx, "orphan-"+f.namespace, network.CreateOptions{Labels: labels("33333333-3333-4333-8333-333333333333")})
	f.must(err, "creating a network")
	f.Cleanup(func() { ctx, cancel := f.context(); defer cancel(); _ = f.engine.NetworkRemove(ctx, net.ID) })
	vol, err := f.engine.VolumeCreate(ctx, volume.CreateOptions{Name: "orphan-" + f.namespace, Labels: labels("44444444-4444-4444-8444-444444444444")})
	f.must(err, "creating a volume")
	f.Cleanup(func() { ctx, cancel := f.context(); defer cancel(); _ = f.engine.VolumeRemove(ctx, vol.Name, true) })

	start := time.Now()
	f.within(strayAge+10*time.Second, "the orphans are gone", func() error {
		ctx, cancel := f.context()
		defer cancel()
		for _, id := range []string{orphan, stopped} {
			if _, err := f.engine.ContainerInspect(ctx, id); !cerrdefs.IsNotFound(err) {
				return fmt.Errorf("container %.12s: %v", id, err)
			}
		}
		if _, err := f.engine.NetworkInspect(ctx, net.ID, network.InspectOptions{}); !cerrdefs.IsNotFound(err) {
			return fmt.Errorf("network: %v", err)
		}
		if _, err := f.engine.VolumeInspect(ctx, vol.Name); !cerrdefs.IsNotFound(err) {
			return fmt.Errorf("volume: %v", err)
		}
		return nil
	})
	t.Logf("the orphans were gone after %s", time.Since(start).Round(time.Second))
	// The wait may have been longer than a call's time.
	ctx, cancel = f.context()
	defer cancel()
	for _, id := range others {
		if found, err := f.engine.ContainerInspect(ctx, id); err != nil || found.State.Status == "exited" {
			t.Errorf("a foreign container was touched: %v", err)
		}
	}
}

// foreign makes a container that no lease asked for, and removes it in the end.
func (f *fixture) foreign(name string, labels map[string]string, start bool) string {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	made, err := f.engine.ContainerCreate(ctx, &container.Config{
		Image: drivertest.Image, Cmd: []string{"sleep", "3600"}, Labels: labels,
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, name)
	f.must(err, "creating container %s", name)
	f.Cleanup(func() {
		ctx, cancel := f.context()
		defer cancel()
		err := f.engine.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true})
		if err != nil && !cerrdefs.IsNotFound(err) {
			f.Errorf("removing container %s: %v", name, err)
		}
	})
	if start {
		f.must(f.engine.ContainerStart(ctx, made.ID, container.StartOptions{}), "starting container %s", name)
	}
	return made.ID
}
