package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSnapshotsMatchHistory makes random changes, remembers each state, and then reads each again, in pages of each size.
func TestSnapshotsMatchHistory(t *testing.T) {
	s := openStore(t, testConfig())
	random := rand.New(rand.NewPCG(1, 2))
	state := map[string]int64{}
	states := map[int64]map[string]int64{1: {}}
	for range 60 {
		key := fmt.Sprintf("/pods/%c", 'a'+rune(random.IntN(8)))
		change := mutation{key: key, expected: state[key], value: []byte("{}")}
		if state[key] != 0 && random.IntN(2) == 0 {
			change.value = nil
		}
		result, err := s.mutate(t.Context(), change)
		if err != nil || !result.applied {
			t.Fatalf("%+v, %v", result, err)
		}
		state[key] = result.revision
		if change.value == nil {
			delete(state, key)
		}
		states[result.revision] = maps.Clone(state)
	}
	for revision, want := range states {
		for limit := int64(0); limit <= 5; limit++ {
			got, err := readSnapshot(t.Context(), s, revision, limit)
			if err != nil {
				t.Fatalf("revision %d, pages of %d: %v", revision, limit, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("revision %d, pages of %d (-want +got):\n%s", revision, limit, diff)
			}
		}
	}
}

// readSnapshot reads all pods at a revision and checks that the pages count right.
func readSnapshot(ctx context.Context, s *Store, revision, limit int64) (map[string]int64, error) {
	got := map[string]int64{}
	from := "/pods/"
	expected := int64(-1)
	for {
		page, err := s.snapshot(ctx, from, endOfPrefix("/pods/"), limit, revision)
		if err != nil {
			return nil, err
		}
		if expected >= 0 && page.count != expected {
			return nil, fmt.Errorf("%d keys remain from %s on, want %d", page.count, from, expected)
		}
		for _, kv := range page.items {
			got[kv.key] = kv.revision
			from = kv.key + "\x00"
		}
		if expected = page.count - int64(len(page.items)); expected == 0 {
			return got, nil
		}
		if limit == 0 || int64(len(page.items)) != limit {
			return nil, fmt.Errorf("a page has %d keys although %d remain", len(page.items), expected)
		}
	}
}

func TestSnapshotCostIsBounded(t *testing.T) {
	config := testConfig()
	config.MaxUndo = 20
	s := openStore(t, config)
	for range 25 {
		writeElsewhere(t.Context(), t, s)
	}
	head, err := s.head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.snapshot(t.Context(), "/", "0", 0, head-20); err != nil {
		t.Errorf("undoing 20 events: %v", err)
	}
	if _, err := s.snapshot(t.Context(), "/", "0", 0, head-21); !errors.Is(err, errExpired) {
		t.Errorf("undoing 21 events: got %v, want %v", err, errExpired)
	}
	var future *futureRevisionError
	if _, err := s.snapshot(t.Context(), "/", "0", 0, head+1); !errors.As(err, &future) || future.head != head {
		t.Errorf("the future: got %v, want it refused with %d", err, head)
	}
}

func TestRing(t *testing.T) {
	r := newRing(3)
	r.restart(10)
	for revision := int64(11); revision <= 15; revision++ {
		r.append(&event{revision: revision})
	}
	if r.floor != 12 || r.head != 15 {
		t.Errorf("the ring goes from %d to %d, want 12 to 15", r.floor, r.head)
	}
	var after []string
	for i := r.after(13); i < len(r.events); i++ {
		after = append(after, strconv.FormatInt(r.at(i).revision, 10))
	}
	if want := []string{"14", "15"}; !slices.Equal(after, want) {
		t.Errorf("after 13 come %v, want %v", after, want)
	}
	for revision, want := range map[int64]bool{11: false, 12: true, 15: true, 16: true} {
		if got := r.covers(revision); got != want {
			t.Errorf("covers(%d) = %v, want %v", revision, got, want)
		}
	}
	for revision, want := range map[int64]bool{12: true, 13: true, 15: true, 16: false} {
		if got := r.knows(revision); got != want {
			t.Errorf("knows(%d) = %v, want %v", revision, got, want)
		}
	}
}

func TestEndOfPrefix(t *testing.T) {
	for prefix, want := range map[string]string{"/a/": "/a0", "a\xff": "b", "\xff": "\xff", "": "\xff"} {
		if got := endOfPrefix(prefix); got != want {
			t.Errorf("endOfPrefix(%q) = %q, want %q", prefix, got, want)
		}
	}
}
