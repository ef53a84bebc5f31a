package tokens

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// SessionLifetime is how long a browser stays signed in: a working day with its overtime,
	// and not the night after, in which a forgotten one would be somebody else's.
	SessionLifetime = 12 * time.Hour
	// LinkLifetime is for links that are handed on at once.
	LinkLifetime = 15 * time.Minute
	// maxSessions bounds those of one user: signing in must not be a way to grow the file. The
	// oldest one makes room.
	maxSessions = 32
)

// NewLink makes a secret that is good for one SignIn within its lifetime, which is above
// zero.
func (s *Store) NewLink(ctx context.Context, grant Grant, lifetime time.Duration) (string, Entry, error) {
	if lifetime <= 0 {
		return "", Entry{}, fmt.Errorf("lifetime: %s: must be above zero", lifetime)
	}
	return s.add(ctx, Entry{Kind: KindLink, Grant: grant}, lifetime)
}

// SignIn trades the secret of a token, which stays good, or of a link, which is used up, for
// that of a session of the same user. A session ends after SessionLifetime, and with its token. The error
// is ErrInvalid or ErrExpired if it is the secret's fault; a session is not good for another, or it
// would never end.
func (s *Store) SignIn(ctx context.Context, secret string) (string, Entry, error) {
	// Most of what is wrong is seen without a lock, and writes nothing.
	if _, err := s.Lookup(secret); err != nil {
		return "", Entry{}, err
	}
	var session string
	var entry Entry
	err := s.update(ctx, func(b book, now time.Time) error {
		from, err := b.match(secret, now)
		if err != nil {
			return err
		}
		entry = Entry{Kind: KindSession, Grant: from.Grant, Expires: now.Add(SessionLifetime)}
		switch from.Kind {
		case KindLink:
			delete(b, from.ID)
		case KindToken:
			entry.Parent = from.ID
			entry.Expires = sooner(entry.Expires, from.Expires)
		default:
			return ErrInvalid
		}
		session, entry = b.addSession(entry, now)
		return nil
	})
	if err != nil {
		return "", Entry{}, err
	}
	return session, entry, nil
}

// NewSession makes a session for somebody whom something else has authenticated, until that
// something's expires, or SessionLifetime if that is sooner. Zero is never.
func (s *Store) NewSession(ctx context.Context, grant Grant, expires time.Time) (string, Entry, error) {
	if err := grant.Validate(); err != nil {
		return "", Entry{}, err
	}
	var session string
	var entry Entry
	err := s.update(ctx, func(b book, now time.Time) error {
		entry = Entry{Kind: KindSession, Grant: grant, Expires: sooner(now.Add(SessionLifetime), expires)}
		if entry.expired(now) {
			return ErrExpired
		}
		session, entry = b.addSession(entry, now)
		return nil
	})
	if err != nil {
		return "", Entry{}, err
	}
	return session, entry, nil
}

// addSession makes room for a session and adds it.
func (b book) addSession(entry Entry, now time.Time) (string, Entry) {
	own := slices.DeleteFunc(b.sorted(), func(r record) bool {
		return r.Kind != KindSession || r.User != entry.User
	})
	for i := range len(own) - maxSessions + 1 {
		delete(b, own[i].ID)
	}
	return b.add(entry, now)
}

// SignOut ends a session. What is no session in force is left alone, and no error.
func (s *Store) SignOut(ctx context.Context, secret string) error {
	return s.update(ctx, func(b book, now time.Time) error {
		entry, err := b.match(secret, now)
		if err != nil || entry.Kind != KindSession {
			return errUnchanged
		}
		delete(b, entry.ID)
		return nil
	})
}
