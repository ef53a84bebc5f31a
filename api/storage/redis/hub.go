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
