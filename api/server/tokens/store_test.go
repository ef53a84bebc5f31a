package tokens

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/authentication/user"
)

func TestAuthenticate(t *testing.T) {
	f := open(t, t.TempDir())
	token, entry := f.create(t, alice, time.Hour)
	forever, _ := f.create(t, Grant{User: "bob"}, 0)
	other, otherEntry := f.create(t, Grant{User: "carol"}, time.Hour)
	revoked, revokedEntry := f.create(t, alice, time.Hour)
	_, err := f.Revoke(t.Context(), revokedEntry.ID)
	must(t, err)
	link, _, err := f.NewLink(t.Context(), alice, time.Hour)
	must(t, err)
	session, _ := f.signIn(t, token)
	_, otherSecret, _ := strings.Cut(strings.TrimPrefix(other, prefix+otherEntry.ID), "_")

	for name, tc := range map[string]struct {
		reason string
		secret string
		after  time.Duration
		want   string
		err    error
	}{
		"Token":         {secret: token, want: "alice"},
		"LastMoment":    {secret: token, after: time.Hour - time.Millisecond, want: "alice"},
		"Expired":       {secret: token, after: time.Hour, err: ErrExpired},
		"Forever":       {secret: forever, after: 100 * 365 * 24 * time.Hour, want: "bob"},
		"Session":       {secret: session, want: "alice"},
		"SessionParent": {reason: "a session ends with its token", secret: session, after: time.Hour, err: ErrExpired},
		"Link":          {reason: "a link is for signing in only", secret: link, err: ErrInvalid},
		"Revoked":       {secret: revoked, err: ErrInvalid},
		"WrongSecret":   {secret: prefix + entry.ID + "_" + otherSecret, err: ErrInvalid},
		"Truncated":     {secret: token[:len(token)-1], err: ErrInvalid},
		"Longer":        {secret: token + "a", err: ErrInvalid},
		"UnknownID":     {secret: newSecret("nobody"), err: ErrInvalid},
		"NotOurs":       {reason: "another authenticator's token is its own business", secret: "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"},
		"OnlyPrefix":    {secret: "cl_"},
		"NoSecret":      {secret: "cl_" + entry.ID + "_"},
		"Empty":         {},
	} {
		t.Run(name, func(t *testing.T) {
			f.clock.SetTime(start.Add(tc.after))
			response, ok, err := f.AuthenticateToken(t.Context(), tc.secret)
			if !errors.Is(err, tc.err) || ok != (tc.want != "") {
				t.Fatalf("%s: got %v, %v, want %q, %v", tc.reason, ok, err, tc.want, tc.err)
			}
			if ok && response.User.GetName() != tc.want {
				t.Errorf("%s: is %q, want %q", tc.reason, response.User.GetName(), tc.want)
			}
		})
	}

	f.clock.SetTime(start)
	response, _, err := f.AuthenticateToken(t.Context(), token)
	must(t, err)
	want := &user.DefaultInfo{Name: "alice", Groups: alice.Groups, Extra: map[string][]string{user.CredentialIDKey: {"TOKEN=" + entry.ID}}}
	if diff := cmp.Diff(want, response.User); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
}

// TestOtherProcess: what another process writes counts at the next lookup, however soon after.
func TestOtherProcess(t *testing.T) {
	server := open(t, t.TempDir())
	cli := open(t, server.dir)
	for range 100 {
		secret, entry := cli.create(t, alice, 0)
		if got := server.user(t, secret); got != "alice" {
			t.Fatalf("a new token is %q's", got)
		}
		_, err := cli.Revoke(t.Context(), entry.ID)
		must(t, err)
		if got := server.user(t, secret); got != "" {
			t.Fatalf("a revoked token is still %q's", got)
		}
	}
	secret, _ := cli.create(t, alice, 0)
	must(t, os.Remove(server.path()))
	if got := server.user(t, secret); got != "" {
		t.Errorf("without a file, a token is still %q's", got)
	}
}

// TestConcurrentWriters: no writer undoes another's work.
func TestConcurrentWriters(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 10
	secrets := make(chan string, writers*each)
	errs := make(chan error, writers)
	for range writers {
		f := open(t, dir)
		go func() {
			for range each {
				secret, _, err := f.Create(t.Context(), alice, 0)
				if err != nil {
					errs <- err
					return
				}
				secrets <- secret
			}
			errs <- nil
		}()
	}
	for range writers {
		must(t, <-errs)
	}
	close(secrets)
	f := open(t, dir)
	for secret := range secrets {
		if f.user(t, secret) != "alice" {
			t.Errorf("token %s was lost", secret)
		}
	}
	if entries, err := f.List(); err != nil || len(entries) != writers*each {
		t.Errorf("%d entries, %v; want %d", len(entries), err, writers*each)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// TestRevoke: also by the secret, with all sessions, and in spite of unknown ones.
func TestRevoke(t *testing.T) {
	f := open(t, t.TempDir())
	first, firstEntry := f.create(t, alice, 0)
	second, _ := f.create(t, alice, 0)
	third, _ := f.create(t, alice, 0)
	session, _ := f.signIn(t, first)

	ended, err := f.Revoke(t.Context(), firstEntry.ID, "nothing", second)
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), `"nothing"`) || strings.Contains(err.Error(), second) {
		t.Errorf("unknown ID: %v", err)
	}
	if len(ended) != 2 {
		t.Errorf("ended %v", ended)
	}
	for secret, want := range map[string]string{first: "", second: "", session: "", third: "alice"} {
		if got := f.user(t, secret); got != want {
			t.Errorf("%s is %q's, want %q", secret, got, want)
		}
	}
	if _, err := f.Revoke(t.Context(), second); !errors.Is(err, ErrUnknown) || strings.Contains(err.Error(), second) {
		t.Errorf("again, by its secret: %v", err)
	}
}

// TestFile: it tells nobody how to come in, whoever may read it.
func TestFile(t *testing.T) {
	f := open(t, t.TempDir())
	if os.Geteuid() == 0 {
		must(t, os.Chown(f.dir, 12345, 12345))
	}
	token, _ := f.create(t, alice, time.Hour)
	session, _ := f.signIn(t, token)
	content, err := os.ReadFile(f.path())
	must(t, err)
	for _, secret := range []string{token, session} {
		_, random, _ := strings.Cut(strings.TrimPrefix(secret, prefix), "_")
		if strings.Contains(string(content), random) {
			t.Errorf("the file holds a secret:\n%s", content)
		}
		if !regexp.MustCompile(`^cl_[a-z2-7]{8}_[a-z2-7]{52}$`).MatchString(secret) {
			t.Errorf("a secret looks like %q", secret)
		}
	}
	file, err := os.Stat(f.path())
	must(t, err)
	dir, err := os.Stat(f.dir)
	must(t, err)
	if file.Mode() != 0o600 {
		t.Errorf("mode is %v", file.Mode())
	}
	if owner, want := owner(file), owner(dir); owner != want {
		t.Errorf("the file is user %d's, and the directory %d's", owner, want)
	}
}

func TestListAndPrune(t *testing.T) {
	f := open(t, t.TempDir())
	token, first := f.create(t, alice, time.Hour)
	f.clock.Step(time.Minute)
	_, session := f.signIn(t, token)
	f.clock.Step(time.Minute)
	_, last := f.create(t, Grant{User: "bob"}, 0)

	entries, err := open(t, f.dir).List()
	must(t, err)
	if diff := cmp.Diff([]Entry{first, session, last}, entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if session.Parent != first.ID || !session.Expires.Equal(first.Expires) {
		t.Errorf("session of %+v: %+v", first, session)
	}

	f.clock.Step(time.Hour)
	if entries, err = f.List(); err != nil || len(entries) != 1 {
		t.Errorf("what has expired is listed: %v, %v", entries, err)
	}
	f.create(t, alice, 0)
	content, err := os.ReadFile(f.path())
	must(t, err)
	if strings.Contains(string(content), first.ID) {
		t.Errorf("what has expired is kept:\n%s", content)
	}
}

func TestGrants(t *testing.T) {
	f := open(t, t.TempDir())
	for name, tc := range map[string]struct {
		grant Grant
		want  string
	}{
		"NoUser":       {Grant{}, "user: must not be empty"},
		"SystemUser":   {Grant{User: "system:apiserver"}, `user: "system:apiserver"`},
		"SystemGroup":  {Grant{User: "a", Groups: []string{"x", "system:masters"}}, `group: "system:masters"`},
		"Newline":      {Grant{User: "a\nb"}, "printable"},
		"Space":        {Grant{User: " a"}, "space"},
		"Long":         {Grant{User: strings.Repeat("a", 257)}, "at most 256"},
		"Address":      {Grant{User: "ci/build 7@example.com"}, ""},
		"OtherScripts": {Grant{User: "Zoë"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := f.Create(t.Context(), tc.grant, 0)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, _, err := f.Create(t.Context(), alice, -time.Second); err == nil {
		t.Error("a negative lifetime was taken")
	}
}
