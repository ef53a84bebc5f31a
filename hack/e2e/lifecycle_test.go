package e2e

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

// TestWaysToEnd: each way a container can end has its finish reason, exit code and bill.
func TestWaysToEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	for _, tc := range []struct {
		name   string
		script string
		reason v1alpha1.FinishReason
		phase  v1alpha1.LeasePhase
		code   int32
	}{
		{"completed", "exit 0", v1alpha1.FinishCompleted, v1alpha1.LeaseFinished, 0},
		{"failed", "exit 7", v1alpha1.FinishFailed, v1alpha1.LeaseFailed, 7},
		// The container's init is what the engine starts: it runs, and says that there is no such command.
		{"typo", "exec /no/such/program", v1alpha1.FinishFailed, v1alpha1.LeaseFailed, 127},
		{"killed", "kill -9 $$", v1alpha1.FinishFailed, v1alpha1.LeaseFailed, 137},
		// Ends at its time though it ignores the signal: killed after its grace period.
		{"stubborn", "trap '' TERM; while true; do sleep 1; done", v1alpha1.FinishExpired, v1alpha1.LeaseFinished, 137},
		{"expired", "exec sleep 3600", v1alpha1.FinishExpired, v1alpha1.LeaseFinished, 143},
	} {
		lease := f.create(f.lease(tc.name, script(tc.script), ttl("2s"), func(l *v1alpha1.ContainerLease) {
			l.Spec.TerminationGracePeriodSeconds = ptr.To[int64](1)
		}))
		ended, _ := f.awaitBilled(lease, tc.reason)
		if ended.Status.Phase != tc.phase {
			t.Errorf("%s: phase is %s, want %s", tc.name, ended.Status.Phase, tc.phase)
		}
		if c := ended.Status.Container; c == nil || c.ExitCode == nil || *c.ExitCode != tc.code {
			t.Errorf("%s: status.container is %+v, want exit code %d", tc.name, c, tc.code)
		}
	}
}

// TestContainerThatCannotStart costs nothing, and says what the engine said.
func TestContainerThatCannotStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.create(f.lease("stranger", func(l *v1alpha1.ContainerLease) {
		l.Spec.User = "nosuchuser"
		l.Spec.ProvisioningDeadlineSeconds = ptr.To[int64](3)
	}))
	ended, record := f.awaitBilled(lease, v1alpha1.FinishProvisioningFailed)
	if record.Spec.Amount != "0" || len(record.Spec.Segments) != 0 {
		t.Errorf("billed %s in %d segments, want nothing", record.Spec.Amount, len(record.Spec.Segments))
	}
	contains(t, "the conditions", describe(ended), "nosuchuser")
}

// TestExtendAndShorten: the expiration follows spec.ttl while the container runs.
func TestExtendAndShorten(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("extended", ttl("4s")))
	first := lease.Status.ExpirationTime.Time
	lease = f.change(lease, ttl("1h"))
	lease = f.await(lease, "extended", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.ExpirationTime.Time.Equal(l.Status.StartTime.Add(time.Hour))
	})
	f.eventually("its first expiration has passed", func() error {
		if left := time.Until(first.Add(2 * time.Second)); left > 0 {
			return fmt.Errorf("not for %s", left)
		}
		return nil
	})
	if !f.containerOf(lease).State.Running {
		t.Fatal("the container of the extended lease does not run")
	}
	lease = f.change(lease, ttl("1s"))
	ended, _ := f.awaitBilled(lease, v1alpha1.FinishExpired)
	if !ended.Status.StartTime.Equal(lease.Status.StartTime) {
		t.Errorf("startTime moved from %s to %s", lease.Status.StartTime, ended.Status.StartTime)
	}
}

// TestSuspendAndResume: a suspended lease keeps its file system, costs nothing while its container is stopped,
// and is billed in two segments.
func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("paused", script("date >> /root/runs; cat /root/runs | wc -l; exec sleep 3600")))
	mode := func(m v1alpha1.OperatingMode) func(*v1alpha1.ContainerLease) {
		return func(l *v1alpha1.ContainerLease) { l.Spec.OperatingMode = m }
	}
	lease = f.change(lease, mode(v1alpha1.OperatingModeSuspended))
	lease = f.await(lease, "suspended", inPhase(v1alpha1.LeaseSuspended))
	if f.containerOf(lease).State.Running {
		t.Error("the container of a suspended lease runs")
	}
	if meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionReady) {
		t.Error("a suspended lease is ready")
	}
	lease = f.change(lease, mode(v1alpha1.OperatingModeRunning))
	lease = f.await(lease, "ready again", isTrue(v1alpha1.ConditionReady))
	f.eventually("the file system of the first run is there", func() error {
		if out := f.kubectl().run("get", "--raw", f.logPath("paused", "tailLines=1")); out != "2\n" {
			return fmt.Errorf("the second run says %q", out)
		}
		return nil
	})
	lease = f.change(lease, ttl("1s"))
	_, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
	if n := len(record.Spec.Segments); n != 2 {
		t.Fatalf("billed in %d segments, want 2", n)
	}
	for i, s := range record.Spec.Segments {
		if s.Evidence != v1alpha1.EvidenceEngineExit {
			t.Errorf("segment %d: evidence is %s, want %s", i, s.Evidence, v1alpha1.EvidenceEngineExit)
		}
	}
}

// TestSuspendedLeaseExpires: the clock of a suspended lease goes on.
func TestSuspendedLeaseExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("forgotten", ttl("6s")))
	lease = f.change(lease, func(l *v1alpha1.ContainerLease) { l.Spec.OperatingMode = v1alpha1.OperatingModeSuspended })
	_, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
	if seconds, err := time.ParseDuration(record.Spec.BillableSeconds + "s"); err != nil || seconds >= 6*time.Second {
		t.Errorf("billed for %s seconds (%v), want less than its ttl", record.Spec.BillableSeconds, err)
	}
}

// TestResizeInPlace: the container goes on running with other limits, and each size is billed.
func TestResizeInPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.run(f.lease("resized", size("100m", "32Mi")))
	before := f.containerOf(lease)
	lease = f.change(lease, size("200m", "64Mi"))
	f.await(lease, "resized", func(l *v1alpha1.ContainerLease) bool {
		return len(l.Status.Segments) == 2 && meta.IsStatusConditionTrue(l.Status.Conditions, v1alpha1.ConditionProvisioned)
	})
	after := f.containerOf(lease)
	if after.ID != before.ID || after.State.StartedAt != before.State.StartedAt {
		t.Error("the container was replaced or restarted, not resized")
	}
	if h := after.HostConfig; h.NanoCPUs != 200e6 || h.Memory != 64<<20 || h.MemorySwap != 64<<20 {
		t.Errorf("limits are %d nano-CPUs, %d bytes, %d with swap", h.NanoCPUs, h.Memory, h.MemorySwap)
	}
	lease = f.change(lease, ttl("1s"))
	_, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
	var got []string
	for _, s := range record.Spec.Segments {
		got = append(got, fmt.Sprintf("%s %s %s", s.CPU.String(), s.Memory.String(), s.Evidence))
	}
	if want := []string{"100m 32Mi Resized", "200m 64Mi EngineExit"}; !slices.Equal(got, want) {
		t.Errorf("segments are %q, want %q", got, want)
	}
}

// TestImageThatIsNowhere: provisioning fails at its deadline, for nothing, and says why before.
func TestImageThatIsNowhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	registry := drivertest.NewRegistry(t)
	class := f.createClass(func(c *v1alpha1.LeaseClass) { c.Spec.Images.Allow = []string{registry.Host + "/absent:*"} })
	lease := f.create(f.lease("absent", func(l *v1alpha1.ContainerLease) {
		l.Spec.Image, l.Spec.ClassName = registry.Host+"/absent:1", class
		l.Spec.ProvisioningDeadlineSeconds = ptr.To[int64](4)
	}))
	f.await(lease, "not provisioned, and says why", func(l *v1alpha1.ContainerLease) bool {
		c := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionProvisioned)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == v1alpha1.ReasonPullFailed && c.Message != ""
	})
	ended, record := f.awaitBilled(lease, v1alpha1.FinishProvisioningFailed)
	if record.Spec.Amount != "0" || record.Spec.BillableSeconds != "0" || len(record.Spec.Segments) != 0 {
		t.Errorf("billed %s for %s seconds in %d segments, want nothing", record.Spec.Amount, record.Spec.BillableSeconds, len(record.Spec.Segments))
	}
	if late := ended.Status.FinishTime.Sub(ended.CreationTimestamp.Time); late > 10*time.Second {
		t.Errorf("given up after %s, the deadline is 4s", late)
	}
}

// TestPull pulls an image from a registry, shows that it does, and records the digest.
func TestPull(t *testing.T) {
	t.Parallel()
	// Comes last: the lease's container is gone by then.
	var pulled string
	t.Cleanup(func() { removeImage(t, pulled) })
	f := newFixture(t, shared(t))
	registry := drivertest.NewRegistry(t)
	ref, digest := f.pushBox(registry)
	pulled = registry.Host + "/box@" + digest
	class := f.createClass(func(c *v1alpha1.LeaseClass) {
		c.Spec.Images.Catalog = []v1alpha1.CatalogImage{{Name: "pulled", Reference: ref + "@" + digest}}
		c.Spec.Images.Allow = nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), eventually)
	defer cancel()
	watch, err := f.api.Watch(ctx, &v1alpha1.ContainerLeaseList{}, client.InNamespace(f.namespace))
	f.must(err, "watching leases")
	defer watch.Stop()
	lease := f.run(f.lease("pulling", func(l *v1alpha1.ContainerLease) { l.Spec.Image, l.Spec.ClassName = "pulled", class }))
	var said []string
	for event := range watch.ResultChan() {
		seen, ok := event.Object.(*v1alpha1.ContainerLease)
		if !ok {
			t.Fatalf("the watch says %s: %+v", event.Type, event.Object)
		}
		if c := meta.FindStatusCondition(seen.Status.Conditions, v1alpha1.ConditionProvisioned); c != nil {
			said = append(said, c.Reason)
		}
		if isTrue(v1alpha1.ConditionReady)(seen) {
			break
		}
	}
	if !slices.Contains(said, v1alpha1.ReasonPulling) || !slices.Contains(said, v1alpha1.ReasonProvisioned) {
		t.Errorf("the Provisioned condition said %v, want Pulling, and Provisioned in the end", said)
	}
	if c := lease.Status.Container; c.ImageDigest != digest {
		t.Errorf("imageDigest is %s, the registry has %s", c.ImageDigest, digest)
	}
}

// pushBox puts the test image, with a large layer of noise, into a registry.
func (f *fixture) pushBox(registry *drivertest.Registry) (ref, digest string) {
	f.Helper()
	box, err := tarball.Image(func() (io.ReadCloser, error) {
		return f.engine.ImageSave(context.Background(), []string{drivertest.Image})
	}, nil)
	f.must(err, "reading the test image from the engine")
	noise, err := random.Layer(16<<20, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	f.must(err, "making a layer")
	box, err = mutate.AppendLayers(box, noise)
	f.must(err, "appending a layer")
	return registry.PushImage(f.T, "box", box)
}

// removeImage removes an image from the engine, if it has it.
func removeImage(t *testing.T, reference string) {
	t.Helper()
	engine := drivertest.Client(t)
	ctx, cancel := drivertest.Context(t)
	defer cancel()
	_, err := engine.ImageRemove(ctx, reference, image.RemoveOptions{Force: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Errorf("removing image %s: %v", reference, err)
	}
}

// TestFinishedLeaseIsCleanedUp: the object goes after its time, the record stays.
func TestFinishedLeaseIsCleanedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.create(f.lease("brief", script("exit 0"), func(l *v1alpha1.ContainerLease) { l.Spec.TTLSecondsAfterFinished = ptr.To[int64](1) }))
	f.eventually("the lease is gone", func() error {
		if _, err := f.get(lease); !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading it says: %v", err)
		}
		return nil
	})
	if record := f.record(lease); record.Spec.FinishReason != v1alpha1.FinishCompleted {
		t.Errorf("its record says %s, want %s", record.Spec.FinishReason, v1alpha1.FinishCompleted)
	}
}

// TestNamespaceDeletion ends the leases of the namespace; their records can still be read.
func TestNamespaceDeletion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	running := f.run(f.lease("running"))
	finished := f.create(f.lease("finished", script("exit 0")))
	f.awaitBilled(finished, v1alpha1.FinishCompleted)

	f.kubectl().run("delete", "namespace", f.namespace, "--timeout=60s")
	for _, lease := range []*v1alpha1.ContainerLease{running, finished} {
		if _, err := f.get(lease); !apierrors.IsNotFound(err) {
			t.Errorf("lease %s of a deleted namespace: %v", lease.Name, err)
		}
	}
	if record := f.record(running); record.Spec.FinishReason != v1alpha1.FinishDeleted || record.Spec.Amount == "0" {
		t.Errorf("the running lease is billed %s as %s", record.Spec.Amount, record.Spec.FinishReason)
	}
	if record := f.record(finished); record.Spec.FinishReason != v1alpha1.FinishCompleted {
		t.Errorf("the finished lease is billed as %s", record.Spec.FinishReason)
	}
	if left := f.containers(); len(left) > 0 {
		t.Errorf("%d containers are left", len(left))
	}
	ctx, cancel := f.context()
	defer cancel()
	if err := f.api.Create(ctx, f.lease("late")); err == nil {
		t.Error("a lease could be created in a namespace that is gone")
	}
	if err := f.api.Get(ctx, client.ObjectKey{Name: f.namespace}, &corev1.Namespace{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace: %v", err)
	}
}

// TestDeleteBeforeItRuns bills nothing and leaves nothing.
func TestDeleteBeforeItRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	registry := drivertest.NewRegistry(t)
	class := f.createClass(func(c *v1alpha1.LeaseClass) {
		c.Spec.Images.Allow = []string{registry.Host + "/" + drivertest.Silent + ":*"}
	})
	lease := f.create(f.lease("waiting", func(l *v1alpha1.ContainerLease) {
		l.Spec.Image, l.Spec.ClassName = registry.Host+"/"+drivertest.Silent+":1", class
	}))
	f.await(lease, "being pulled", func(l *v1alpha1.ContainerLease) bool {
		c := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionProvisioned)
		return c != nil && c.Reason == v1alpha1.ReasonPulling
	})
	f.kubectl().run("delete", "lease", "waiting", "--timeout=30s")
	if record := f.record(lease); record.Spec.Amount != "0" || record.Spec.FinishReason != v1alpha1.FinishDeleted {
		t.Errorf("billed %s as %s, want 0 as %s", record.Spec.Amount, record.Spec.FinishReason, v1alpha1.FinishDeleted)
	}
}

// TestPricingIsPinned: a price that changes while a lease runs does not concern it.
func TestPricingIsPinned(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	class := f.createClass()
	lease := f.run(f.lease("pinned", func(l *v1alpha1.ContainerLease) { l.Spec.ClassName = class }))
	f.kubectl().run("patch", "leaseclass", class, "--type=merge", "-p", `{"spec":{"pricing":{"perCPUHour":"1000"},"cpu":{"min":"1","default":"1"}}}`)
	// An unrelated change is still possible, though the class allows such a lease no more.
	lease = f.change(lease, ttl("1s"))
	_, record := f.awaitBilled(lease, v1alpha1.FinishExpired)
	if got, want := record.Spec.Pricing, newClass("").Spec.Pricing; got != want {
		t.Errorf("billed by %+v, want %+v", got, want)
	}
	if cpu := record.Spec.Segments[0].CPU; cpu.Cmp(resource.MustParse("100m")) != 0 {
		t.Errorf("billed for %s CPU, want 100m", cpu.String())
	}
}
