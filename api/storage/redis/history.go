package redis

import "sort"

// ring holds the latest events in memory, so that most watches start without asking Redis. It is not safe for
// concurrent use.
type ring struct {
	events []*event // ordered; as a circular buffer once full
	start  int
	limit  int

	// floor is the revision that the oldest event follows: the ring holds everything after it.
	floor int64
	// head is the latest revision.
	head int64
}

func newRing(limit int) *ring {
	return &ring{limit: limit}
}

// restart empties the ring at a revision.
func (r *ring) restart(at int64) {
	r.events, r.start, r.floor, r.head = nil, 0, at, at
}

func (r *ring) append(e *event) {
	r.head = e.revision
	if len(r.events) < r.limit {
		r.events = append(r.events, e)
		return
	}
	r.floor = r.events[r.start].revision
	r.events[r.start] = e
	r.start = (r.start + 1) % r.limit
}

func (r *ring) at(i int) *event {
	return r.events[(r.start+i)%len(r.events)]
}

// after returns the index of the first event after a revision, which may be len(r.events).
func (r *ring) after(revision int64) int {
	return sort.Search(len(r.events), func(i int) bool { return r.at(i).revision > revision })
}

// covers reports whether the ring holds every event after a revision.
func (r *ring) covers(revision int64) bool {
	return revision >= r.floor
}

// knows reports whether a revision up to head is a point in this history, provided the ring covers it.
func (r *ring) knows(revision int64) bool {
	i := r.after(revision)
	return revision == r.floor || (i > 0 && r.at(i-1).revision == revision)
}
