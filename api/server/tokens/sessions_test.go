package tokens

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLinkIsGoodOnce: also if many try it at the same time, in several processes.
func TestLinkIsGoodOnce(t *testing.T) {
	f := open(t, t.TempDir())
	link, entry, err := f.NewLink(t.Context(), alice, LinkLifetime)
	must(t, err)
	if entry.Kind != KindLink || !entry.Expires.Equal(start.Add(LinkLifetime)) {
		t.Errorf("link: %+v", entry)
	}
	const tries = 8
	type outcome struct {
		session string
		err     error
	}
	outcomes := make(chan outcome, tries)
	for range tries {
		store := open(t, f.dir)
		go func() {
			session, _, err := store.SignIn(t.Context(), link)
			outcomes <- outcome{session, err}
		}()
	}
	in := 0
	for range tries {
		switch o := <-outcomes; {
		case o.err == nil:
			in++
			if f.user(t, o.session) != "alice" {
				t.Error("the session is not alice's")
			}
		case !errors.Is(o.err, ErrInvalid):
			t.Error(o.err)
		}
	}
	if in != 1 {
		t.Errorf("%d signed in", in)
	}
}

func TestSignIn(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		make   func(t *testing.T, f *fixture) string
		after  time.Duration
		err    error
		want   time.Duration
	}{
		"ShortToken": {
			reason: "no session outlives its token",
			make:   func(t *testing.T, f *fixture) string { s, _ := f.create(t, alice, time.Hour); return s },
			want:   time.Hour,
		},
		"LongToken": {
			reason: "a browser is not signed in for as long as a program",
			make:   func(t *testing.T, f *fixture) string { s, _ := f.create(t, alice, 0); return s },
			after:  time.Minute,
			want:   time.Minute + SessionLifetime,
		},
		"Link": {
			reason: "what comes of a link outlives it",
			make: func(t *testing.T, f *fixture) string {
				s, _, err := f.NewLink(t.Context(), alice, LinkLifetime)
				must(t, err)
				return s
			},
			after: time.Minute,
			want:  time.Minute + SessionLifetime,
		},
		"ExpiredLink": {
			make: func(t *testing.T, f *fixture) string {
				s, _, err := f.NewLink(t.Context(), alice, LinkLifetime)
				must(t, err)
				return s
			},
			after: LinkLifetime,
			err:   ErrExpired,
		},
		"ExpiredToken": {
			make:  func(t *testing.T, f *fixture) string { s, _ := f.create(t, alice, time.Hour); return s },
			after: time.Hour,
			err:   ErrExpired,
		},
		"Session": {
			reason: "a session that could be renewed by itself would never end",
			make: func(t *testing.T, f *fixture) string {
				s, _ := f.create(t, alice, 0)
				s, _ = f.signIn(t, s)
				return s
			},
			err: ErrInvalid,
		},
		"Unknown": {
			make: func(*testing.T, *fixture) string { return newSecret("nobody") },
			err:  ErrInvalid,
		},
		"NotOurs": {
			make: func(*testing.T, *fixture) string { return "hello" },
			err:  ErrInvalid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, t.TempDir())
			secret := tc.make(t, f)
			f.clock.Step(tc.after)
			session, entry, err := f.SignIn(t.Context(), secret)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s: got %v, want %v", tc.reason, err, tc.err)
			}
			if err != nil {
				return
			}
			if got := entry.Expires.Sub(start); got != tc.want || entry.Kind != KindSession {
				t.Errorf("%s: a %s of %s, want %s", tc.reason, entry.Kind, got, tc.want)
			}
			if diff := cmp.Diff(alice, entry.Grant); diff != "" {
				t.Errorf("grant (-want +got):\n%s", diff)
			}
			// A restart signs nobody out.
			if got := open(t, f.dir).user(t, session); got != "alice" {
				t.Errorf("in another process the session is %q's", got)
			}
		})
	}
}

func TestSignOut(t *testing.T) {
	f := open(t, t.TempDir())
	token, _ := f.create(t, alice, 0)
	session, _ := f.signIn(t, token)
	other, _ := f.signIn(t, token)
	for range 2 {
		must(t, f.SignOut(t.Context(), session))
	}
	must(t, f.SignOut(t.Context(), token))
	must(t, f.SignOut(t.Context(), "hello"))
	for secret, want := range map[string]string{session: "", other: "alice", token: "alice"} {
		if got := f.user(t, secret); got != want {
			t.Errorf("%s is %q's, want %q", secret, got, want)
		}
	}
}

func TestNewSession(t *testing.T) {
	f := open(t, t.TempDir())
	for name, tc := range map[string]struct {
		expires time.Time
		want    time.Duration
		err     error
	}{
		"Never": {want: SessionLifetime},
		"Later": {expires: start.Add(100 * time.Hour), want: SessionLifetime},
		"Soon":  {expires: start.Add(time.Minute), want: time.Minute},
		"Over":  {expires: start, err: ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			session, entry, err := f.NewSession(t.Context(), alice, tc.expires)
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if err == nil && (entry.Expires.Sub(start) != tc.want || f.user(t, session) != "alice") {
				t.Errorf("got %+v, want %s", entry, tc.want)
			}
		})
	}
	if _, _, err := f.NewSession(t.Context(), Grant{User: "system:x"}, time.Time{}); err == nil {
		t.Error("a session of a reserved user was made")
	}
}

// TestSessionsAreBounded: signing in again and again ends one's own oldest session, and nobody else's.
func TestSessionsAreBounded(t *testing.T) {
	f := open(t, t.TempDir())
	bobs, _ := f.create(t, Grant{User: "bob"}, 0)
	bob, _ := f.signIn(t, bobs)
	token, _ := f.create(t, alice, 0)
	first, _ := f.signIn(t, token)
	f.clock.Step(time.Second)
	second, _ := f.signIn(t, token)
	for range maxSessions - 1 {
		f.clock.Step(time.Second)
		f.signIn(t, token)
	}
	for secret, want := range map[string]string{first: "", second: "alice", bob: "bob", token: "alice"} {
		if got := f.user(t, secret); got != want {
			t.Errorf("%s is %q's, want %q", secret, got, want)
		}
	}
}
