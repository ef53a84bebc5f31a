// Package identities answers the gateway's questions about callers from the API server's
// own authentication, so that whoever is somebody at one is the same at the other.
package identities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/web/gateway/caller"
)

// Identities implements caller.Identities.
type Identities struct {
	tokens *tokens.Store
	auth   authenticator.Token
}

var _ caller.Identities = (*Identities)(nil)

// New returns the identities that auth, which is server.Server's Authenticator, recognises.
// Store is among what auth asks; sessions are kept in it.
func New(store *tokens.Store, auth authenticator.Token) *Identities {
	return &Identities{store, auth}
}

// Identify implements caller.Identities.
func (i *Identities) Identify(ctx context.Context, credential string) (caller.Identity, error) {
	who, err := i.authenticate(ctx, credential)
	if err != nil {
		return caller.Identity{}, err
	}
	grants := roles.Of(who)
	identity := caller.Identity{
		User:       who.GetName(),
		Admin:      grants.Admin,
		Namespace:  grants.Own,
		Namespaces: slices.Sorted(maps.Keys(grants.Namespaces)),
		Expires:    i.expires(credential),
	}
	for _, namespace := range identity.Namespaces {
		if grants.Namespaces[namespace].Includes(roles.Editor) {
			identity.EditorOf = append(identity.EditorOf, namespace)
		}
	}
	return identity, nil
}

// authenticate returns who holds a credential, or an error that is ErrUnauthenticated and
// holds the reason for whoever reads logs.
func (i *Identities) authenticate(ctx context.Context, credential string) (user.Info, error) {
	response, ok, err := i.auth.AuthenticateToken(ctx, credential)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", caller.ErrUnauthenticated, err)
	case !ok:
		return nil, caller.ErrUnauthenticated
	}
	return response.User, nil
}

// expires returns when a credential that is in force ends; zero is never.
func (i *Identities) expires(credential string) time.Time {
	if entry, err := i.tokens.Lookup(credential); err == nil {
		return entry.Expires
	}
	return issuers.Expiry(credential)
}

// SignIn implements caller.Identities. The session of an issuer's token ends with that token:
// nobody here would learn that the issuer has thought better of it.
func (i *Identities) SignIn(ctx context.Context, credential string) (caller.Session, error) {
	entry, err := i.tokens.Lookup(credential)
	switch {
	case errors.Is(err, tokens.ErrExpired):
		return caller.Session{}, fmt.Errorf("%w: %w", caller.ErrUnauthenticated, err)
	case err != nil:
		return i.signInOther(ctx, credential)
	case entry.Kind == tokens.KindSession:
		return caller.Session{}, fmt.Errorf("%w: a session can't be signed in with", caller.ErrUnauthenticated)
	}
	secret, session, err := i.tokens.SignIn(ctx, credential)
	return begun(secret, session, err)
}

// signInOther signs in with what something else than the store recognises.
func (i *Identities) signInOther(ctx context.Context, credential string) (caller.Session, error) {
	who, err := i.authenticate(ctx, credential)
	if err != nil {
		return caller.Session{}, err
	}
	grant := tokens.Grant{User: who.GetName()}
	for _, group := range who.GetGroups() {
		// Left out is system:authenticated, which everybody gets again, and what an issuer may call
		// a group that could be no role.
		if (tokens.Grant{User: grant.User, Groups: []string{group}}).Validate() == nil {
			grant.Groups = append(grant.Groups, group)
		}
	}
	secret, session, err := i.tokens.NewSession(ctx, grant, issuers.Expiry(credential))
	return begun(secret, session, err)
}

func begun(secret string, session tokens.Entry, err error) (caller.Session, error) {
	switch {
	case errors.Is(err, tokens.ErrInvalid), errors.Is(err, tokens.ErrExpired):
		return caller.Session{}, fmt.Errorf("%w: %w", caller.ErrUnauthenticated, err)
	case err != nil:
		return caller.Session{}, fmt.Errorf("signing in: %w", err)
	}
	return caller.Session{Credential: secret, Expires: session.Expires}, nil
}

// SignOut implements caller.Identities.
func (i *Identities) SignOut(ctx context.Context, session string) error {
	return i.tokens.SignOut(ctx, session)
}

// Changed implements caller.Identities.
func (i *Identities) Changed() <-chan struct{} { return i.tokens.Changed() }
