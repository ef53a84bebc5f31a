package tokens

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/utils/clock"
)

// writePatience bounds a write, its waiting for those of other processes included.
const writePatience = 10 * time.Second

// Options of a store. The zero value is good.
type Options struct {
	// Clock tells the time. Defaults to the real one.
	Clock clock.Clock
	// Logger learns that the file can't be read any more. Defaults to slog's.
	Logger *slog.Logger
}

// Store is the file in use. Its methods may be called at the same time, in as many
// processes as there are.
type Store struct {
	file   file
	clock  clock.Clock
	logger *slog.Logger

	mu sync.Mutex
	// book is what was last read without an error. It is replaced, never changed.
	book book
	// seen is the version of the file that was last read, or that failed to be.
	seen version
	// unreadable says that the last attempt to read failed.
	unreadable bool
	// changed is closed, and replaced, when book is.
	changed chan struct{}
}

// Open reads the tokens in a directory, which must exist; that there are none yet is no
// error. A file that is damaged, or open to others, is.
func Open(directory string, options Options) (*Store, error) {
	s := &Store{
		file: file(filepath.Join(directory, FileName)), clock: options.Clock, logger: options.Logger,
		changed: make(chan struct{}),
	}
	if s.clock == nil {
		s.clock = clock.RealClock{}
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	var err error
	if s.book, s.seen, err = s.file.read(); err != nil {
		return nil, err
	}
	return s, nil
}

// Path is where the file is, or will be.
func (s *Store) Path() string { return string(s.file) }

// Changed returns a channel that is closed once what is in the file has changed since the
// call, or, while Run runs, once something in it has expired. Whoever serves a stream then
// asks Authenticate again.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// current returns what is in the file now. Should that be unreadable, it is what was before, and
// the log says so once: a slip of an editor must not lock everybody out.
func (s *Store) current() book {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.file.version()
	if err == nil && v == s.seen {
		return s.book
	}
	if err == nil {
		var b book
		if b, v, err = s.file.read(); err == nil {
			s.publish(b, v)
			return b
		}
	}
	if !s.unreadable || v != s.seen {
		s.logger.Error("the tokens can't be read; those read last stay in force", "error", err)
	}
	s.seen, s.unreadable = v, true
	return s.book
}

// publish makes b the present content. s.mu is held.
func (s *Store) publish(b book, v version) {
	s.book, s.seen, s.unreadable = b, v, false
	s.announce()
}

// announce wakes whoever waits for Changed. s.mu is held.
func (s *Store) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// errUnchanged is that a change has nothing to write.
var errUnchanged = errors.New("nothing has changed")

// update changes the file: change gets a copy of its content, which is written unless
// change fails, be it by errUnchanged. A file that can't be read is not overwritten. It takes as
// long as the disk does, but no longer than ctx and writePatience.
func (s *Store) update(ctx context.Context, change func(b book, now time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	unlock, err := s.file.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	b, _, err := s.file.read()
	if err != nil {
		return err
	}
	now := s.clock.Now()
	err = change(b, now)
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	b.prune(now)
	v, err := s.file.write(b)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(b, v)
	return nil
}

// Lookup returns the entry of a secret that is in force, whatever its kind, or ErrInvalid or
// ErrExpired. Its Expires is that of its parent, if that is sooner.
func (s *Store) Lookup(secret string) (Entry, error) {
	if _, ok := split(secret); !ok {
		return Entry{}, ErrInvalid // without asking the disk
	}
	return s.current().match(secret, s.clock.Now())
}

// AuthenticateToken implements authenticator.Token for tokens and sessions; links are good
// only to SignIn. It never blocks on another process, and has no opinion on what does not look
// like a secret of ours.
func (s *Store) AuthenticateToken(_ context.Context, secret string) (*authenticator.Response, bool, error) {
	if _, ok := split(secret); !ok {
		return nil, false, nil
	}
	entry, err := s.Lookup(secret)
	if err == nil && entry.Kind == KindLink {
		err = ErrInvalid
	}
	if err != nil {
		return nil, false, err
	}
	return &authenticator.Response{User: &user.DefaultInfo{
		Name:   entry.User,
		Groups: slices.Clone(entry.Groups),
		Extra:  map[string][]string{user.CredentialIDKey: {"TOKEN=" + entry.ID}},
	}}, true, nil
}

// List returns what is in force, the oldest first. A file that can't be read is an error.
func (s *Store) List() ([]Entry, error) {
	b, _, err := s.file.read()
	if err != nil {
		return nil, err
	}
	b.prune(s.clock.Now())
	entries := make([]Entry, 0, len(b))
	for _, r := range b.sorted() {
		entries = append(entries, r.Entry)
	}
	return entries, nil
}

// Create makes a token and returns its secret, which can't be had again. A lifetime of zero
// is without end.
func (s *Store) Create(ctx context.Context, grant Grant, lifetime time.Duration) (string, Entry, error) {
	return s.add(ctx, Entry{Kind: KindToken, Grant: grant}, lifetime)
}

// Revoke ends the tokens, sessions and links with these IDs, for which the secrets may stand as well,
// and with each token the sessions it was used to sign in for. It returns what ended, without
// such sessions. IDs that nothing has are each an ErrUnknown, and don't save the others.
func (s *Store) Revoke(ctx context.Context, ids ...string) ([]Entry, error) {
	var ended []Entry
	var unknown []error
	err := s.update(ctx, func(b book, now time.Time) error {
		ended, unknown = nil, nil
		b.prune(now)
		for _, given := range ids {
			id := given
			if inside, isSecret := split(given); isSecret {
				id = inside
			}
			r, ok := b[id]
			if !ok {
				// By its ID only: a secret does not belong in messages.
				unknown = append(unknown, fmt.Errorf("%w: %q", ErrUnknown, id))
				continue
			}
			delete(b, id) // its sessions are pruned
			ended = append(ended, r.Entry)
		}
		if len(ended) == 0 {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ended, errors.Join(unknown...)
}

// add makes a credential. A lifetime of zero is without end.
func (s *Store) add(ctx context.Context, entry Entry, lifetime time.Duration) (secret string, _ Entry, err error) {
	if err := entry.Grant.Validate(); err != nil {
		return "", Entry{}, err
	}
	if lifetime < 0 {
		return "", Entry{}, fmt.Errorf("lifetime: %s: must not be negative", lifetime)
	}
	err = s.update(ctx, func(b book, now time.Time) error {
		if lifetime > 0 {
			entry.Expires = now.Add(lifetime)
		}
		secret, entry = b.add(entry, now)
		return nil
	})
	if err != nil {
		return "", Entry{}, err
	}
	return secret, entry, nil
}

// add gives an entry an ID, a time and a secret.
func (b book) add(entry Entry, now time.Time) (string, Entry) {
	for {
		entry.ID = random(idBytes)
		if _, taken := b[entry.ID]; !taken {
			break
		}
	}
	// As they will be read again: without the monotonic clock, which stands still in a
	// suspended machine.
	entry.Created = now.UTC().Truncate(time.Millisecond)
	entry.Expires = entry.Expires.UTC().Truncate(time.Millisecond)
	entry.Groups = slices.Clone(entry.Groups)
	secret := newSecret(entry.ID)
	b[entry.ID] = record{Entry: entry, SHA256: digest(secret)}
	return secret, entry
}

// nextExpiry returns when something in b expires after now; zero if nothing does.
func (b book) nextExpiry(now time.Time) time.Time {
	var next time.Time
	for r := range maps.Values(b) {
		if !r.expired(now) {
			next = sooner(next, r.Expires)
		}
	}
	return next
}
