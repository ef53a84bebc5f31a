package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	utilflowcontrol "k8s.io/apiserver/pkg/util/flowcontrol"
)

const (
	// resultBuffer is how many events a watch may be ahead of its reader, beside its queue.
	resultBuffer = 100
	// catchUpBatch is how many entries a watch that is behind reads from history at a time.
	catchUpBatch = 500
	// initialPage is how many keys a watch reads at a time for the present state.
	initialPage = 5000
)

// A watcher is one watch. It first sends the present state if asked to, then history after its position, and once that
// has caught up with the hub, what the hub offers.
type watcher struct {
	store     *Store
	owner     *resourceStore
	key       string
	recursive bool
	progress  bool // wants bookmarks
	timed     bool // wants objects with the time they were read
	all       bool // wants every object under key
	predicate storage.SelectionPredicate

	ctx    context.Context
	cancel context.CancelFunc
	result chan watch.Event
	ended  chan struct{} // closed when the hub has no more use for this watch
	wake   chan struct{}

	restarts int // guarded by the hub's mu

	mu       sync.Mutex
	queue    []item
	aside    bool
	position int64     // everything up to here was queued or does not concern this watch
	told     int64     // the latest revision its reader will know of
	moved    time.Time // when it last took something, while aside
	reason   error     // why it ended
}

// item is one thing to send: an event, or a bookmark at a revision.
type item struct {
	event    *event
	bookmark int64
}

// Watch implements storage.Interface. Once the parameters are accepted, everything else that goes wrong is sent as
// an event of type Error, after which the watch ends.
func (s *resourceStore) Watch(ctx context.Context, key string, opts storage.ListOptions) (watch.Interface, error) {
	key, err := s.prepareKey(key, opts.Recursive)
	if err != nil {
		return nil, err
	}
	parsed, err := s.codec.versioner.ParseResourceVersion(opts.ResourceVersion)
	if err != nil {
		return nil, err
	}
	if opts.ProgressNotify && s.newFunc == nil {
		return nil, apierrors.NewInternalError(errors.New("bookmarks need a function that makes an empty object"))
	}
	from := int64(parsed)
	initial := wantsInitialEvents(from, opts)
	if from == 0 && !initial {
		// The client wants only what happens from now on.
		if from, err = s.store.head(ctx); err != nil {
			return nil, err
		}
	}

	w := &watcher{
		store:     s.store,
		owner:     s,
		key:       key,
		recursive: opts.Recursive,
		progress:  opts.ProgressNotify,
		timed:     opts.RecordTimestamps,
		all:       opts.Predicate.Empty(),
		predicate: opts.Predicate,
		result:    make(chan watch.Event, resultBuffer),
		ended:     make(chan struct{}),
		wake:      make(chan struct{}, 1),
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	if err := s.store.hub.add(w); err != nil {
		w.cancel()
		return nil, asAPIError(err)
	}
	s.watchers.Add(1)
	markEnd := initial && opts.SendInitialEvents != nil && opts.Predicate.AllowWatchBookmarks
	go func() {
		defer s.store.running.Done()
		w.run(from, initial, markEnd)
	}()
	utilflowcontrol.WatchInitialized(ctx)
	return w, nil
}

// wantsInitialEvents reports whether a watch starts with the present state.
func wantsInitialEvents(revision int64, opts storage.ListOptions) bool {
	if opts.SendInitialEvents == nil {
		return revision == 0
	}
	return *opts.SendInitialEvents && utilfeature.DefaultFeatureGate.Enabled(features.WatchList)
}

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.result }

// Stop implements watch.Interface. What is already in the channel may still be read.
func (w *watcher) Stop() { w.cancel() }

func (w *watcher) run(from int64, initial, markEnd bool) {
	end := w.send(from, initial, markEnd)
	w.store.hub.remove(w)
	w.owner.watchers.Add(-1)
	if w.ctx.Err() == nil && !errors.Is(end, errClosed) {
		w.sendError(end)
	}
	w.cancel()
	close(w.result)
}

// errStopped says that the reader needs no more.
var errStopped = errors.New("the watch was stopped")

// send sends everything there is to send, until the watch is stopped or fails. It always returns an error.
func (w *watcher) send(position int64, initial, markEnd bool) error {
	if initial {
		var err error
		if position, err = w.sendPresent(position); err != nil {
			return err
		}
		if markEnd {
			if err := w.sendInitialEventsEnd(position); err != nil {
				return err
			}
		}
	}
	for {
		if err := w.catchUp(position); err != nil {
			return err
		}
		var err error
		if position, err = w.sendLive(); err != nil {
			return err
		}
	}
}

// sendPresent sends the present state as events of type Added, and returns the revision it is the state of.
func (w *watcher) sendPresent(atLeast int64) (int64, error) {
	if atLeast > 0 {
		head, err := w.store.head(w.ctx)
		if err != nil {
			return 0, err
		}
		if atLeast > head {
			return 0, storage.NewTooLargeResourceVersionError(uint64(atLeast), uint64(head), int(wait.Jitter(time.Second, 3).Seconds()))
		}
	}
	pages := w.owner.pages(w.key, w.recursive, 0, initialPage)
	for {
		page, err := pages.next(w.ctx)
		if err != nil {
			return 0, pages.apiError(err)
		}
		for _, kv := range page.items {
			if err := w.sendEvent(&event{revision: kv.revision, key: kv.key, value: kv.value}, true); err != nil {
				return 0, err
			}
		}
		if !page.more {
			return page.revision, nil
		}
	}
}

// sendInitialEventsEnd tells the client that it has got the present state.
func (w *watcher) sendInitialEventsEnd(revision int64) error {
	bookmark, err := w.bookmark(revision)
	if err != nil {
		return err
	}
	if err := storage.AnnotateInitialEventsEndBookmark(bookmark.Object); err != nil {
		return fmt.Errorf("marking the end of the initial events: %w", err)
	}
	return w.deliver(w.stamp(bookmark, w.store.clock.Now()))
}

// catchUp sends history after a position until the hub can take over.
func (w *watcher) catchUp(position int64) error {
	for {
		joined, err := w.store.hub.join(w, position)
		if err != nil || joined {
			return err
		}
		// The hub may have queued as much as fits.
		items, upTo := w.take()
		if len(items) > 0 {
			if err := w.sendItems(items); err != nil {
				return err
			}
			position = upTo
			continue
		}
		events, reached, err := w.store.eventsAfter(w.ctx, position, catchUpBatch)
		if err != nil {
			return err
		}
		for _, e := range events {
			if w.concerns(e) {
				if err := w.sendEvent(e, false); err != nil {
					return err
				}
			}
		}
		position = reached
		w.reach(position)
	}
}

// sendLive sends what the hub offers until the hub puts the watch aside, and returns up to where that was.
func (w *watcher) sendLive() (position int64, err error) {
	for {
		items, upTo := w.take()
		if err := w.sendItems(items); err != nil {
			return 0, err
		}
		if len(items) > 0 {
			continue
		}
		if w.isAside() {
			return upTo, nil
		}
		select {
		case <-w.wake:
		case <-w.ended:
			return 0, w.endReason()
		case <-w.ctx.Done():
			return 0, errStopped
		}
	}
}

func (w *watcher) sendItems(items []item) error {
	for _, next := range items {
		if next.event != nil {
			if err := w.sendEvent(next.event, false); err != nil {
				return err
			}
			continue
		}
		bookmark, err := w.bookmark(next.bookmark)
		if err != nil {
			return err
		}
		if err := w.deliver(w.stamp(bookmark, w.store.clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// sendEvent sends what an event means to this watch, if anything.
func (w *watcher) sendEvent(e *event, initial bool) error {
	result, err := w.interpret(e)
	if err != nil {
		return err
	}
	if result.Object == nil {
		return nil
	}
	if !initial {
		result = w.stamp(result, e.received)
	}
	return w.deliver(result)
}

// deliver hands an event to the reader, however long that takes, unless the watch is stopped or ended meanwhile.
func (w *watcher) deliver(result watch.Event) error {
	// A watch that is over does not go on by luck of the select.
	if w.ctx.Err() != nil {
		return errStopped
	}
	select {
	case w.result <- result:
		w.mu.Lock()
		w.moved = w.store.clock.Now()
		w.mu.Unlock()
		return nil
	case <-w.ended:
		return w.endReason()
	case <-w.ctx.Done():
		return errStopped
	}
}

// sendError tells the reader why the watch ends. A reader so slow that there is no room finds the channel closed, and
// the reason when it watches again.
func (w *watcher) sendError(err error) {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errExpired):
		status = apierrors.NewResourceExpired("The resourceVersion for the provided watch is too old.")
	case !errors.As(asAPIError(err), &status):
		status = apierrors.NewInternalError(err)
	}
	result := status.Status()
	select {
	case w.result <- watch.Event{Type: watch.Error, Object: &result}:
	default:
	}
}
