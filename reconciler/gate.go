package reconciler

import "sync"

// Gate lets a limited number of keys through at a time. It never blocks: who is not let
// in goes away, and is woken in order of arrival when there is room. A wake-up is a hint
// that may get lost, so look again after a while in any case.
type Gate[K comparable] struct {
	wake func(K)

	mu      sync.Mutex
	room    int
	waiting []K
	queued  map[K]bool
}

// NewGate returns a gate with room for a number of keys. wake must not block, and must not
// call the gate.
func NewGate[K comparable](room int, wake func(K)) *Gate[K] {
	return &Gate[K]{wake: wake, room: room, queued: map[K]bool{}}
}

// Enter reports whether there is room for key, and takes it. Leave must be called then, once.
// Otherwise key is in line.
func (g *Gate[K]) Enter(key K) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.room > 0 {
		g.room--
		return true
	}
	if !g.queued[key] {
		g.queued[key] = true
		g.waiting = append(g.waiting, key)
	}
	return false
}

// Leave makes room, and wakes the first in line.
func (g *Gate[K]) Leave() {
	g.mu.Lock()
	g.room++
	key, woken := g.next()
	g.mu.Unlock()
	if woken {
		g.wake(key)
	}
}

func (g *Gate[K]) next() (key K, ok bool) {
	if len(g.waiting) == 0 {
		return key, false
	}
	key, g.waiting = g.waiting[0], g.waiting[1:]
	delete(g.queued, key)
	return key, true
}
