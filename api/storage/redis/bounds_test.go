package redis

import (
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	testingclock "k8s.io/utils/clock/testing"
)

func TestHistoryIsBoundedByEntries(t *testing.T) {
	config := testConfig()
	config.HistoryEntries = 10
	p := newPods(t, openStore(t, config), podsOptions{})
	first := create(t, p, "first")
	for i := range 30 {
		last := create(t, p, "pod-"+strconv.Itoa(i))
		awaitHub(t, p.store, revisionOf(t, last))
	}
	if err := p.store.compact(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := p.store.client.XLen(t.Context(), p.store.keys.events).Val(); got != 10 {
		t.Errorf("history has %d entries, want 10", got)
	}
	if got, want := p.CompactRevision(), revisionOf(t, first)+20; got != want {
		t.Errorf("compacted to %d, want %d", got, want)
	}
	expectExpired(t, startWatch(t, p, first.ResourceVersion))
	expectPod(t, startWatch(t, p, strconv.FormatInt(p.CompactRevision(), 10)), "ADDED", "pod-20")
}

func TestHistoryIsBoundedByAge(t *testing.T) {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	a := aging{limit: 10 * time.Minute}
	steps := []struct {
		minute int
		head   int64
		want   int64
	}{
		{0, 100, 0}, {1, 150, 0}, {9, 300, 0}, {10, 310, 100}, {11, 320, 150}, {12, 330, 0}, {30, 400, 330}, {41, 500, 400},
	}
	for _, step := range steps {
		if got := a.observe(step.head, start.Add(time.Duration(step.minute)*time.Minute)); got != step.want {
			t.Errorf("after %d minutes, %d is old, want %d", step.minute, got, step.want)
		}
	}
}

// TestSlowWatcherIsClosed is about a watcher that stops reading: it is closed, and nobody else notices.
func TestSlowWatcherIsClosed(t *testing.T) {
	registry := prometheus.NewRegistry()
	config := testConfig()
	config.QueueEntries, config.SlowWatcherTimeout, config.Registerer = 10, 200*time.Millisecond, registry
	p := newPods(t, openStore(t, config), podsOptions{})
	first := create(t, p, "first")
	slow, quick := startWatch(t, p, first.ResourceVersion), startWatch(t, p, first.ResourceVersion)
	const count = resultBuffer + 50
	for i := range count {
		name := "pod-" + strconv.Itoa(i)
		create(t, p, name)
		expectPod(t, quick, "ADDED", name)
	}
	eventually(t, "the slow watcher is closed", func() bool {
		return testutil.ToFloat64(p.store.metrics.slowWatchers) == 1
	})
	// What it had got stays in order, without a hole.
	last := 0
	for event := range slow.ResultChan() {
		if got, want := event.Object.(*example.Pod).Name, "pod-"+strconv.Itoa(last); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		last++
	}
	if last < resultBuffer || last >= count {
		t.Errorf("the slow watcher got %d events, want at least its buffer and not all", last)
	}
	create(t, p, "after")
	expectPod(t, quick, "ADDED", "after")
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

// TestConsistentListDoesNotPoll is about the watch cache answering right after a write to another resource. Its clock
// stands still, so it could wait for ever for its next poll.
func TestConsistentListDoesNotPoll(t *testing.T) {
	ctx, c := openCached(t, cachedOptions{clock: testingclock.NewFakeClock(time.Now())})
	create(t, c, "first")
	for range 20 {
		want := writeElsewhere(ctx, t, c.raw.store)
		list := &example.PodList{}
		if err := c.GetList(ctx, "/pods/", storage.ListOptions{Predicate: storage.Everything, Recursive: true}, list); err != nil {
			t.Fatal(err)
		}
		if got, err := strconv.ParseInt(list.ResourceVersion, 10, 64); err != nil || got < want {
			t.Fatalf("the list is at %s, want %d", list.ResourceVersion, want)
		}
	}
}

// TestRefusedWritesTakeNoRevision is what keeps controllers that change nothing from waking everyone.
func TestRefusedWritesTakeNoRevision(t *testing.T) {
	_, p := openPods(t, podsOptions{})
	create(t, p, "a")
	before, err := p.store.head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Create(t.Context(), podKey("a"), pod("a"), nil, 0); !storage.IsExist(err) {
		t.Errorf("creating it again: %v", err)
	}
	if err := p.Delete(t.Context(), podKey("b"), &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{}); !storage.IsNotFound(err) {
		t.Errorf("deleting what is not there: %v", err)
	}
	for range 2 {
		if _, err := touch(t.Context(), p, "a", "same"); err != nil {
			t.Fatal(err)
		}
	}
	after, err := p.store.head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after != before+1 {
		t.Errorf("one change took %d revisions", after-before)
	}
}
