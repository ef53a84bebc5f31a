package tokens

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// poll is how often Run looks by itself, should the file system not tell of a change.
const poll = 5 * time.Second

// Run makes Changed notice what other processes write, and what expires, until ctx ends.
// Lookups need no Run.
func (s *Store) Run(ctx context.Context) {
	var events chan fsnotify.Event
	var failures chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		// The directory, not the file: each write makes another file.
		err = watcher.Add(filepath.Dir(string(s.file)))
		events, failures = watcher.Events, watcher.Errors
	}
	if err != nil {
		s.logger.Warn("changes of the tokens are seen late: the directory can't be watched", "every", poll, "error", err)
	}
	for last := s.clock.Now(); ; {
		b, now := s.current(), s.clock.Now()
		s.announceExpired(b, last, now)
		last = now
		wait := poll
		if next := b.nextExpiry(now); !next.IsZero() {
			wait = min(wait, next.Sub(now))
		}
		timer := s.clock.NewTimer(wait)
		select {
		case <-timer.C():
		case <-events: // a hint: current looks
		case err := <-failures: // as good a hint: events were lost
			s.logger.Debug("watching the tokens", "error", err)
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// announceExpired wakes whoever waits if something was in force at last and is not now.
func (s *Store) announceExpired(b book, last, now time.Time) {
	next := b.nextExpiry(last)
	if next.IsZero() || now.Before(next) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce()
}
