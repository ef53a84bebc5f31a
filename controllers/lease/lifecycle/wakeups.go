package lifecycle

import (
	"context"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// waiters are the leases that wait for an image. They are only hints whom to wake: each
// looks again by itself after a while.
type waiters struct {
	mu      sync.Mutex
	byImage map[string]map[client.ObjectKey]struct{}
}

func newWaiters() *waiters { return &waiters{byImage: map[string]map[client.ObjectKey]struct{}{}} }

func (w *waiters) add(reference string, key client.ObjectKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byImage[reference] == nil {
		w.byImage[reference] = map[client.ObjectKey]struct{}{}
	}
	w.byImage[reference][key] = struct{}{}
}

// take returns who waits for an image, and forgets them.
func (w *waiters) take(reference string) []client.ObjectKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []client.ObjectKey
	for key := range w.byImage[reference] {
		keys = append(keys, key)
	}
	delete(w.byImage, reference)
	return keys
}

// Pulled wakes the leases that wait for an image, if its pull is over: it is what a pull.Puller
// is to notify. How far a pull got, the leases ask in their own time.
func (c *Controller) Pulled(reference string) {
	if !c.puller.Pull(reference).Done {
		return
	}
	for _, key := range c.pulling.take(reference) {
		c.wake.ring(key)
	}
}

// alarm is a source that enqueues a lease when it is rung for it. Before it is started, it
// is silent: the controller looks at every lease then in any case.
type alarm struct {
	mu    sync.Mutex
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// Start is source.Source's.
func (a *alarm) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = queue
	return nil
}

func (a *alarm) ring(key client.ObjectKey) {
	a.mu.Lock()
	queue := a.queue
	a.mu.Unlock()
	if queue != nil {
		queue.Add(reconcile.Request{NamespacedName: key})
	}
}
