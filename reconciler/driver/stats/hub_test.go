package stats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/stats"
)

const uid = "6a7a1a3c"

// engine measures when it is told to.
type engine struct {
	measured chan driver.Usage
	ended    chan error
	mu       sync.Mutex
	// open counts the streams there are, opened those there ever were.
	open, opened int
}

func newEngine() *engine {
	return &engine{measured: make(chan driver.Usage), ended: make(chan error)}
}

func (e *engine) counts() (open, opened int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open, e.opened
}

func (e *engine) Stats(ctx context.Context, asked string, handle func(driver.Usage) error) error {
	if asked != uid {
		return fmt.Errorf("%w: no container of %s", driver.ErrNotFound, asked)
	}
	count := func(n int) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.open += n
		e.opened += max(n, 0)
	}
	count(1)
	defer count(-1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-e.ended:
			return err
		case u := <-e.measured:
			if err := handle(u); err != nil {
				return err
			}
		}
	}
}

// measure waits until everybody who wants to has seen the measurement.
func (e *engine) measure(n int64) {
	e.measured <- driver.Usage{NanoCPU: n}
	synctest.Wait()
}

// viewer collects what it is handed.
type viewer struct {
	mu   sync.Mutex
	seen []int64
	// held, if not nil, is waited for by each call.
	held chan struct{}
	done chan error
}

func (v *viewer) handle(u driver.Usage) error {
	v.mu.Lock()
	v.seen = append(v.seen, u.NanoCPU)
	v.mu.Unlock()
	if v.held != nil {
		<-v.held
	}
	return nil
}

func (v *viewer) expect(t *testing.T, what string, want ...int64) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if diff := cmp.Diff(want, slices.Clone(v.seen)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func look(ctx context.Context, hub *stats.Hub, v *viewer) *viewer {
	v.done = make(chan error, 1)
	go func() { v.done <- hub.Stream(ctx, uid, v.handle) }()
	synctest.Wait()
	return v
}

// TestHub runs each case in a bubble, which fails it if a goroutine is left at its end.
func TestHub(t *testing.T) {
	broken := errors.New("the engine sulks")
	for name, run := range map[string]func(t *testing.T, e *engine, hub *stats.Hub){
		"OneStreamForAll": func(t *testing.T, e *engine, hub *stats.Hub) {
			var viewers []*viewer
			for range 50 {
				viewers = append(viewers, look(t.Context(), hub, &viewer{}))
			}
			e.measure(1)
			late := look(t.Context(), hub, &viewer{})
			e.measure(2)
			for _, v := range append(viewers, late) {
				v.expect(t, "a viewer", 1, 2)
			}
			if open, opened := e.counts(); open != 1 || opened != 1 {
				t.Errorf("%d streams, %d in all", open, opened)
			}
			e.ended <- nil
			for _, v := range append(viewers, late) {
				if err := <-v.done; err != nil {
					t.Errorf("at the container's end: %v", err)
				}
			}
		},
		"EndsWithTheLastViewer": func(t *testing.T, e *engine, hub *stats.Hub) {
			first, leave := context.WithCancel(t.Context())
			v := look(first, hub, &viewer{})
			second, leaveToo := context.WithCancel(t.Context())
			w := look(second, hub, &viewer{})
			leave()
			if err := <-v.done; !errors.Is(err, context.Canceled) {
				t.Errorf("who leaves gets %v", err)
			}
			e.measure(1)
			w.expect(t, "who stays", 1)
			leaveToo()
			if err := <-w.done; !errors.Is(err, context.Canceled) {
				t.Errorf("the last to leave gets %v", err)
			}
			synctest.Wait()
			if open, opened := e.counts(); open != 0 || opened != 1 {
				t.Errorf("%d streams, %d in all, without a viewer", open, opened)
			}
			again := look(t.Context(), hub, &viewer{})
			again.expect(t, "before anything is measured")
			e.measure(2)
			again.expect(t, "a viewer after all had left", 2)
		},
		"SlowViewerMisses": func(t *testing.T, e *engine, hub *stats.Hub) {
			slow := look(t.Context(), hub, &viewer{held: make(chan struct{})})
			fast := look(t.Context(), hub, &viewer{})
			for n := range int64(5) {
				e.measure(n + 1)
			}
			fast.expect(t, "a fast viewer", 1, 2, 3, 4, 5)
			close(slow.held)
			synctest.Wait()
			slow.expect(t, "a slow viewer", 1, 5)
		},
		"LastMeasurementBeforeTheEnd": func(t *testing.T, e *engine, hub *stats.Hub) {
			slow := look(t.Context(), hub, &viewer{held: make(chan struct{})})
			e.measure(1)
			e.measure(2)
			e.ended <- nil
			close(slow.held)
			if err := <-slow.done; err != nil {
				t.Error(err)
			}
			slow.expect(t, "a slow viewer", 1, 2)
		},
		"HandlerFails": func(t *testing.T, e *engine, hub *stats.Hub) {
			done := make(chan error, 1)
			go func() { done <- hub.Stream(t.Context(), uid, func(driver.Usage) error { return broken }) }()
			synctest.Wait()
			e.measure(1)
			if err := <-done; !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		},
		"EngineFails": func(t *testing.T, e *engine, hub *stats.Hub) {
			v := look(t.Context(), hub, &viewer{})
			e.ended <- broken
			if err := <-v.done; !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			look(t.Context(), hub, v)
			e.measure(1)
			v.expect(t, "afterwards", 1)
		},
		"NoContainer": func(t *testing.T, _ *engine, hub *stats.Hub) {
			if err := hub.Stream(t.Context(), "another", nil); !errors.Is(err, driver.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		},
		"Closed": func(t *testing.T, e *engine, hub *stats.Hub) {
			v := look(t.Context(), hub, &viewer{})
			hub.Close()
			if err := <-v.done; !errors.Is(err, stats.ErrClosed) {
				t.Errorf("who looks gets %v", err)
			}
			if err := hub.Stream(t.Context(), uid, v.handle); !errors.Is(err, stats.ErrClosed) {
				t.Errorf("who comes gets %v", err)
			}
			if open, _ := e.counts(); open != 0 {
				t.Errorf("%d streams are left", open)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine()
				hub := stats.NewHub(e)
				defer hub.Close()
				run(t, e, hub)
			})
		})
	}
}
