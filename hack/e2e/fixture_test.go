package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockerclient "github.com/docker/docker/client"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

const (
	// testClass allows the test image, and times of a second.
	testClass = "e2e"
	// eventually is how long anything may take that has no deadline of its own.
	eventually = 60 * time.Second
)

// fixture is what one test works with: a namespace on a server, an engine, and an auditor that
// looks at both when the test ends.
type fixture struct {
	*testing.T
	server    *server
	namespace string
	api       client.WithWatch
	engine    *dockerclient.Client
	evidence  *Recorder
	audit     *Auditor

	mu sync.Mutex
}

// newFixture prepares a namespace on the server. When the test ends, its leases are
// deleted, and the auditor must find nothing wrong and nothing left.
func newFixture(t *testing.T, s *server) *fixture {
	t.Helper()
	f := &fixture{T: t, server: s, engine: drivertest.Client(t)}
	drivertest.EnsureTestImage(t, f.engine)
	api, err := s.client()
	f.must(err, "making a client")
	f.api = api
	f.evidence, err = Record(f.engine)
	f.must(err, "following the engine's events")

	ctx, cancel := f.context()
	defer cancel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	f.must(api.Create(ctx, namespace), "creating a namespace")
	f.namespace = namespace.Name
	if err := api.Create(ctx, newClass(testClass)); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatalf("creating class %s: %v", testClass, err)
	}
	f.audit = &Auditor{
		Engine: f.engine, API: api, Evidence: f.evidence,
		Namespace: f.namespace, Acknowledged: map[types.UID]string{}, Changed: map[types.UID]time.Time{},
	}
	t.Cleanup(f.finish)
	return f
}

// finish ends what the test left, and audits.
func (f *fixture) finish() {
	defer f.evidence.Close()
	defer f.removeLeftovers()
	if f.Failed() {
		f.Logf("the server's log about namespace %s:\n%s", f.namespace, f.server.log.about(f.namespace, 60))
	}
	if !f.server.running() {
		return
	}
	f.expectSound()
	ctx, cancel := f.context()
	defer cancel()
	if err := f.api.DeleteAllOf(ctx, &v1alpha1.ContainerLease{}, client.InNamespace(f.namespace)); err != nil {
		f.Errorf("deleting the leases: %v", err)
	}
	f.eventually("all leases and containers are gone", func() error {
		ctx, cancel := f.context()
		defer cancel()
		var leases v1alpha1.ContainerLeaseList
		if err := f.api.List(ctx, &leases, client.InNamespace(f.namespace)); err != nil {
			return err
		}
		for _, l := range leases.Items {
			return fmt.Errorf("lease %s is still there: %s", l.Name, describe(&l))
		}
		for _, c := range f.containers() {
			return fmt.Errorf("container %s is still there: %s", c.Names, c.Status)
		}
		return nil
	})
	f.expectSound()
	if err := f.evidence.Err(); err != nil {
		f.Errorf("the evidence is incomplete: %v", err)
	}
}

// expectSound fails the test unless the auditor comes to find nothing wrong.
func (f *fixture) expectSound() {
	f.Helper()
	f.eventually("the auditor finds nothing wrong", func() error {
		ctx, cancel := f.context()
		defer cancel()
		f.mu.Lock()
		defer f.mu.Unlock()
		violations, err := f.audit.Audit(ctx)
		if err != nil {
			return err
		}
		var lines []string
		for _, v := range violations {
			lines = append(lines, v.String())
		}
		if lines != nil {
			return fmt.Errorf("%s", strings.Join(lines, "\n"))
		}
		return nil
	})
}

// removeLeftovers leaves the engine as it was, even after a failed test.
func (f *fixture) removeLeftovers() {
	ctx, cancel := f.context()
	defer cancel()
	for _, c := range f.containers() {
		err := f.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			f.Errorf("removing container %s: %v", c.ID, err)
		}
	}
}

// containers are those of the namespace, by the engine's account.
func (f *fixture) containers() []container.Summary {
	ctx, cancel := f.context()
	defer cancel()
	found, err := f.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", v1alpha1.LabelNamespace+"="+f.namespace), filters.Arg("label", v1alpha1.LabelUID))})
	if err != nil {
		f.Errorf("listing containers: %v", err)
	}
	return found
}

// containerOf is the container of a lease, as the engine describes it. The test fails if there is none.
func (f *fixture) containerOf(lease *v1alpha1.ContainerLease) container.InspectResponse {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	found, err := f.engine.ContainerInspect(ctx, "containerlease-"+string(lease.UID))
	f.must(err, "inspecting the container of lease %s", lease.Name)
	return found
}

// context bounds one call.
func (f *fixture) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

func (f *fixture) must(err error, format string, args ...any) {
	f.Helper()
	if err != nil {
		f.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

// eventually fails the test unless check comes to return nil. It may be used while cleaning up.
func (f *fixture) eventually(what string, check func() error) {
	f.Helper()
	f.within(eventually, what, check)
}

func (f *fixture) within(limit time.Duration, what string, check func() error) {
	f.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			f.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(pollInterval)
	}
}

// newClass is a class that allows the test image for a second and more, at prices that make
// every part of an amount visible.
func newClass(name string, change ...func(*v1alpha1.LeaseClass)) *v1alpha1.LeaseClass {
	class := &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.LeaseClassSpec{
			Images: v1alpha1.ImagePolicy{
				Catalog:    []v1alpha1.CatalogImage{{Name: "box", Reference: drivertest.Image}},
				Allow:      []string{"localhost/containerlease/test:*"},
				PullPolicy: v1alpha1.PullIfNotPresent,
			},
			TTL:    v1alpha1.DurationRange{Min: "1s", Default: "5m", Max: "2h"},
			CPU:    quantities("50m", "100m", "2"),
			Memory: quantities("8Mi", "32Mi", "256Mi"),
			Pricing: v1alpha1.Pricing{
				Currency: "USD", PerCPUHour: "1.234567891", PerGiBHour: "0.987654321", PerLease: "0.000000007",
			},
			Isolation: v1alpha1.Isolation{PidsLimit: ptr.To[int64](64)},
		},
	}
	for _, c := range change {
		c(class)
	}
	return class
}

func quantities(least, normal, most string) v1alpha1.QuantityRange {
	return v1alpha1.QuantityRange{
		Min: resource.MustParse(least), Default: resource.MustParse(normal), Max: resource.MustParse(most),
	}
}

// createClass stores a class for one test, under a name of its own.
func (f *fixture) createClass(change ...func(*v1alpha1.LeaseClass)) string {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	class := newClass("", change...)
	class.GenerateName = "e2e-"
	f.must(f.api.Create(ctx, class), "creating a class")
	f.Cleanup(func() {
		if !f.server.running() {
			return
		}
		ctx, cancel := f.context()
		defer cancel()
		if err := f.api.Delete(ctx, class); err != nil {
			f.Errorf("deleting class %s: %v", class.Name, err)
		}
	})
	return class.Name
}

// lease is a lease that isn't stored yet: a container that sleeps, for five minutes unless
// changed.
func (f *fixture) lease(name string, change ...func(*v1alpha1.ContainerLease)) *v1alpha1.ContainerLease {
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: "box", ClassName: testClass, Command: []string{"sleep", "3600"},
			TerminationGracePeriodSeconds: ptr.To[int64](5),
		},
	}
	for _, c := range change {
		c(lease)
	}
	return lease
}

func ttl(d v1alpha1.Duration) func(*v1alpha1.ContainerLease) {
	return func(l *v1alpha1.ContainerLease) { l.Spec.TTL = d }
}

func size(cpu, memory string) func(*v1alpha1.ContainerLease) {
	return func(l *v1alpha1.ContainerLease) {
		l.Spec.Resources = v1alpha1.ResourceLimits{CPU: ptr.To(resource.MustParse(cpu)), Memory: ptr.To(resource.MustParse(memory))}
	}
}

// script is run by the container's shell.
func script(lines ...string) func(*v1alpha1.ContainerLease) {
	return func(l *v1alpha1.ContainerLease) { l.Spec.Command = []string{"sh", "-c", strings.Join(lines, "\n")} }
}

// create stores a lease and remembers that the API acknowledged it.
func (f *fixture) create(lease *v1alpha1.ContainerLease) *v1alpha1.ContainerLease {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.api.Create(ctx, lease), "creating lease %s", lease.Name)
	f.acknowledge(lease)
	return lease
}

func (f *fixture) acknowledge(lease *v1alpha1.ContainerLease) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audit.Acknowledged[lease.UID] = lease.Name
}

// run stores a lease and waits until it is ready.
func (f *fixture) run(lease *v1alpha1.ContainerLease) *v1alpha1.ContainerLease {
	f.Helper()
	return f.await(f.create(lease), "ready", isTrue(v1alpha1.ConditionReady))
}

// change patches the spec of a lease.
func (f *fixture) change(lease *v1alpha1.ContainerLease, change func(*v1alpha1.ContainerLease)) *v1alpha1.ContainerLease {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	changed := lease.DeepCopy()
	change(changed)
	f.must(f.api.Patch(ctx, changed, client.MergeFrom(lease)), "changing lease %s", lease.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audit.Changed[lease.UID] = time.Now()
	return changed
}

// get reads a lease.
func (f *fixture) get(lease *v1alpha1.ContainerLease) (*v1alpha1.ContainerLease, error) {
	ctx, cancel := f.context()
	defer cancel()
	var current v1alpha1.ContainerLease
	if err := f.api.Get(ctx, client.ObjectKeyFromObject(lease), &current); err != nil {
		return nil, err
	}
	if current.UID != lease.UID {
		return nil, fmt.Errorf("lease %s is another one now", lease.Name)
	}
	return &current, nil
}

// await waits until a lease, at its present generation or later, satisfies the condition.
func (f *fixture) await(lease *v1alpha1.ContainerLease, what string, done func(*v1alpha1.ContainerLease) bool) *v1alpha1.ContainerLease {
	f.Helper()
	var current *v1alpha1.ContainerLease
	f.eventually(fmt.Sprintf("lease %s is %s", lease.Name, what), func() (err error) {
		if current, err = f.get(lease); err != nil {
			return err
		}
		if current.Status.ObservedGeneration < lease.Generation || !done(current) {
			return fmt.Errorf("it is not: %s", describe(current))
		}
		return nil
	})
	return current
}

// awaitBilled waits until a lease is over, which it must be for this reason: its container gone and
// its record written. It returns both.
func (f *fixture) awaitBilled(lease *v1alpha1.ContainerLease, reason v1alpha1.FinishReason) (*v1alpha1.ContainerLease, *v1alpha1.BillingRecord) {
	f.Helper()
	ended := f.await(lease, "over and billed", func(l *v1alpha1.ContainerLease) bool {
		over := l.Status.Phase == v1alpha1.LeaseFinished || l.Status.Phase == v1alpha1.LeaseFailed
		return over && isTrue(v1alpha1.ConditionBilled)(l)
	})
	if ended.Status.FinishReason != reason {
		f.Errorf("lease %s finished as %s, want %s", lease.Name, ended.Status.FinishReason, reason)
	}
	record := f.record(ended)
	if record.Spec.FinishReason != reason {
		f.Errorf("lease %s is billed as %s, want %s", lease.Name, record.Spec.FinishReason, reason)
	}
	if ended.Status.Cost == nil || ended.Status.Cost.Final != record.Spec.Amount {
		f.Errorf("lease %s shows cost %+v, billed are %s", lease.Name, ended.Status.Cost, record.Spec.Amount)
	}
	return ended, record
}

// record reads the billing record of a lease.
func (f *fixture) record(lease *v1alpha1.ContainerLease) *v1alpha1.BillingRecord {
	f.Helper()
	ctx, cancel := f.context()
	defer cancel()
	var record v1alpha1.BillingRecord
	f.must(f.api.Get(ctx, types.NamespacedName{Namespace: f.namespace, Name: string(lease.UID)}, &record),
		"reading the billing record of lease %s", lease.Name)
	return &record
}

func isTrue(condition string) func(*v1alpha1.ContainerLease) bool {
	return func(l *v1alpha1.ContainerLease) bool {
		return meta.IsStatusConditionTrue(l.Status.Conditions, condition)
	}
}

func inPhase(phase v1alpha1.LeasePhase) func(*v1alpha1.ContainerLease) bool {
	return func(l *v1alpha1.ContainerLease) bool { return l.Status.Phase == phase }
}

// describe says how a lease is, in a line.
func describe(l *v1alpha1.ContainerLease) string {
	var b strings.Builder
	fmt.Fprintf(&b, "generation %d (observed %d), phase %s, finish reason %q", l.Generation, l.Status.ObservedGeneration, l.Status.Phase, l.Status.FinishReason)
	for _, c := range l.Status.Conditions {
		fmt.Fprintf(&b, "; %s=%s (%s: %s)", c.Type, c.Status, c.Reason, c.Message)
	}
	return b.String()
}

// inNamespace limits a list.
func inNamespace(namespace string) client.ListOption { return client.InNamespace(namespace) }
