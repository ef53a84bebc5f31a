package door

import "sync"

// shares counts what each of those who share something has of it, so that none has more than most.
type shares struct {
	most int
	mu   sync.Mutex
	of   map[string]int
}

func newShares(most int) *shares { return &shares{most: most, of: map[string]int{}} }

// enter takes one of somebody's places, if there is one. Who has entered must leave.
func (s *shares) enter(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[who] >= s.most {
		return false
	}
	s.of[who]++
	return true
}

func (s *shares) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[who]--; s.of[who] == 0 {
		delete(s.of, who)
	}
}
