package gatewaytest

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
)

// The users of People, and the namespaces that are their own.
const (
	AdminUser  = "root"
	OwnerUser  = "alice"
	OtherUser  = "bob"
	ViewerUser = "carol"
)

// lifetime is that of the tokens of People.
const lifetime = time.Hour

// People are credentials, each good as a bearer token, but for the last two.
type People struct {
	// Admin may do everything, and is editor of a namespace of their own.
	Admin string
	// Owner is editor of namespace alice.
	Owner string
	// Other is editor of namespace bob.
	Other string
	// Viewer is viewer of namespace alice, and nothing in carol.
	Viewer string
	// Expired and Revoked were the owner's.
	Expired, Revoked string
}

// Anonymous is no credential.
const Anonymous = ""

func (f *Fixture) openTokens(clk clock.Clock) {
	f.t.Helper()
	var err error
	if f.Tokens, err = tokens.Open(f.dir, tokens.Options{Clock: clk, Logger: quiet}); err != nil {
		f.t.Fatal(err)
	}
	f.background("the tokens", func(ctx context.Context) error {
		f.Tokens.Run(ctx)
		return nil
	})
	editor := roles.Group(roles.Editor, "")
	f.People = People{
		Admin:   f.Token(AdminUser, lifetime, roles.Group(roles.Admin, ""), editor),
		Owner:   f.Token(OwnerUser, lifetime, editor),
		Other:   f.Token(OtherUser, lifetime, editor),
		Viewer:  f.Token(ViewerUser, lifetime, roles.Group(roles.Viewer, OwnerUser)),
		Expired: f.Token(OwnerUser, time.Nanosecond, editor),
		Revoked: f.Token(OwnerUser, lifetime, editor),
	}
	f.Revoke(f.People.Revoked)
}

// Token gives out a token. A lifetime of zero is without end.
func (f *Fixture) Token(user string, lifetime time.Duration, groups ...string) string {
	f.t.Helper()
	secret, _, err := f.Tokens.Create(f.t.Context(), tokens.Grant{User: user, Groups: groups}, lifetime)
	if err != nil {
		f.t.Fatalf("making a token of %s: %v", user, err)
	}
	return secret
}

// Link gives out the token of a sign-in link.
func (f *Fixture) Link(user string, lifetime time.Duration, groups ...string) string {
	f.t.Helper()
	secret, _, err := f.Tokens.NewLink(f.t.Context(), tokens.Grant{User: user, Groups: groups}, lifetime)
	if err != nil {
		f.t.Fatalf("making a link of %s: %v", user, err)
	}
	return secret
}

// Session signs somebody in and returns the credential of the session.
func (f *Fixture) Session(token string) string {
	f.t.Helper()
	secret, _, err := f.Tokens.SignIn(f.t.Context(), token)
	if err != nil {
		f.t.Fatalf("signing in: %v", err)
	}
	return secret
}

// Revoke ends a credential.
func (f *Fixture) Revoke(secret string) {
	f.t.Helper()
	if _, err := f.Tokens.Revoke(f.t.Context(), secret); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
}
