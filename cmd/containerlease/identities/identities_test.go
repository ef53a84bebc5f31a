package identities_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/token/union"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/issuers/issuertest"
	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/identities"
	"github.com/containerlease/containerlease/web/gateway/caller"
)

const deadline = 10 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fixture is a store and an issuer side by side, as in a server.
type fixture struct {
	*identities.Identities
	store  *tokens.Store
	issuer *issuertest.Issuer
}

func start(t *testing.T) *fixture {
	t.Helper()
	store, err := tokens.Open(t.TempDir(), tokens.Options{})
	must(t, err)
	issuer := issuertest.New(t)
	file := filepath.Join(t.TempDir(), "authentication.yaml")
	must(t, os.WriteFile(file, []byte(issuer.Configuration("")), 0o600))
	config, err := issuers.Load(file)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	trusted, err := config.New(ctx)
	must(t, err)
	auth := union.New(authenticator.Token(store), trusted)
	ready := issuer.Sign(t, map[string]any{"sub": "ready"})
	for end := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		if _, ok, err := auth.AuthenticateToken(t.Context(), ready); ok {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the issuer's tokens are refused: %v", err)
		}
	}
	return &fixture{identities.New(store, auth), store, issuer}
}

func TestIdentify(t *testing.T) {
	f := start(t)
	create := func(user string, lifetime time.Duration, groups ...string) (string, time.Time) {
		secret, entry, err := f.store.Create(t.Context(), tokens.Grant{User: user, Groups: groups}, lifetime)
		must(t, err)
		return secret, entry.Expires
	}
	admin, _ := create("root", 0, "containerlease.dev:admin")
	editor, editorEnd := create("alice", time.Hour, "containerlease.dev:editor", "containerlease.dev:viewer:team")
	nothing, _ := create("carol@example.com", 0)
	link, _, err := f.store.NewLink(t.Context(), tokens.Grant{User: "alice"}, time.Hour)
	must(t, err)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	jwt := f.issuer.Sign(t, map[string]any{"sub": "bob", "groups": "containerlease.dev:viewer:alice", "exp": end.Unix()})
	over := f.issuer.Sign(t, map[string]any{"sub": "bob", "exp": time.Now().Add(-time.Minute).Unix()})

	for name, tc := range map[string]struct {
		credential string
		want       caller.Identity
		err        bool
	}{
		"Admin":  {credential: admin, want: caller.Identity{User: "root", Admin: true, Namespace: "root"}},
		"Editor": {credential: editor, want: caller.Identity{User: "alice", Namespace: "alice", Namespaces: []string{"alice", "team"}, EditorOf: []string{"alice"}, Expires: editorEnd}},
		"Issuer": {credential: jwt, want: caller.Identity{User: "bob", Namespace: "bob", Namespaces: []string{"alice"}, Expires: end}},
		"NoRole": {credential: nothing, want: caller.Identity{User: "carol@example.com", Namespace: roles.OwnNamespace("carol@example.com")}},
		"Link":   {credential: link, err: true},
		"Over":   {credential: over, err: true},
		"Wrong":  {credential: "guess", err: true},
		"Empty":  {err: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := f.Identify(t.Context(), tc.credential)
			if errors.Is(err, caller.ErrUnauthenticated) != tc.err || (err != nil) != tc.err {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	f := start(t)
	grant := tokens.Grant{User: "alice", Groups: []string{"containerlease.dev:editor"}}
	token, entry, err := f.store.Create(t.Context(), grant, time.Hour)
	must(t, err)
	link, _, err := f.store.NewLink(t.Context(), grant, time.Hour)
	must(t, err)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	jwt := f.issuer.Sign(t, map[string]any{"sub": "alice", "groups": "containerlease.dev:editor", "exp": end.Unix()})

	var sessions []string
	for name, tc := range map[string]struct {
		credential string
		expires    time.Time
	}{
		"Token":  {token, entry.Expires},
		"Link":   {link, time.Time{}},
		"Issuer": {jwt, end},
	} {
		t.Run(name, func(t *testing.T) {
			session, err := f.SignIn(t.Context(), tc.credential)
			must(t, err)
			if !tc.expires.IsZero() && !session.Expires.Equal(tc.expires) {
				t.Errorf("ends at %v, want %v", session.Expires, tc.expires)
			}
			got, err := f.Identify(t.Context(), session.Credential)
			must(t, err)
			want := caller.Identity{User: "alice", Namespace: "alice", Namespaces: []string{"alice"}, EditorOf: []string{"alice"}, Expires: session.Expires}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			sessions = append(sessions, session.Credential)
		})
	}
	for name, credential := range map[string]string{
		"LinkAgain": link, "Session": sessions[0], "Wrong": "guess", "Empty": "",
		"Forged": f.issuer.Forge(t, map[string]any{"sub": "alice"}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := f.SignIn(t.Context(), credential); !errors.Is(err, caller.ErrUnauthenticated) {
				t.Errorf("got %v", err)
			}
		})
	}
	changed := f.Changed()
	for range 2 {
		must(t, f.SignOut(t.Context(), sessions[0]))
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told of a session's end")
	}
	if _, err := f.Identify(t.Context(), sessions[0]); !errors.Is(err, caller.ErrUnauthenticated) {
		t.Errorf("after signing out: %v", err)
	}
}
