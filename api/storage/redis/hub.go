package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A hub is the one reader of the event stream in this process. It keeps the latest events in a ring and offers each
// to the watches it concerns. It never waits for a watch: one whose queue is full is put aside and catches up from
// history by itself.
type hub struct {
	store *Store

	mu        sync.Mutex
	closed    bool
	history   *ring
	compacted int64
	live      map[*watcher]struct{} // in step: offered every event after their position
	behind    map[*watcher]struct{} // reading history on their own
	wanted    []progressRequest

	// restarts counts how often history started over: what was read before does not belong after.
	restarts int
}

// progressRequest asks that watches of one resource are told when the hub has reached a revision.
type progressRequest struct {
	owner    *resourceStore
	revision int64
}

func newHub(s *Store) *hub {
	return &hub{
		store:   s,
		history: newRing(s.config.RingEntries),
		live:    make(map[*watcher]struct{}),
		behind:  make(map[*watcher]struct{}),
	}
}

const (
	// readBlock is how long one read waits for events. It bounds how late a stream that was deleted is noticed.
	readBlock = 2 * time.Second
	// readBatch is the most events taken in one read.
	readBatch = 512
)

// read follows the stream until ctx ends.
func (h *hub) read(ctx context.Context) {
	s := h.store
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		where, err := s.fence.await(ctx)
		if err != nil {
			return
		}
		progressed, err := h.follow(ctx, where)
		if progressed {
			delay = firstRetry
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.doubt(where, err)
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(delay):
		}
	}
}

// errHole says that the stream continues later than where we left off.
var errHole = errors.New("the stream has a hole")

// follow reads batches while the process stands where it does. It reports whether any read succeeded.
func (h *hub) follow(ctx context.Context, where standing) (progressed bool, err error) {
	s := h.store
	for s.fence.where() == where {
		from, restarts := h.position()
		// Without a deadline from ctx, go-redis allows the block time and a margin; a dead peer is noticed by then.
		streams, err := s.client.XRead(ctx, &goredis.XReadArgs{
			Streams: []string{s.keys.events, entryID(from)},
			Count:   readBatch,
			Block:   readBlock,
		}).Result()
		if err != nil && !errors.Is(err, goredis.Nil) {
			return progressed, err
		}
		if len(streams) == 0 {
			if err := h.checkIdle(ctx, from); err != nil {
				return progressed, err
			}
			progressed = true
			continue
		}
		received := s.clock.Now()
		events := make([]*event, 0, len(streams[0].Messages))
		for _, message := range streams[0].Messages {
			fields := make(map[string]string, len(message.Values))
			for name, value := range message.Values {
				fields[name], _ = value.(string)
			}
			e, err := parseEvent(message.ID, fields, received)
			if err != nil {
				return progressed, err
			}
			events = append(events, e)
		}
		err = h.dispatch(events, restarts)
		if errors.Is(err, errHole) {
			err = h.fellBehind(ctx)
		}
		if err != nil {
			return progressed, err
		}
		progressed = true
	}
	return progressed, nil
}

// checkIdle makes sure that silence means that nothing happened: the stream may have been deleted under us.
func (h *hub) checkIdle(ctx context.Context, from int64) error {
	r, err := h.store.query(ctx, eventsScript, from, 1)
	if err != nil {
		return err
	}
	switch r.status() {
	case "ok":
		compacted, err := r.number(2)
		if err != nil {
			return err
		}
		h.compactedTo(compacted)
		return nil
	case "expired":
		return h.fellBehind(ctx)
	default: // "future"
		return errHole
	}
}

// fellBehind starts over at the head after history was trimmed beyond what this process has read, which takes being
// stopped for longer than history lasts. Whoever watches has missed events.
func (h *hub) fellBehind(ctx context.Context) error {
	r, err := h.store.query(ctx, getScript, "")
	if err != nil {
		return err
	}
	head, err := r.number(1)
	if err != nil {
		return err
	}
	compacted, err := r.number(2)
	if err != nil {
		return err
	}
	h.store.log.Warn("This process has missed history; all watches start over", "continuesAt", head)
	h.restart(head, compacted)
	return nil
}

func (h *hub) position() (head int64, restarts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.history.head, h.restarts
}

// dispatch takes in events read from the stream, unless history was started over since.
func (h *hub) dispatch(events []*event, restarts int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.restarts != restarts {
		return nil
	}
	for _, e := range events {
		if !e.follows(h.history.head) {
			return errHole
		}
		h.history.append(e)
		for w := range h.live {
			if !w.offer(e) {
				h.setAside(w)
			}
		}
		if e.deadline != 0 {
			h.store.sweeper.expect(e.deadline)
		}
	}
	h.store.fence.observe(h.history.head)
	h.answerProgress()
	return nil
}

// setAside lets a watch catch up by itself. The caller holds mu.
func (h *hub) setAside(w *watcher) {
	delete(h.live, w)
	h.behind[w] = struct{}{}
	w.putAside(h.store.clock.Now())
	h.store.metrics.fallbacks.Inc()
}

// join makes a watch live if everything after its position is at hand, and queues that for it. Otherwise the watch
// has to read history first. It fails if that history is gone.
func (h *hub) join(w *watcher, position int64) (joined bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return false, errClosed
	case w.restarts != h.restarts, position < h.compacted:
		return false, errExpired
	case !h.history.covers(position):
		return false, nil
	case position <= h.history.head && position != h.compacted && !h.history.knows(position):
		return false, errExpired
	}
	w.rejoin(position)
	for i := h.history.after(position); i < len(h.history.events); i++ {
		if !w.offer(h.history.at(i)) {
			w.putAside(h.store.clock.Now())
			return false, nil
		}
	}
	delete(h.behind, w)
	h.live[w] = struct{}{}
	if w.progress {
		w.offerProgress(h.history.head)
	}
	return true, nil
}

// add registers a watch, which will read the present state and history by itself before it joins, and counts it as
// running.
func (h *hub) add(w *watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	// Counted under the lock that close takes, which therefore waits for all that were added.
	h.store.running.Add(1)
	w.restarts = h.restarts
	w.putAside(h.store.clock.Now())
	h.behind[w] = struct{}{}
	return nil
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, w)
	delete(h.behind, w)
}

// restart drops all history and ends all watches with 410.
func (h *hub) restart(head, compacted int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.restarts++
	h.history.restart(head)
	h.compacted = compacted
	h.wanted = nil
	h.endAll(errExpired)
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.endAll(errClosed)
}

// endAll ends every watch. The caller holds mu.
func (h *hub) endAll(reason error) {
	for _, set := range []map[*watcher]struct{}{h.live, h.behind} {
		for w := range set {
			w.end(reason)
			delete(set, w)
		}
	}
}

// compactedTo records that history up to a revision is gone.
func (h *hub) compactedTo(revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.compacted = max(h.compacted, revision)
}

// compactedRevision is the latest compaction this process has heard of.
func (h *hub) compactedRevision() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.compacted
}

// requestProgress promises the watches of one resource a bookmark once the hub has reached a revision. That is how a
// watch cache learns that it may answer a consistent read although nothing of its own has changed.
func (h *hub) requestProgress(owner *resourceStore, revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = append(h.wanted, progressRequest{owner, revision})
	h.answerProgress()
}

// answerProgress sends the bookmarks that can be sent. The caller holds mu.
func (h *hub) answerProgress() {
	if len(h.wanted) == 0 {
		return
	}
	var due map[*resourceStore]bool
	open := h.wanted[:0]
	for _, request := range h.wanted {
		if request.revision > h.history.head {
			open = append(open, request)
			continue
		}
		if due == nil {
			due = make(map[*resourceStore]bool)
		}
		due[request.owner] = true
	}
	h.wanted = open
	if due == nil {
		return
	}
	for w := range h.live {
		if w.progress && due[w.owner] {
			w.offerProgress(h.history.head)
		}
	}
}

// tick sends regular bookmarks, and closes watches that have stopped reading, until ctx ends.
func (h *hub) tick(ctx context.Context) {
	config := h.store.config
	progress := h.store.clock.NewTicker(config.ProgressInterval)
	defer progress.Stop()
	slow := h.store.clock.NewTicker(max(config.SlowWatcherTimeout/4, time.Millisecond))
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-progress.C():
			h.offerProgress()
		case now := <-slow.C():
			h.endSlow(now)
		}
	}
}

func (h *hub) offerProgress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.live {
		if w.progress {
			w.offerProgress(h.history.head)
		}
	}
}

// endSlow closes watches that are behind and have not taken anything for too long, or whose history is gone.
func (h *hub) endSlow(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.behind {
		position, since := w.standstill()
		if now.Sub(since) >= h.store.config.SlowWatcherTimeout || (position > 0 && position < h.compacted) {
			w.end(errExpired)
			delete(h.behind, w)
			h.store.metrics.slowWatchers.Inc()
		}
	}
}

// counts is for metrics.
func (h *hub) counts() (live, behind int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.live), len(h.behind)
}
