package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// exec runs a command in the container of a lease and returns its output.
func (f *fixture) exec(lease *v1alpha1.ContainerLease, command ...string) string {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	made, err := f.engine.ContainerExecCreate(ctx, f.containerOf(lease).ID, container.ExecOptions{
		Cmd: command, AttachStdout: true, AttachStderr: true,
	})
	f.must(err, "preparing %q in lease %s", command, lease.Name)
	attached, err := f.engine.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	f.must(err, "running %q in lease %s", command, lease.Name)
	defer attached.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, attached.Reader); err != nil && !errors.Is(err, io.EOF) {
		f.Fatalf("reading the output of %q: %v", command, err)
	}
	return out.String()
}

// TestInsideAContainer looks at the limits and privileges from where they matter.
func TestInsideAContainer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	// The lease's own command reports, so that nothing is added by the way it is asked.
	f.run(f.lease("inside", size("250m", "48Mi"), script(
		"if [ -e /sys/fs/cgroup/memory ]; then cd /sys/fs/cgroup",
		"echo memory=$(cat memory/memory.limit_in_bytes) swap=$(cat memory/memory.memsw.limit_in_bytes 2>/dev/null)",
		"echo cpu=$(cat cpu/cpu.cfs_quota_us)/$(cat cpu/cpu.cfs_period_us) pids=$(cat pids/pids.max)",
		"else cd /sys/fs/cgroup",
		"echo memory=$(cat memory.max) swap=$(cat memory.swap.max)",
		"echo cpu=$(cat cpu.max | tr ' ' /) pids=$(cat pids.max); fi",
		"grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t '",
		"echo nofile=$(ulimit -n) init=$(cat /proc/1/comm)",
		"mount -t tmpfs none /mnt 2>/dev/null && echo mounted || echo mount=refused",
		"echo done; exec sleep 3600")))
	var report string
	f.eventually("the container has reported", func() error {
		if report = f.kubectl().run("get", "--raw", f.logPath("inside", "")); !strings.Contains(report, "done") {
			return fmt.Errorf("so far: %q", report)
		}
		return nil
	})
	// CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE.
	const capabilities = "00000000000004eb"
	contains(t, "the report", report,
		"memory=50331648", "cpu=25000/100000", "pids=64",
		"CapEff:"+capabilities, "CapBnd:"+capabilities, "NoNewPrivs:1", "Seccomp:2", "mount=refused")
}

// TestForkBomb: the pids limit stops it, a neighbour doesn't notice, and the lease ends as any other.
func TestForkBomb(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	neighbour := f.run(f.lease("neighbour"))
	bomb := f.run(f.lease("bomb", size("50m", "32Mi"), script("( b() { b | b & }; b ) & exec sleep 3600")))
	// The kernel counts what the limit refused.
	f.eventually("the bomb has run into its limit", func() error {
		var said []string
		// Of the two versions of cgroups.
		for _, path := range []string{"/sys/fs/cgroup/pids/pids.events", "/sys/fs/cgroup/pids.events"} {
			out := f.exec(bomb, "cat", path)
			var refused int
			if _, err := fmt.Sscanf(out, "max %d", &refused); err == nil && refused > 0 {
				return nil
			}
			said = append(said, out)
		}
		return fmt.Errorf("pids.events says %q", said)
	})
	if out := f.exec(neighbour, "echo", "well"); out != "well\n" {
		t.Errorf("the neighbour says %q", out)
	}
	f.kubectl().run("delete", "lease", "bomb", "--timeout=60s")
	f.record(bomb)
}

// TestMemoryHog: it is killed alone, and the lease says so.
func TestMemoryHog(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	neighbour := f.run(f.lease("neighbour", size("100m", "32Mi")))
	hog := f.create(f.lease("hog", size("500m", "32Mi"), func(l *v1alpha1.ContainerLease) {
		l.Spec.Command = []string{"tail", "/dev/zero"}
	}))
	ended, _ := f.awaitBilled(hog, v1alpha1.FinishOOMKilled)
	if c := ended.Status.Container; c == nil || !c.OOMKilled {
		t.Errorf("status.container is %+v, want oomKilled", c)
	}
	if current := f.await(neighbour, "ready", isTrue(v1alpha1.ConditionReady)); current.Status.Container.OOMKilled {
		t.Error("the neighbour was killed, too")
	}
	if out := f.exec(neighbour, "echo", "well"); out != "well\n" {
		t.Errorf("the neighbour says %q", out)
	}
}

// TestLeasesCannotReachEachOther: the host can reach what a lease listens on if it is published, another lease can't.
func TestLeasesCannotReachEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	listener := f.run(f.lease("listener", func(l *v1alpha1.ContainerLease) {
		l.Spec.Command = []string{"nc", "-ll", "-p", "8000", "-e", "echo", "hello"}
		l.Spec.Ports = []v1alpha1.ContainerPort{{ContainerPort: 8000}}
	}))
	caller := f.run(f.lease("caller"))
	ports := listener.Status.Container.Ports
	if len(ports) != 1 || ports[0].HostIP != "127.0.0.1" || ports[0].HostPort == 0 {
		t.Fatalf("published ports are %+v, want one on 127.0.0.1", ports)
	}
	f.eventually("the host reaches the published port", func() error { return greets(ports[0].HostIP, ports[0].HostPort) })
	for name, network := range f.containerOf(listener).NetworkSettings.Networks {
		if out := f.exec(caller, "nc", "-w", "3", network.IPAddress, "8000"); strings.Contains(out, "hello") {
			t.Errorf("a lease reaches another at %s (network %s)", network.IPAddress, name)
		}
	}
	if out := f.exec(listener, "nc", "-w", "3", "127.0.0.1", "8000"); !strings.Contains(out, "hello") {
		t.Errorf("the listener does not even reach itself, so that the above proves nothing: %q", out)
	}
}
