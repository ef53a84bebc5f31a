package redis

import (
	"strings"
	"time"
)

// This file is the side of a watcher that the hub sees, and its queue between the two. Nothing here waits.

// concerns reports whether an event is about a watched key.
func (w *watcher) concerns(e *event) bool {
	if e.marker != notMarker {
		return false
	}
	if w.recursive {
		return strings.HasPrefix(e.key, w.key)
	}
	return e.key == w.key
}

// offer queues an event if it concerns this watch. It fails, changing nothing, if the queue is full. Called by the hub.
func (w *watcher) offer(e *event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.revision <= w.position {
		return true
	}
	if w.concerns(e) {
		if len(w.queue) >= w.store.config.QueueEntries {
			return false
		}
		w.queue = append(w.queue, item{event: e})
		w.told = e.revision
		w.notify()
	}
	w.position = e.revision
	return true
}

// offerProgress queues a bookmark, unless the reader knows or will know as much. Called by the hub.
func (w *watcher) offerProgress(head int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if head <= w.told {
		return
	}
	w.told = head
	if last := len(w.queue) - 1; last >= 0 && w.queue[last].event == nil {
		w.queue[last].bookmark = head
		return
	}
	w.queue = append(w.queue, item{bookmark: head})
	w.notify()
}

// notify wakes the sender. The caller holds mu.
func (w *watcher) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// putAside records that the hub offers nothing until the watch has caught up by itself. Called by the hub.
func (w *watcher) putAside(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aside, w.moved = true, now
	w.notify()
}

// rejoin records that the hub offers what comes after a position. Called by the hub.
func (w *watcher) rejoin(position int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aside, w.position, w.told = false, position, max(w.told, position)
}

// reach records how far the watch has got by itself.
func (w *watcher) reach(position int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.position = position
}

// take empties the queue and returns up to where that goes.
func (w *watcher) take() (items []item, position int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	items, w.queue = w.queue, nil
	return items, w.position
}

func (w *watcher) isAside() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.aside
}

// standstill returns where a watch that is aside is, and since when. Called by the hub.
func (w *watcher) standstill() (position int64, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.position, w.moved
}

// end tells the watch that it is over. Called by the hub, once.
func (w *watcher) end(reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reason = reason
	close(w.ended)
}

func (w *watcher) endReason() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason
}
