package redis

import (
	"context"
	"sync"
	"time"
)

// A sweeper deletes keys whose lifetime is over. It sleeps until exactly the next deadline it knows of. All processes
// sweep; whoever comes first deletes.
type sweeper struct {
	store *Store
	again chan struct{}

	mu   sync.Mutex
	next int64 // the deadline it sleeps until, in milliseconds of Redis' clock; 0 for none
}

func newSweeper(s *Store) *sweeper {
	return &sweeper{store: s, again: make(chan struct{}, 1)}
}

// sweepBatch is how many keys one script deletes, which keeps Redis responsive to others.
const sweepBatch = 100

// expect tells the sweeper of a deadline.
func (w *sweeper) expect(deadline int64) {
	w.mu.Lock()
	sooner := w.next == 0 || deadline < w.next
	w.mu.Unlock()
	if sooner {
		w.wake()
	}
}

// wake makes the sweeper look again.
func (w *sweeper) wake() {
	select {
	case w.again <- struct{}{}:
	default:
	}
}

func (w *sweeper) run(ctx context.Context) {
	retry := firstRetry
	for {
		wait, err := w.sweep(ctx)
		if err != nil {
			// Redis is away; the fence reports that, and wakes us when it is back.
			wait, retry = retry, min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		if !w.sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits for a time, negative for as long as it takes, or to be woken. It reports whether to go on.
func (w *sweeper) sleep(ctx context.Context, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		timer := w.store.clock.NewTimer(wait)
		defer timer.Stop()
		due = timer.C()
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.again:
	case <-due:
	}
	return true
}

// sweep deletes what is due and returns how long to wait for the next; negative if there is none.
func (w *sweeper) sweep(ctx context.Context) (time.Duration, error) {
	for {
		r, err := w.store.query(ctx, expireScript, sweepBatch)
		if err != nil {
			return 0, err
		}
		deleted, err := r.number(1)
		if err != nil {
			return 0, err
		}
		w.store.metrics.expired.Add(float64(deleted))
		if deleted == sweepBatch {
			continue
		}
		next, wait := int64(0), time.Duration(-1)
		if r.text(2) != "" {
			if next, err = r.number(2); err != nil {
				return 0, err
			}
			milliseconds, err := r.number(3)
			if err != nil {
				return 0, err
			}
			wait = time.Duration(milliseconds) * time.Millisecond
		}
		w.mu.Lock()
		w.next = next
		w.mu.Unlock()
		return wait, nil
	}
}
