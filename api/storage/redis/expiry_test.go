package redis

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

func createWithTTL(t *testing.T, s storage.Interface, name string, seconds uint64) *example.Pod {
	t.Helper()
	out := &example.Pod{}
	if err := s.Create(t.Context(), podKey(name), pod(name), out, seconds); err != nil {
		t.Fatal(err)
	}
	return out
}

// deadlines returns which keys have a lifetime.
func deadlines(t *testing.T, p *pods) []string {
	t.Helper()
	keys, err := p.store.client.ZRange(context.Background(), p.store.keys.expires, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestLifetimeEndsWithAnEvent(t *testing.T) {
	_, p := openPods(t, podsOptions{})
	started := time.Now()
	short := createWithTTL(t, p, "short", 1)
	createWithTTL(t, p, "long", 3600)
	w := startWatch(t, p, short.ResourceVersion)
	expectPod(t, w, "ADDED", "long")
	deleted := expectPod(t, w, "DELETED", "short")
	if took := time.Since(started); took < time.Second {
		t.Errorf("a lifetime of 1 s was over after %v", took)
	}
	if revisionOf(t, deleted) != revisionOf(t, short)+2 {
		t.Errorf("the deletion has revision %s after %s and one more write", deleted.ResourceVersion, short.ResourceVersion)
	}
	if err := p.Get(t.Context(), podKey("short"), storage.GetOptions{}, &example.Pod{}); !storage.IsNotFound(err) {
		t.Errorf("got %v, want that it is gone", err)
	}
	if got := deadlines(t, p); len(got) != 1 {
		t.Errorf("%v have a lifetime, want only the long one", got)
	}
}

func TestLifetimeCanBeChanged(t *testing.T) {
	lifetimes := map[string]struct {
		ttl  *uint64
		want int
	}{
		"Kept":    {nil, 1},
		"Changed": {new(uint64(7200)), 1},
		"Ended":   {new(uint64(0)), 0},
	}
	for name, test := range lifetimes {
		t.Run(name, func(t *testing.T) {
			_, p := openPods(t, podsOptions{})
			createWithTTL(t, p, "a", 3600)
			err := p.GuaranteedUpdate(t.Context(), podKey("a"), &example.Pod{}, false, nil,
				func(obj runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
					obj.(*example.Pod).Labels = map[string]string{"changed": "yes"}
					return obj, test.ttl, nil
				}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := deadlines(t, p); len(got) != test.want {
				t.Errorf("%v have a lifetime, want %d", got, test.want)
			}
		})
	}
	t.Run("Deleted", func(t *testing.T) {
		_, p := openPods(t, podsOptions{})
		createWithTTL(t, p, "a", 3600)
		err := p.Delete(t.Context(), podKey("a"), &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := deadlines(t, p); len(got) != 0 {
			t.Errorf("%v have a lifetime after being deleted", got)
		}
	})
}

// TestLifetimeEndsWhileNobodyLooks is about keys that were due while no process was there to delete them.
func TestLifetimeEndsWhileNobodyLooks(t *testing.T) {
	config := testConfig()
	first := openStore(t, config)
	createWithTTL(t, newPods(t, first, podsOptions{}), "a", 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	client := connect(t, config.URL)
	eventually(t, "the lifetime is over by Redis' clock", func() bool {
		now, err := client.Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		deadline := client.ZRangeWithScores(t.Context(), first.keys.expires, 0, 0).Val()
		return len(deadline) == 1 && float64(now.UnixMilli()) > deadline[0].Score
	})
	second := newPods(t, openStore(t, config), podsOptions{})
	eventually(t, "it is gone", func() bool { return len(names(t, second, "")) == 0 })
}

// TestManyLifetimesEndAtOnce needs several scripts.
func TestManyLifetimesEndAtOnce(t *testing.T) {
	_, p := openPods(t, podsOptions{})
	const count = 3*sweepBatch + 1
	start := writeElsewhere(t.Context(), t, p.store)
	for i := range count {
		_, err := p.store.mutate(t.Context(), mutation{
			key: "/pods/ns/" + time.Duration(i).String(), value: []byte("{}"), lifetime: lifetime{set: true, ttl: 500 * time.Millisecond}})
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are gone", func() bool {
		events, _, err := p.store.eventsAfter(t.Context(), start, 10*count)
		if err != nil {
			t.Fatal(err)
		}
		return len(events) == 2*count
	})
}
