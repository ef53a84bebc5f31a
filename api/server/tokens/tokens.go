// Package tokens keeps the bearer tokens that the server itself gives out, in the file
// tokens.json of the data directory: tokens for programs, one-time sign-in links, and the
// sessions that come of both. The file holds hashes, never a secret.
//
// The server and its command line write the file at the same time, each under a lock, by
// replacing it whole. Nothing is remembered beside it: a lookup notices that the file
// has been replaced, so that a revoked token is refused at once, whoever revoked it.
package tokens

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind is what a credential is good for.
type Kind string

const (
	// KindToken is for programs: good until it expires or is revoked.
	KindToken Kind = "token"
	// KindSession is what a browser holds after its user has signed in.
	KindSession Kind = "session"
	// KindLink is good for signing in, once, and for nothing else.
	KindLink Kind = "link"
)

var (
	// ErrInvalid is what a secret is answered with that is not known: made up, revoked, used
	// up, or of a kind that is not good for what was asked.
	ErrInvalid = errors.New("the token is unknown or has been revoked")
	// ErrExpired is what a secret is answered with whose time is over, until its entry is
	// removed at some later write; from then on it is ErrInvalid.
	ErrExpired = errors.New("the token has expired")
	// ErrUnknown is what Revoke says of an ID that nothing has.
	ErrUnknown = errors.New("no such token")
)

// Grant is who the holder of a credential is.
type Grant struct {
	// User is the name that the API knows the holder by.
	User string `json:"user"`
	// Groups are the holder's, beside system:authenticated, which is everybody's.
	Groups []string `json:"groups,omitempty"`
}

// reserved begins names that Kubernetes gives a meaning of its own, system:masters among
// them, to which no token leads.
const reserved = "system:"

// maxName bounds the names of users and groups, in bytes.
const maxName = 256

// Validate says what is wrong with a grant, if anything. The error names the field, the
// value and what is allowed.
func (g Grant) Validate() error {
	if err := validateName("user", g.User); err != nil {
		return err
	}
	for _, group := range g.Groups {
		if err := validateName("group", group); err != nil {
			return err
		}
	}
	return nil
}

func validateName(what, name string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case name == "":
		return fmt.Errorf("%s: must not be empty", what)
	case len(name) > maxName:
		return fmt.Errorf("%s: %.20q…: must be at most %d bytes, not %d", what, name, maxName, len(name))
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, unprintable):
		return fmt.Errorf("%s: %q: must be printable, without space at its ends", what, name)
	case strings.HasPrefix(name, reserved):
		return fmt.Errorf("%s: %q: names that begin with %q are reserved", what, name, reserved)
	}
	return nil
}

// Entry is what may be told of a credential.
type Entry struct {
	// ID is the public part of the credential.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	Grant
	Created time.Time `json:"created"`
	// Expires is when it ends; zero means never.
	Expires time.Time `json:"expires,omitzero"`
	// Parent is the ID of the token that a session was signed in with: the session ends with
	// it. Links leave none.
	Parent string `json:"parent,omitempty"`
}

// expired says whether the entry's time is over.
func (e Entry) expired(now time.Time) bool { return !e.Expires.IsZero() && !now.Before(e.Expires) }
