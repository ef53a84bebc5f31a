package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	clientfake "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/containerlease/containerlease/reconciler"
	"github.com/containerlease/containerlease/reconciler/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("broken")

func TestOutcome(t *testing.T) {
	things := schema.GroupResource{Resource: "things"}
	tests := map[string]struct {
		outcome      reconciler.Outcome
		wantAfter    time.Duration
		wantErr      error
		wantTerminal bool
	}{
		"Done":              {outcome: reconciler.Done()},
		"Waiting":           {outcome: reconciler.Waiting(time.Minute), wantAfter: time.Minute},
		"WaitingNoTime":     {outcome: reconciler.Waiting(-time.Minute), wantAfter: time.Nanosecond},
		"Failed":            {outcome: reconciler.Failed(errBroken), wantErr: errBroken},
		"FailedNil":         {outcome: reconciler.Failed(nil)},
		"FailedByConflict":  {outcome: reconciler.Failed(fmt.Errorf("writing: %w", apierrors.NewConflict(things, "x", errBroken))), wantAfter: 20 * time.Millisecond},
		"FailedByAbsence":   {outcome: reconciler.Failed(fmt.Errorf("writing: %w", apierrors.NewNotFound(things, "x")))},
		"Terminal":          {outcome: reconciler.Terminal(errBroken), wantErr: errBroken, wantTerminal: true},
		"SoonerOfTwo":       {outcome: reconciler.Waiting(time.Hour).Or(reconciler.Waiting(time.Minute)), wantAfter: time.Minute},
		"WaitingBeatsDone":  {outcome: reconciler.Done().Or(reconciler.Waiting(time.Minute)), wantAfter: time.Minute},
		"DoneAfterWaiting":  {outcome: reconciler.Waiting(time.Minute).Or(reconciler.Done()), wantAfter: time.Minute},
		"ErrorBeatsWaiting": {outcome: reconciler.Waiting(time.Minute).Or(reconciler.Failed(errBroken)), wantErr: errBroken},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := tc.outcome.Result()
			if result.RequeueAfter != tc.wantAfter || !errors.Is(err, tc.wantErr) {
				t.Errorf("got %v, %v, want %v, %v", result.RequeueAfter, err, tc.wantAfter, tc.wantErr)
			}
			if terminal := errors.Is(err, reconcile.TerminalError(nil)); terminal != tc.wantTerminal {
				t.Errorf("terminal is %v, want %v", terminal, tc.wantTerminal)
			}
		})
	}
}

func TestSetConditionKeepsTheTransition(t *testing.T) {
	var conditions []metav1.Condition
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	set := func(after time.Duration, status metav1.ConditionStatus, reason string) time.Duration {
		reconciler.SetCondition(&conditions, start.Add(after), metav1.Condition{Type: "Ready", Status: status, Reason: reason})
		return conditions[0].LastTransitionTime.Sub(start)
	}
	if got := set(0, metav1.ConditionFalse, "Pulling"); got != 0 {
		t.Errorf("new: transition after %v", got)
	}
	if got := set(time.Minute, metav1.ConditionFalse, "Creating"); got != 0 {
		t.Errorf("another reason: transition after %v, want it to stay", got)
	}
	if got := set(2*time.Minute, metav1.ConditionTrue, "Ready"); got != 2*time.Minute {
		t.Errorf("another status: transition after %v, want 2m", got)
	}
}

func TestPatchStatus(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x"}}
	c := clientfake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(pod).WithObjects(pod).Build()
	observed := &corev1.Pod{}
	if err := c.Get(ctx, client.ObjectKeyFromObject(pod), observed); err != nil {
		t.Fatal(err)
	}

	same := observed.DeepCopy()
	if changed, err := reconciler.PatchStatus(ctx, c.Status(), observed, same); changed || err != nil {
		t.Errorf("no difference: wrote is %v (%v), want nothing written", changed, err)
	}
	desired := observed.DeepCopy()
	desired.Status.Message = "hello"
	if changed, err := reconciler.PatchStatus(ctx, c.Status(), observed, desired); !changed || err != nil {
		t.Errorf("a difference: wrote is %v (%v), want a write", changed, err)
	}
	if desired.ResourceVersion == observed.ResourceVersion {
		t.Error("desired is not what was stored")
	}
	late := observed.DeepCopy()
	late.Status.Message = "too late"
	if _, err := reconciler.PatchStatus(ctx, c.Status(), observed, late); !apierrors.IsConflict(err) {
		t.Errorf("computed from what no longer holds: %v, want a conflict", err)
	}
}

func TestGate(t *testing.T) {
	var woken []string
	g := reconciler.NewGate(1, func(key string) { woken = append(woken, key) })
	if !g.Enter("a") || g.Enter("b") || g.Enter("c") || g.Enter("b") {
		t.Fatal("want room for the first alone")
	}
	g.Leave()
	if diff := cmp.Diff([]string{"b"}, woken); diff != "" {
		t.Errorf("woken (-want +got):\n%s", diff)
	}
	if !g.Enter("b") {
		t.Fatal("no room though one left")
	}
	g.Leave()
	g.Enter("c")
	g.Leave()
	if diff := cmp.Diff([]string{"b", "c"}, woken); diff != "" {
		t.Errorf("each waits once, in order (-want +got):\n%s", diff)
	}
}

// scriptedWatcher plays one connection after another.
type scriptedWatcher chan func(connected func(), handle func(driver.Event)) error

func (w scriptedWatcher) Watch(ctx context.Context, connected func(), handle func(driver.Event)) error {
	select {
	case play := <-w:
		return play(connected, handle)
	case <-ctx.Done():
		return nil
	}
}

func TestStreamRelistsOnEachConnection(t *testing.T) {
	watcher := make(scriptedWatcher)
	clk := clocktesting.NewFakeClock(time.Now())
	stream := reconciler.NewStream(watcher, clk, logr.Discard())
	queue := workqueue.NewTypedRateLimitingQueue(reconciler.Backoff[string](time.Second, time.Minute))
	defer queue.ShutDown()
	source := reconciler.SourceOf(stream,
		func(e driver.Event) []string { return []string{"event " + e.Owner.Name} },
		func(context.Context) ([]string, error) { return []string{"relist"}, nil })
	ctx, cancel := context.WithCancel(t.Context())
	if err := source.Start(ctx, queue); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- stream.Start(ctx) }()
	want := func(items ...string) {
		t.Helper()
		for _, item := range items {
			got, _ := queue.Get()
			queue.Done(got)
			if got != item {
				t.Errorf("queued %q, want %q", got, item)
			}
		}
	}

	watcher <- func(connected func(), handle func(driver.Event)) error {
		connected()
		handle(driver.Event{Owner: driver.Identity{Name: "a"}})
		return errBroken
	}
	want("relist", "event a")
	for !clk.HasWaiters() { // Until it waits to reconnect.
		select {
		case err := <-done:
			t.Fatalf("gave up: %v", err)
		default:
		}
	}
	clk.Step(250 * time.Millisecond)
	standing := make(chan struct{})
	watcher <- func(connected func(), _ func(driver.Event)) error {
		connected()
		close(standing)
		<-ctx.Done()
		return nil
	}
	want("relist")

	<-standing
	late := reconciler.SourceOf(stream, nil, func(context.Context) ([]string, error) { return []string{"late relist"}, nil })
	if err := late.Start(ctx, queue); err != nil {
		t.Fatal(err)
	}
	want("late relist")

	var failures atomic.Int32
	failing := reconciler.SourceOf(stream, nil, func(context.Context) ([]string, error) {
		if failures.Add(1) < 3 {
			return nil, errBroken
		}
		return []string{"third relist"}, nil
	})
	if err := failing.Start(ctx, queue); err != nil {
		t.Fatal(err)
	}
	for failures.Load() < 3 {
		clk.Step(time.Second)
	}
	want("third relist")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Start: %v, want nil once the context ended", err)
	}
}
