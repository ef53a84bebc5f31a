package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

// TestWatchersMissNothing lets many writers in two processes change few objects, and many watchers follow, which come and
// go, some of them slowly. No watcher may miss, repeat or reorder an event.
func TestWatchersMissNothing(t *testing.T) {
	tests := map[string]func(*Config){
		"Default":    func(*Config) {},
		"TinyQueues": func(c *Config) { c.RingEntries, c.QueueEntries = 16, 4 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			change(&config)
			a := newPods(t, openStore(t, config), podsOptions{})
			b := newPods(t, openStore(t, config), podsOptions{})
			checkOrder(t, []*pods{a, b})
		})
	}
}

const (
	orderWriters  = 12
	orderWrites   = 150
	orderWatchers = 24
	orderObjects  = 10
)

func checkOrder(t *testing.T, stores []*pods) {
	start := writeElsewhere(t.Context(), t, stores[0].store)
	done := make(chan struct{})
	var watching, writing sync.WaitGroup
	observed := make([][]watch.Event, orderWatchers)
	for i := range orderWatchers {
		watching.Go(func() { observed[i] = followInParts(t, stores[i%len(stores)], start, uint64(i), done) })
	}
	for i := range orderWriters {
		writing.Go(func() { writeRandomly(t, stores[i%len(stores)], uint64(i)) })
	}
	writing.Wait()
	// Everyone stops at the last event.
	create(t, stores[0], "the-end")
	close(done)
	watching.Wait()

	events, _, err := stores[0].store.eventsAfter(t.Context(), start, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, e := range events {
		kind := watch.Modified
		switch {
		case e.deleted():
			kind = watch.Deleted
		case e.created():
			kind = watch.Added
		}
		want = append(want, fmt.Sprintf("%s %s %d", kind, e.key, e.revision))
	}
	if len(want) < orderWriters*orderWrites/3 {
		t.Fatalf("only %d events happened", len(want))
	}
	for i, events := range observed {
		var got []string
		for _, e := range events {
			p := e.Object.(*example.Pod)
			got = append(got, fmt.Sprintf("%s %s %s", e.Type, podKey(p.Name), p.ResourceVersion))
		}
		if !slices.Equal(got, want) {
			t.Errorf("watcher %d saw %d events, want %d; the first difference is at %d", i, len(got), len(want), firstDifference(got, want))
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// writeRandomly creates, changes and deletes objects that others do as well.
func writeRandomly(t *testing.T, s storage.Interface, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for n := range orderWrites {
		name := "pod-" + strconv.Itoa(random.IntN(orderObjects))
		var err error
		switch random.IntN(4) {
		case 0:
			err = s.Delete(context.Background(), podKey(name), &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
		case 1:
			err = s.Create(context.Background(), podKey(name), pod(name), nil, 0)
		default:
			_, err = touch(context.Background(), s, name, fmt.Sprintf("%d-%d", seed, n))
		}
		if err != nil && !storage.IsNotFound(err) && !storage.IsExist(err) {
			t.Errorf("writing: %v", err)
		}
	}
}

// followInParts watches from a revision to the end, hanging up now and then, and resuming where it was.
func followInParts(t *testing.T, s storage.Interface, from int64, seed uint64, done <-chan struct{}) []watch.Event {
	random := rand.New(rand.NewPCG(seed, 2))
	var events []watch.Event
	position := strconv.FormatInt(from, 10)
	for {
		w, err := s.Watch(context.Background(), "/pods/", storage.ListOptions{ResourceVersion: position, Predicate: storage.Everything, Recursive: true})
		if err != nil {
			t.Errorf("watching: %v", err)
			return events
		}
		if seed%4 == 0 {
			<-done // reads nothing until all is written
		}
		for range 1 + random.IntN(400) {
			event, open := <-w.ResultChan()
			if !open || event.Type == watch.Error {
				t.Errorf("a watch ended: %+v", event)
				w.Stop()
				return events
			}
			p := event.Object.(*example.Pod)
			events = append(events, event)
			position = p.ResourceVersion
			if p.Name == "the-end" {
				w.Stop()
				return events
			}
		}
		w.Stop()
	}
}
