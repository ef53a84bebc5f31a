// Package caller is who calls: the identity behind a request, and the API as that
// identity may use it. The gateway has no other way to the API, and so no authority of
// its own.
package caller

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrUnauthenticated is what a credential is answered with that is unknown, has expired, was
// revoked or, being good for one use, was used.
var ErrUnauthenticated = errors.New("the credential is not, or no longer, valid")

// Identity is who somebody is and where they have a role.
type Identity struct {
	// User is the name that the API and its audit know.
	User string
	// Admin may do everything everywhere.
	Admin bool
	// Namespace is the user's own: where things are made that name no other.
	Namespace string
	// Namespaces are those in which the user has a role, in alphabetical order. An admin has
	// all, whatever stands here.
	Namespaces []string
	// EditorOf are those of Namespaces in which the user may change leases, in the same order.
	EditorOf []string
	// Expires is when the credential ends; zero means never.
	Expires time.Time
}

// Knows says whether the identity has a role in a namespace: whether it may know that the
// namespace exists.
func (i Identity) Knows(namespace string) bool {
	return i.Admin || slices.Contains(i.Namespaces, namespace)
}

// Session is what a browser holds once somebody signed in.
type Session struct {
	// Credential is good as a bearer token until Expires or SignOut.
	Credential string
	Expires    time.Time
}

// Identities says who may come in. Its methods are safe for concurrent use, and none blocks on
// the network for longer than ctx allows.
type Identities interface {
	// Identify returns who holds a credential, or ErrUnauthenticated. It is cheap enough to be asked at
	// each request, and never answers from before a revocation.
	Identify(ctx context.Context, credential string) (Identity, error)
	// SignIn trades a credential or a one-time link for a session of the same identity, or fails
	// with ErrUnauthenticated. A link is used up by it.
	SignIn(ctx context.Context, credential string) (Session, error)
	// SignOut ends a session. One that has ended already is no error.
	SignOut(ctx context.Context, session string) error
	// Changed returns a channel that is closed when credentials have been added or revoked since
	// the call: whoever serves a stream then asks Identify again.
	Changed() <-chan struct{}
}

// Caller is who made a request.
type Caller struct {
	Identity
	// Credential is the bearer token that the API is called with.
	Credential string
	// Address is the IP address that the request came from, for the API's audit.
	Address string
}

type key struct{}

// Into returns a context of which From returns c.
func Into(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns who made the request that ctx belongs to; false if nobody is signed in.
func From(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(key{}).(Caller)
	return c, ok
}
