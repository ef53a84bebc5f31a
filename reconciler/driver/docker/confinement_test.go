package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

// patience bounds every wait; a healthy engine needs a fraction.
const patience = 30 * time.Second

type fixture struct {
	*testing.T
	*docker.Driver
	*harness
}

func newFixture(t *testing.T, opts docker.Options) *fixture {
	t.Helper()
	h := newHarness(t)
	return &fixture{T: t, Driver: newDriver(t, opts), harness: h}
}

func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	f.Cleanup(cancel)
	return ctx
}

// spec returns a spec of a shell script, whose container is removed when the test ends.
func (f *fixture) spec(script string) driver.ContainerSpec {
	uid := uuid.NewString()
	f.Cleanup(func() {
		ctx, cancel := drivertest.Context(f)
		defer cancel()
		if err := f.Remove(ctx, uid); err != nil {
			f.Errorf("removing the container of %s: %v", uid, err)
		}
	})
	return driver.ContainerSpec{
		Owner:     driver.Identity{Namespace: "test", Name: "lease", UID: uid},
		Image:     drivertest.Image,
		Command:   []string{"/bin/sh", "-c", script},
		Limits:    driver.Limits{MilliCPU: 500, MemoryBytes: 64 << 20},
		PidsLimit: 64,
		Network:   driver.NetworkIsolated,
	}
}

// run creates and starts a container.
func (f *fixture) run(spec driver.ContainerSpec) *driver.Container {
	f.Helper()
	if _, err := f.Create(f.ctx(), spec); err != nil {
		f.Fatalf("Create: %v", err)
	}
	if err := f.Start(f.ctx(), spec.Owner.UID); err != nil {
		f.Fatalf("Start: %v", err)
	}
	return f.observe(spec.Owner.UID)
}

func (f *fixture) observe(uid string) *driver.Container {
	f.Helper()
	c, err := f.Observe(f.ctx(), uid)
	if err != nil {
		f.Fatalf("Observe: %v", err)
	}
	return c
}

func (f *fixture) inspect(uid string) container.InspectResponse {
	f.Helper()
	inspected, err := f.cli.ContainerInspect(f.ctx(), driver.ContainerName(uid))
	if err != nil {
		f.Fatalf("inspecting: %v", err)
	}
	return inspected
}

// output runs a container to its end and returns what it wrote.
func (f *fixture) output(spec driver.ContainerSpec) (stdout, stderr string, exited *driver.Container) {
	f.Helper()
	f.run(spec)
	stdout, stderr = f.logs(spec.Owner.UID, driver.LogOptions{Tail: -1, Follow: true})
	f.eventually("the container exits", func() bool {
		exited = f.observe(spec.Owner.UID)
		return exited.State == driver.StateExited
	})
	return stdout, stderr, exited
}

// logs reads what a container wrote.
func (f *fixture) logs(uid string, opts driver.LogOptions) (stdout, stderr string) {
	f.Helper()
	var out, errOut strings.Builder
	err := f.Logs(f.ctx(), uid, opts, func(records []driver.LogRecord) error {
		for _, r := range records {
			to := &out
			if r.Stderr {
				to = &errOut
			}
			to.Write(r.Text)
		}
		return nil
	})
	if err != nil {
		f.Fatalf("Logs: %v", err)
	}
	return out.String(), errOut.String()
}

func (f *fixture) eventually(what string, done func() bool) {
	f.Helper()
	deadline, poll := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-deadline:
			f.Fatalf("not within %v: %s", patience, what)
		case <-poll.C:
		}
	}
}

// fields reads lines of "key: value".
func fields(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		m[key] = strings.TrimSpace(value)
	}
	return m
}

// TestInspectShowsConfinement reads, with the plain client, what the engine holds.
func TestInspectShowsConfinement(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("sleep 3600")
	spec.ReadOnlyRootFilesystem = true
	f.run(spec)
	got := f.inspect(spec.Owner.UID)

	h := got.HostConfig
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"Memory", h.Memory, int64(64 << 20)},
		{"MemorySwap", h.MemorySwap, int64(64 << 20)},
		{"NanoCPUs", h.NanoCPUs, int64(500e6)},
		{"PidsLimit", *h.PidsLimit, int64(64)},
		{"CapDrop", []string(h.CapDrop), []string{"ALL"}},
		{"CapAdd", []string(h.CapAdd), []string{
			"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
		}},
		{"SecurityOpt", h.SecurityOpt, []string{"no-new-privileges"}},
		{"Privileged", h.Privileged, false},
		{"Binds", len(h.Binds), 0},
		{"Devices", len(h.Devices), 0},
		{"Sysctls", len(h.Sysctls), 0},
		{"PidMode", string(h.PidMode), ""},
		{"IpcMode", string(h.IpcMode), "private"},
		{"UTSMode", string(h.UTSMode), ""},
		{"CgroupnsMode", string(h.CgroupnsMode), "private"},
		{"ReadonlyRootfs", h.ReadonlyRootfs, true},
		{"AutoRemove", h.AutoRemove, false},
		{"RestartPolicy", string(h.RestartPolicy.Name), "no"},
		{"LogConfig", h.LogConfig, container.LogConfig{
			Type: "json-file", Config: map[string]string{"max-size": "10m", "max-file": "3"},
		}},
		{"NetworkMode", string(h.NetworkMode), docker.IsolatedNetwork},
		{"Labels", got.Config.Labels, map[string]string{
			"containerlease.dev/namespace": "test",
			"containerlease.dev/name":      "lease",
			"containerlease.dev/uid":       spec.Owner.UID,
		}},
		{"Name", got.Name, "/containerlease-" + spec.Owner.UID},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestConfinementFromInside asks the kernel, from a process in the container.
func TestConfinementFromInside(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec(`
grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
echo "nofile: $(ulimit -n) $(ulimit -Hn)"
cd /sys/fs/cgroup
if [ -f cgroup.controllers ]; then
  echo "cpu: $(cat cpu.max)"
  echo "memory: $(cat memory.max)"
  echo "swap: $(cat memory.swap.max)"
  echo "pids: $(cat pids.max)"
else
  echo "cpu: $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us)"
  echo "memory: $(cat memory/memory.limit_in_bytes)"
  echo "swap: $(( $(cat memory/memory.memsw.limit_in_bytes) - $(cat memory/memory.limit_in_bytes) ))"
  echo "pids: $(cat pids/pids.max)"
fi
echo "first: $(cat /proc/1/comm)"
echo "cgroup: $(cut -d: -f3 /proc/self/cgroup | sort -u)"
echo "ipv6: $(cat /proc/net/if_inet6 2>/dev/null | grep -v ' lo$')"
touch /rooted 2>/dev/null && echo "root: writable" || echo "root: read-only"
touch /tmp/x && echo "tmp: writable"
mknod /tmp/null c 1 3 2>/dev/null && echo "mknod: allowed" || echo "mknod: refused"
mount -t tmpfs none /root 2>/dev/null && echo "mount: allowed" || echo "mount: refused"
chown nobody /tmp/x && echo "chown: allowed"
`)
	spec.ReadOnlyRootFilesystem = true
	stdout, stderr, _ := f.output(spec)
	want := map[string]string{
		// CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, KILL 5, SETGID 6, SETUID 7, NET_BIND_SERVICE 10
		"CapPrm": "00000000000004eb", "CapEff": "00000000000004eb", "CapBnd": "00000000000004eb",
		"CapAmb":     "0000000000000000",
		"NoNewPrivs": "1",
		"Seccomp":    "2",
		"nofile":     "16384 16384",
		"cpu":        "50000 100000",
		"memory":     "67108864",
		"swap":       "0",
		"pids":       "64",
		"first":      "docker-init",
		"cgroup":     "/",
		"ipv6":       "",
		"root":       "read-only",
		"tmp":        "writable",
		"mknod":      "refused",
		"mount":      "refused",
		"chown":      "allowed",
	}
	got := fields(stdout)
	delete(got, "CapInh") // engines before 20.10.14 set it, to no effect
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inside (-want +got):\n%s\nstderr: %s", diff, stderr)
	}
}

func TestNetworkNoneIsLoopbackOnly(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("ls /sys/class/net")
	spec.Network = driver.NetworkNone
	if stdout, _, _ := f.output(spec); stdout != "lo\n" {
		t.Errorf("interfaces: %q", stdout)
	}
}

// TestForkBomb checks that the bomb goes off in its own room.
func TestForkBomb(t *testing.T) {
	f := newFixture(t, docker.Options{})
	neighbour := f.run(f.spec("sleep 3600"))
	stdout, stderr, exited := f.output(f.spec(`
i=0
while [ $i -lt 1000 ]; do sleep 3600 & i=$((i+1)); echo $i; done
echo unbounded`))
	if strings.Contains(stdout, "unbounded") || exited.ExitCode == 0 || !strings.Contains(stderr, "can't fork") {
		t.Errorf("exit code %d, stderr %q: the bomb wasn't stopped", exited.ExitCode, stderr)
	}
	if forks := strings.Count(stdout, "\n"); forks > 64 {
		t.Errorf("%d forks with a limit of 64", forks)
	}
	if diff := cmp.Diff(neighbour, f.observe(neighbour.Owner.UID)); diff != "" {
		t.Errorf("the neighbour changed (-before +after):\n%s", diff)
	}
}

func TestMemoryHogIsKilledAlone(t *testing.T) {
	f := newFixture(t, docker.Options{})
	neighbour := f.run(f.spec("sleep 3600"))
	_, _, exited := f.output(f.spec("exec tail /dev/zero"))
	if !exited.OOMKilled || exited.ExitCode != 137 {
		t.Errorf("OOMKilled %v, exit code %d; want true, 137", exited.OOMKilled, exited.ExitCode)
	}
	if diff := cmp.Diff(neighbour, f.observe(neighbour.Owner.UID)); diff != "" {
		t.Errorf("the neighbour changed (-before +after):\n%s", diff)
	}
}

// TestIsolatedContainersCannotReachEachOther tries it from inside, and that the one who tries
// reaches others: a network that is broken would isolate too.
func TestIsolatedContainersCannotReachEachOther(t *testing.T) {
	f := newFixture(t, docker.Options{})
	serverSpec := f.spec("echo served > /tmp/index.html; exec httpd -f -p 8080 -h /tmp")
	serverSpec.Ports = []driver.Port{{ContainerPort: 8080, Protocol: "tcp"}}
	server := f.run(serverSpec)
	address := f.inspect(server.Owner.UID).NetworkSettings.Networks[docker.IsolatedNetwork].IPAddress

	// The server serves: the host reaches it, where it is published and where it is.
	published := net.JoinHostPort(server.Ports[0].HostIP, fmt.Sprint(server.Ports[0].HostPort))
	for _, target := range []string{published, net.JoinHostPort(address, "8080")} {
		f.eventually("the host reaches the server at "+target, func() bool { return get(target) == nil })
	}

	listener, err := net.Listen("tcp", net.JoinHostPort(f.gateway(), "0"))
	if err != nil {
		t.Fatalf("listening on the bridge: %v", err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "host\n")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	stdout, _, _ := f.output(f.spec(fmt.Sprintf(`
echo "out: $(nc -w 5 %s %s </dev/null)"
printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 %s 8080 >/tmp/answer
echo "neighbour: $(head -n 1 /tmp/answer)"
ping -c 1 -W 2 %s >/dev/null 2>&1 && echo "ping: answered" || echo "ping: silence"
`, host, port, address, address)))
	want := map[string]string{"out": "host", "neighbour": "", "ping": "silence"}
	if diff := cmp.Diff(want, fields(stdout)); diff != "" {
		t.Errorf("from a neighbour (-want +got):\n%s", diff)
	}
}

func (f *fixture) gateway() string {
	f.Helper()
	n, err := f.cli.NetworkInspect(f.ctx(), docker.IsolatedNetwork, network.InspectOptions{})
	if err != nil {
		f.Fatalf("inspecting the network: %v", err)
	}
	return n.IPAM.Config[0].Gateway
}

func get(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !bytes.Contains(answer, []byte("served")) {
		err = fmt.Errorf("answered %q", answer)
	}
	return err
}
