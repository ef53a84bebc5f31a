package redis

import (
	"context"
	"time"
)

// This file is how watches join and leave the hub, and what it owes them besides events.

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
