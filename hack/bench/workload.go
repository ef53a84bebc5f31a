package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// fixture is what the workloads find in a backend: objects that are there from the start, in the state that the
// last writer of each got back. There are at least as many as workers.
type fixture struct {
	*backend
	objects []*v1alpha1.ContainerLease
	rounds  int // makes the keys of a round its own
}

// listPrefix is where the objects of a fixture are; nothing is ever added there.
const listPrefix = resourcePrefix + "/listed/"

func (f *fixture) key(i int) string { return fmt.Sprintf("%slease-%04d", listPrefix, i) }

// slice is one uninterrupted series of an operation.
type slice struct {
	latencies []time.Duration
	elapsed   time.Duration
}

// workload is an operation to measure. run does it n times, spread over workers.
type workload struct {
	name string
	run  func(f *fixture, ctx context.Context, workers, n int) (slice, error)
	// operations a round, at 1 worker and at many.
	one, many int
}

var workloads = []workload{
	{"create", (*fixture).create, 100, 1600},
	{"update", (*fixture).update, 100, 1600},
	{"update → watch", (*fixture).watch, 100, 1600},
	{"get", (*fixture).get, 400, 3200},
	{"list", (*fixture).list, 6, 32},
}

// spread calls do for each number below n, from as many goroutines as there are workers; worker w gets the numbers
// congruent to w. The first error ends it.
func spread(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) (slice, error) {
	latencies := make([]time.Duration, n)
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for worker := range workers {
		group.Go(func() error {
			for i := worker; i < n; i += workers {
				before := time.Now()
				if err := do(ctx, i); err != nil {
					return err
				}
				latencies[i] = time.Since(before)
			}
			return nil
		})
	}
	err := group.Wait()
	return slice{latencies, time.Since(start)}, err
}

// populate makes the objects that the other workloads use.
func (f *fixture) populate(ctx context.Context) error {
	_, err := spread(ctx, manyWorkers, len(f.objects), func(ctx context.Context, i int) error {
		f.objects[i] = &v1alpha1.ContainerLease{}
		return f.store.Create(ctx, f.key(i), newLease(fmt.Sprintf("lease-%04d", i)), f.objects[i], 0)
	})
	return err
}

// create makes objects that were not there.
func (f *fixture) create(ctx context.Context, workers, n int) (slice, error) {
	f.rounds++
	return spread(ctx, workers, n, func(ctx context.Context, i int) error {
		name := fmt.Sprintf("round-%d-%04d", f.rounds, i)
		return f.store.Create(ctx, resourcePrefix+"/created/"+name, newLease(name), &v1alpha1.ContainerLease{}, 0)
	})
}

// update changes objects without contention, given the current object, as the watch cache in front of the store does.
func (f *fixture) update(ctx context.Context, workers, n int) (slice, error) {
	return spread(ctx, workers, n, func(ctx context.Context, i int) error { return f.touch(ctx, f.own(i, workers)) })
}

// own turns the number of an operation into that of an object that no other worker of spread touches.
func (f *fixture) own(i, workers int) int { return i % (len(f.objects) - len(f.objects)%workers) }

// touch writes a new status to object i.
func (f *fixture) touch(ctx context.Context, i int) error {
	out := &v1alpha1.ContainerLease{}
	err := f.store.GuaranteedUpdate(ctx, f.key(i), out, false, nil,
		func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
			lease := input.(*v1alpha1.ContainerLease)
			now := v1alpha1.NewTimestamp(time.Now())
			lease.Status.LastObservedTime = &now
			return lease, nil, nil
		}, f.objects[i].DeepCopy())
	f.objects[i] = out
	return err
}

// get reads objects at the newest revision.
func (f *fixture) get(ctx context.Context, workers, n int) (slice, error) {
	return spread(ctx, workers, n, func(ctx context.Context, i int) error {
		return f.store.Get(ctx, f.key(i%len(f.objects)), storage.GetOptions{}, &v1alpha1.ContainerLease{})
	})
}

// list reads and decodes all objects of listPrefix at the newest revision.
func (f *fixture) list(ctx context.Context, workers, n int) (slice, error) {
	return spread(ctx, workers, n, func(ctx context.Context, _ int) error {
		var all v1alpha1.ContainerLeaseList
		err := f.store.GetList(ctx, listPrefix, storage.ListOptions{Recursive: true, Predicate: storage.Everything}, &all)
		if err == nil && len(all.Items) != len(f.objects) {
			err = fmt.Errorf("%d of %d objects listed", len(all.Items), len(f.objects))
		}
		return err
	})
}

// watch updates objects and measures from the start of each write to its event.
func (f *fixture) watch(ctx context.Context, workers, n int) (slice, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("not every event came within a minute"))
	defer cancel()
	head, err := f.store.GetCurrentResourceVersion(ctx)
	if err != nil {
		return slice{}, err
	}
	watcher, err := f.store.Watch(ctx, listPrefix, storage.ListOptions{
		ResourceVersion: fmt.Sprint(head), Recursive: true, Predicate: storage.Everything,
	})
	if err != nil {
		return slice{}, err
	}
	defer watcher.Stop()

	var mu sync.Mutex
	began := make(map[string]time.Time, n) // by the revision that the write made
	arrived := make(map[string]time.Time, n)
	start := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for len(arrived) < n {
			select {
			case event, ok := <-watcher.ResultChan():
				if !ok || event.Type != watch.Modified {
					return fmt.Errorf("watch: want an update, got %q (%v)", event.Type, event.Object)
				}
				arrived[event.Object.(*v1alpha1.ContainerLease).ResourceVersion] = time.Now()
			case <-groupCtx.Done():
				return context.Cause(groupCtx)
			}
		}
		return nil
	})
	group.Go(func() error {
		_, err := spread(groupCtx, workers, n, func(ctx context.Context, i int) error {
			before := time.Now()
			object := f.own(i, workers)
			if err := f.touch(ctx, object); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			began[f.objects[object].ResourceVersion] = before
			return nil
		})
		return err
	})
	if err := group.Wait(); err != nil {
		return slice{}, err
	}
	result := slice{elapsed: time.Since(start)}
	for revision, before := range began {
		at, ok := arrived[revision]
		if !ok {
			return slice{}, fmt.Errorf("watch: no event for revision %s", revision)
		}
		result.latencies = append(result.latencies, at.Sub(before))
	}
	return result, nil
}

// newLease returns a lease such as the controllers leave behind once its container runs.
func newLease(name string) *v1alpha1.ContainerLease {
	quantity := func(s string) *resource.Quantity { q := resource.MustParse(s); return &q }
	started := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	at, expires := v1alpha1.NewTimestamp(started), v1alpha1.NewTimestamp(started.Add(30*time.Minute))
	lease := &v1alpha1.ContainerLease{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ContainerLease"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "default", UID: types.UID("0b9c4a54-5d5e-4a0f-9d0e-" + name), Generation: 1,
			CreationTimestamp: metav1.NewTime(started), Finalizers: []string{v1alpha1.Finalizer},
			Labels: map[string]string{"app": "bench", "team": "platform"},
		},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: "ubuntu", ClassName: "standard", TTL: "30m", OperatingMode: v1alpha1.OperatingModeRunning,
			Resources: v1alpha1.ResourceLimits{CPU: quantity("500m"), Memory: quantity("512Mi")},
			Command:   []string{"bash", "-c", "while true; do date; sleep 1; done"},
			Env:       []v1alpha1.EnvVar{{Name: "LANG", Value: "C.UTF-8"}, {Name: "TERM", Value: "xterm"}},
			Ports:     []v1alpha1.ContainerPort{{ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
		},
		Status: v1alpha1.ContainerLeaseStatus{
			ObservedGeneration: 1, Phase: v1alpha1.LeaseRunning,
			Container: &v1alpha1.ContainerStatus{
				ID:     "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01",
				Image:  "docker.io/library/ubuntu:22.04",
				Engine: "host",
			},
			StartTime: &at, ExpirationTime: &expires, LastObservedTime: &at,
			Cost: &v1alpha1.LeaseCost{Currency: "USD", HourlyRate: "0.0225", Estimated: "0.01125"},
		},
	}
	for _, condition := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionProvisioned, v1alpha1.ConditionReady} {
		lease.Status.Conditions = append(lease.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, ObservedGeneration: 1, Reason: condition,
			LastTransitionTime: metav1.NewTime(started), Message: "The container runs.",
		})
	}
	return lease
}
