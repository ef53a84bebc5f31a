package stats

import (
	"context"
	"sync"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// feed keeps the latest measurement of a container.
type feed struct {
	uid  string
	stop context.CancelFunc
	// Guarded by the hub's lock.
	viewers int

	mu     sync.Mutex
	latest driver.Usage
	count  int
	err    error
	// changed is closed, and made anew, with each measurement. It is nil at the end.
	changed chan struct{}
}

// add is what the engine's stream is handled by.
func (f *feed) add(usage driver.Usage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = usage
	f.count++
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

// finish tells everybody that nothing more comes.
func (f *feed) finish(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.changed)
	f.changed = nil
}

// view is what a feed has: how many measurements there were, the last of them, and a channel that is closed with the
// next; nil at the end, and then err says why it ended.
type view struct {
	latest  driver.Usage
	count   int
	changed <-chan struct{}
	err     error
}

func (f *feed) look() view {
	f.mu.Lock()
	defer f.mu.Unlock()
	return view{f.latest, f.count, f.changed, f.err}
}
