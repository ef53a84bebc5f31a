package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// LeaseSection compares a lease with the engine's own work for it.
type LeaseSection struct {
	// Lease is from the client's create to the event with Ready=True, Bare from the call of ContainerCreate
	// to the return of ContainerStart.
	Lease Summary `json:"lease"`
	Bare  Summary `json:"bareSDK"`
	// OverheadPercent is what the median lease takes more than the median bare container.
	OverheadPercent float64 `json:"overheadPercent"`
	GoalPercent     float64 `json:"goalPercent"`
	Met             bool    `json:"met"`
	// Steps split both by the engine's own event times. They are absent if its clock is not ours.
	Steps []LeaseStep `json:"steps,omitempty"`
}

// LeaseStep is one part of the way, by medians in milliseconds.
type LeaseStep struct {
	Name  string  `json:"name"`
	Lease float64 `json:"leaseMs"`
	Bare  float64 `json:"bareMs"`
}

// goalPercent is how much longer than the bare SDK a lease may take.
const goalPercent = 15

const (
	// leastPairs are measured even if they take longer than partBudget.
	leastPairs     = 5
	benchNamespace = "default"
	benchClass     = "bench"
	// settle keeps the tail of one measurement out of the next: events being recorded, a network being taken down.
	settle = 100 * time.Millisecond
	// leaseTimeout bounds each wait for a lease.
	leaseTimeout = time.Minute
)

// trace holds the moments of one start of a container.
type trace struct {
	asked    time.Time // before the first call
	accepted time.Time // the API has stored the lease; for a bare container, asked
	created  time.Time // by the engine's event
	started  time.Time // by the engine's event
	done     time.Time // the caller knows that it runs
}

// measureLease starts containers by lease and by hand in turn, on an otherwise idle server.
func measureLease(ctx context.Context, b *bench, report *Report) error {
	return withLessee(ctx, b, "lease", func(e *engine, _ *server, l *lessee) error {
		return compareStarts(ctx, b, report, e, l)
	})
}

func compareStarts(ctx context.Context, b *bench, report *Report, e *engine, l *lessee) (err error) {
	// The first lease pays for the server's first time of everything, and is the pattern of the bare containers.
	b.progress("lease: warming up")
	if err := l.lease(ctx, "bench-pattern", e.learn); err != nil {
		return err
	}
	b.progress("lease: create → Ready beside a bare SDK create + start")
	var leased, bare []trace
	start := time.Now()
	for i := range b.times(40, leastPairs) {
		if i >= leastPairs && time.Since(start) > partBudget {
			break
		}
		name := fmt.Sprintf("bench-%d", i)
		sides := []func() error{
			func() error {
				return l.lease(ctx, name, func(ctx context.Context, t trace, containerID string) error {
					err := e.addEvents(ctx, &t, containerID)
					leased = append(leased, t)
					return err
				})
			},
			func() error {
				t, err := e.start(ctx, name)
				bare = append(bare, t)
				return err
			},
		}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return err
			}
			select {
			case <-time.After(settle):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	report.Lease = compareLeases(leased, bare)
	return nil
}

// lessee is a client that takes leases one after the other.
type lessee struct {
	client  client.WithWatch
	watcher watch.Interface
}

// withLessee calls use with an engine, a server of its own on that, and a lessee of it.
func withLessee(ctx context.Context, b *bench, part string, use func(*engine, *server, *lessee) error) error {
	if err := refuseNeighbours(ctx); err != nil {
		return err
	}
	e, err := newEngine(ctx)
	if err != nil {
		return err
	}
	defer e.close()
	dataDir, err := os.MkdirTemp(b.dir, part+"-")
	if err != nil {
		return err
	}
	s, err := b.startServer(ctx, dataDir)
	if err != nil {
		return err
	}
	defer s.stop()
	l, err := newLessee(ctx, s)
	if err != nil {
		return err
	}
	defer l.close()
	return use(e, s, l)
}

func newLessee(ctx context.Context, s *server) (*lessee, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	if err := c.Create(ctx, newClass()); err != nil {
		return nil, fmt.Errorf("creating the class: %w", err)
	}
	watcher, err := c.Watch(ctx, &v1alpha1.ContainerLeaseList{}, client.InNamespace(benchNamespace))
	if err != nil {
		return nil, fmt.Errorf("watching leases: %w", err)
	}
	return &lessee{client: c, watcher: watcher}, nil
}

func (l *lessee) close() { l.watcher.Stop() }

// lease takes a lease, calls use when it is Ready, and gives it back; it returns once the lease is gone, and its
// container with it.
func (l *lessee) lease(ctx context.Context, name string, use func(ctx context.Context, t trace, containerID string) error) error {
	return l.take(ctx, newBenchLease(name), use)
}

// take is lease for any lease.
func (l *lessee) take(ctx context.Context, object *v1alpha1.ContainerLease, use func(ctx context.Context, t trace, containerID string) error) error {
	name := object.Name
	t := trace{asked: time.Now()}
	if err := l.client.Create(ctx, object); err != nil {
		return fmt.Errorf("creating lease %s: %w", name, err)
	}
	t.accepted = time.Now()
	ready, err := l.await(ctx, name, isReady)
	t.done = time.Now()
	if err == nil && ready.Status.Container == nil {
		err = fmt.Errorf("lease %s is ready without a container", name)
	}
	if err == nil {
		err = use(ctx, t, ready.Status.Container.ID)
	}
	if err != nil {
		return err
	}
	if err := l.client.Delete(ctx, object); err != nil {
		return fmt.Errorf("deleting lease %s: %w", name, err)
	}
	_, err = l.await(ctx, name, func(event watch.EventType, _ *v1alpha1.ContainerLease) (bool, error) {
		return event == watch.Deleted, nil
	})
	return err
}

// await reads events until one of the lease satisfies done, and returns the lease as it was then.
func (l *lessee) await(ctx context.Context, name string, done func(watch.EventType, *v1alpha1.ContainerLease) (bool, error)) (*v1alpha1.ContainerLease, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, leaseTimeout, fmt.Errorf("lease %s: nothing more happened for %v", name, leaseTimeout))
	defer cancel()
	for {
		select {
		case event, ok := <-l.watcher.ResultChan():
			if !ok {
				return nil, fmt.Errorf("lease %s: the watch ended", name)
			}
			lease, ok := event.Object.(*v1alpha1.ContainerLease)
			if !ok {
				return nil, fmt.Errorf("watching leases: %w", apierrors.FromObject(event.Object))
			}
			if lease.Name != name {
				continue
			}
			if satisfied, err := done(event.Type, lease); satisfied || err != nil {
				return lease, err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func isReady(_ watch.EventType, lease *v1alpha1.ContainerLease) (bool, error) {
	if meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionFinished) {
		return false, fmt.Errorf("lease %s ended before it was ready: %s: %v", lease.Name, lease.Status.FinishReason, lease.Status.Conditions)
	}
	return meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionReady), nil
}

// newClass allows the image of this benchmark.
func newClass() *v1alpha1.LeaseClass {
	amounts := func(least, common, most string) v1alpha1.QuantityRange {
		return v1alpha1.QuantityRange{Min: resource.MustParse(least), Default: resource.MustParse(common), Max: resource.MustParse(most)}
	}
	return &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: benchClass},
		Spec: v1alpha1.LeaseClassSpec{
			Images: v1alpha1.ImagePolicy{
				Catalog:    []v1alpha1.CatalogImage{{Name: benchClass, Reference: imageReference}},
				PullPolicy: v1alpha1.PullNever,
			},
			TTL:     v1alpha1.DurationRange{Min: "1m", Default: "30m", Max: "2h"},
			CPU:     amounts("100m", "250m", "1"),
			Memory:  amounts("16Mi", "64Mi", "1Gi"),
			Pricing: v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005"},
		},
	}
}

func newBenchLease(name string) *v1alpha1.ContainerLease {
	atOnce := int64(0)
	return &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: benchNamespace},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: benchClass, ClassName: benchClass, Command: []string{"/bin/sleep", "3600"}, TerminationGracePeriodSeconds: &atOnce,
		},
	}
}

// steps are the parts of a trace.
var steps = []struct {
	name string
	took func(trace) time.Duration
}{
	{"request → lease stored", func(t trace) time.Duration { return t.accepted.Sub(t.asked) }},
	{"→ engine has created the container", func(t trace) time.Duration { return t.created.Sub(t.accepted) }},
	{"→ engine has started it", func(t trace) time.Duration { return t.started.Sub(t.created) }},
	{"→ the caller knows", func(t trace) time.Duration { return t.done.Sub(t.started) }},
}

func compareLeases(leased, bare []trace) *LeaseSection {
	total := func(t trace) time.Duration { return t.done.Sub(t.asked) }
	section := &LeaseSection{Lease: summarize(each(leased, total)), Bare: summarize(each(bare, total)), GoalPercent: goalPercent}
	section.OverheadPercent = (ratio(section.Lease.Median, section.Bare.Median) - 1) * 100
	section.Met = section.OverheadPercent <= goalPercent

	foreign := func(t trace) bool {
		return !slices.IsSortedFunc([]time.Time{t.asked, t.created, t.started, t.done}, time.Time.Compare)
	}
	if slices.ContainsFunc(leased, foreign) || slices.ContainsFunc(bare, foreign) {
		return section
	}
	for _, step := range steps {
		section.Steps = append(section.Steps, LeaseStep{
			Name: step.name, Lease: summarize(each(leased, step.took)).Median, Bare: summarize(each(bare, step.took)).Median,
		})
	}
	return section
}

func each(traces []trace, f func(trace) time.Duration) []time.Duration {
	series := make([]time.Duration, len(traces))
	for i, t := range traces {
		series[i] = f(t)
	}
	return series
}

func (s *LeaseSection) print(w io.Writer) {
	fmt.Fprintf(w, "\nLEASE: API create → Ready beside a bare SDK create + start of the same container, in turn, on an idle server. In ms.\n")
	fmt.Fprintln(w, "\tlease\tbare SDK\tratio")
	fmt.Fprintf(w, "n\t%d\t%d\t\n", s.Lease.N, s.Bare.N)
	fmt.Fprintf(w, "median\t%.1f\t%.1f\t%.2f\n", s.Lease.Median, s.Bare.Median, ratio(s.Lease.Median, s.Bare.Median))
	fmt.Fprintf(w, "p90\t%.1f\t%.1f\t%.2f\n", s.Lease.P90, s.Bare.P90, ratio(s.Lease.P90, s.Bare.P90))
	for _, step := range s.Steps {
		fmt.Fprintf(w, "  %s\t%.1f\t%.1f\t\n", step.Name, step.Lease, step.Bare)
	}
	verdict := "met"
	if !s.Met {
		verdict = "MISSED"
	}
	fmt.Fprintf(w, "The median lease takes %+.1f %% of the bare SDK's time; the goal is at most +%.0f %%: %s.\n", s.OverheadPercent, s.GoalPercent, verdict)
	if s.Steps == nil {
		fmt.Fprintln(w, "The engine's clock is not ours, so the steps are unknown.")
	}
}
