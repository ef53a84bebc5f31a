package e2e

import (
	"encoding/json"
	"fmt"
	"math/big"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// byName reads a lease that a client has made, and counts it as acknowledged.
func (f *fixture) byName(name string) *v1alpha1.ContainerLease {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	var lease v1alpha1.ContainerLease
	f.must(f.api.Get(ctx, types.NamespacedName{Namespace: f.namespace, Name: name}, &lease), "reading lease %s", name)
	f.acknowledge(&lease)
	return &lease
}

// TestLeasectl follows a lease through its life with our own client.
func TestLeasectl(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	ctl := f.leasectl()

	out, progress, err := ctl.try("", "run", "box", "--class", testClass, "--ttl", "10m", "--cpu", "100m", "--memory", "32Mi",
		"-e", "GREETING=hello", "--", "sh", "-c", "echo $GREETING; trap 'exit 0' TERM; sleep 3600 & wait")
	f.must(err, "leasectl run: %s", progress)
	name := strings.TrimSpace(out)
	if !regexp.MustCompile(`^box-[a-z0-9]+$`).MatchString(name) {
		t.Fatalf("run printed %q, want a bare name", out)
	}
	if progress == "" {
		t.Error("run showed no progress")
	}
	lease := f.byName(name)
	if !f.containerOf(lease).State.Running {
		t.Error("run ended before the container ran")
	}
	f.eventually("leasectl logs shows the greeting", func() error {
		if out := ctl.run("logs", name); out != "hello\n" {
			return fmt.Errorf("it shows %q", out)
		}
		return nil
	})
	contains(t, "get", ctl.run("get", "leases"), name, "Running")
	contains(t, "describe", ctl.run("describe", "lease", name), name, "Events:")

	before := lease.Status.ExpirationTime.Time
	ctl.run("extend", name, "--by", "15m")
	lease = f.await(f.byName(name), "extended", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.ExpirationTime.Time.Equal(before.Add(15 * time.Minute))
	})
	ctl.run("extend", name, "--to", "1h")
	f.await(f.byName(name), "extended again", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.ExpirationTime.Time.Equal(l.Status.StartTime.Add(time.Hour))
	})
	contains(t, "extending beyond the class", ctl.fail("extend", name, "--to", "99h"), "2h")

	ctl.run("resize", name, "--cpu", "200m", "--memory", "64Mi")
	f.await(f.byName(name), "resized", func(l *v1alpha1.ContainerLease) bool { return len(l.Status.Segments) == 2 })
	ctl.run("suspend", name)
	f.await(f.byName(name), "suspended", inPhase(v1alpha1.LeaseSuspended))
	ctl.run("resume", name)
	f.await(f.byName(name), "ready", isTrue(v1alpha1.ConditionReady))
	contains(t, "the estimate of a running lease", ctl.run("bill", name), name, "~")

	ctl.run("delete", "lease", name)
	record := f.record(lease)
	if n := len(record.Spec.Segments); n != 3 {
		t.Errorf("billed in %d segments, want 3: %+v", n, record.Spec.Segments)
	}
	contains(t, "the bill", ctl.run("bill", name), name, record.Spec.Amount, "TOTAL")
}

// TestLeasectlRun covers the ways of `leasectl run` that don't end with a running container.
func TestLeasectlRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	ctl := f.leasectl()
	args := func(more ...string) []string { return append([]string{"run", "box", "--class", testClass}, more...) }

	ctl.run(args("--name", "brief", "--", "true")...)
	f.awaitBilled(f.byName("brief"), v1alpha1.FinishCompleted)
	contains(t, "a container that cannot start", ctl.fail(args("--name", "stranger", "-u", "nosuchuser", "--timeout", "5s", "--", "true")...), "nosuchuser")
	contains(t, "an image that is not allowed", ctl.fail("run", "evil/image", "--class", testClass), "evil/image", "box")
	contains(t, "a ttl that is not allowed", ctl.fail(args("--ttl", "99h")...), "2h")
	if out := ctl.run(args("--name", "dry", "--dry-run=server", "-o", "yaml")...); !strings.Contains(out, "operatingMode: Running") {
		t.Errorf("a dry run shows no defaults:\n%s", out)
	}
	contains(t, "get after a dry run", ctl.fail("get", "lease", "dry"), "not found")
	path := file(t, "applied.yaml", fmt.Sprintf(manifest, "applied", "front", "Suspended"), 0o600)
	contains(t, "apply", ctl.run("apply", "-f", path), "created")
	contains(t, "apply again", ctl.run("apply", "-f", path), "unchanged")
	f.byName("applied")
}

// TestLeasectlBill adds up what several leases cost, exactly.
func TestLeasectlBill(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	total := new(big.Rat)
	for i := range 3 {
		lease := f.create(f.lease(fmt.Sprintf("cheap-%d", i), ttl("1s")))
		_, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
		amount, ok := new(big.Rat).SetString(record.Spec.Amount)
		if !ok {
			t.Fatalf("amount %q is no number", record.Spec.Amount)
		}
		total.Add(total, amount)
	}
	table := f.leasectl().run("bill")
	contains(t, "the table", table, "cheap-0", "cheap-1", "cheap-2", "TOTAL", format(total), "USD")
	var statement struct {
		Items []struct{ Lease, Amount string }
	}
	if err := json.Unmarshal([]byte(f.leasectl().run("bill", "-o", "json")), &statement); err != nil || len(statement.Items) != 3 {
		t.Errorf("bill -o json: %v, %d items", err, len(statement.Items))
	}
	if rows := strings.Count(f.leasectl().run("bill", "-o", "csv"), "\n"); rows != 4 {
		t.Errorf("bill -o csv has %d rows, want a header and 3", rows)
	}
}

// TestKubectlPlugin: on the PATH as kubectl-lease, leasectl is a verb of kubectl.
func TestKubectlPlugin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	plugin := f.tool(binaries.kubectl)
	name := strings.TrimSpace(plugin.run("lease", "run", "box", "--class", testClass, "--namespace", f.namespace, "--", "sleep", "3600"))
	lease := f.byName(name)
	contains(t, "kubectl lease bill", plugin.run("lease", "bill", name, "--namespace", f.namespace), name)
	contains(t, "kubectl lease --help", plugin.run("lease", "--help"), "kubectl lease")
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.api.Delete(ctx, lease), "deleting the lease")
}

// TestLeasectlFindsTheServer: without a kubeconfig, leasectl finds the one of the server on this machine.
func TestLeasectlFindsTheServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	local := &tool{T: t, program: binaries.leasectl, env: append(cleanEnv(), "CONTAINERLEASE_DATA_DIR="+f.server.dir)}
	contains(t, "leasectl get", local.run("get", "leaseclasses"), testClass)
	nowhere := &tool{T: t, program: binaries.leasectl, env: append(cleanEnv(), "CONTAINERLEASE_DATA_DIR="+filepath.Join(t.TempDir(), "none"))}
	contains(t, "without a server", nowhere.fail("get", "leases"), "containerlease serve")
	var classes v1alpha1.LeaseClassList
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.api.List(ctx, &classes, &client.ListOptions{}), "listing classes")
}
