package openid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// How a way to the issuer and back fails, beside being of no use for a reason that a person can do
// nothing about.
var (
	// ErrAway is an issuer that does not answer, or not with success.
	ErrAway = errors.New("the issuer can't be reached")
	// ErrStale is a code that is too old, was used, or is of another flow.
	ErrStale = errors.New("the code is not, or no longer, valid for this sign-in")
)

// Flow is one way to the issuer and back: random values that only the browser which takes it
// holds. They need no seal. State ties the way back to that browser, the nonce ties the ID token to
// it, and the verifier the code; somebody who could put values of his own into the browser could
// put sealed ones there as well, having got them for himself.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
}

// NewFlow makes one.
func NewFlow() Flow {
	return Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
}

// Began says whether the state that a browser came back with is of this flow.
func (f Flow) Began(state string) bool {
	return f.State != "" && subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) == 1
}

// AuthorizationURL is where to send a browser, for the issuer to send it back to redirectURI. It
// fails with ErrAway, and blocks for no longer than Patience.
func (c *Client) AuthorizationURL(ctx context.Context, f Flow, redirectURI string) (string, error) {
	at, err := c.discover(ctx)
	if err != nil {
		return "", err
	}
	return c.application(at, redirectURI).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Redeem trades the code that a browser came back with to redirectURI for an ID token, which the
// issuer made for us and for this flow. A code is good once: a call that failed is not to be
// repeated. It fails with ErrAway, ErrStale, or what the issuer's log is to be looked at for; no
// error has a code or a token in it. It blocks for no longer than twice Patience.
func (c *Client) Redeem(ctx context.Context, f Flow, redirectURI, code string) (string, error) {
	at, err := c.discover(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	answer, err := c.application(at, redirectURI).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return "", exchangeError(err)
	}
	idToken, ok := answer.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the token endpoint gave no ID token")
	}
	verified, err := at.verifier.Verify(ctx, idToken)
	if err != nil {
		return "", fmt.Errorf("the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(f.Nonce)) != 1 {
		return "", fmt.Errorf("%w: the nonce is of another flow", ErrStale)
	}
	return idToken, nil
}

// exchangeError says why there is no token. What the issuer answered is left out, as it may repeat
// what it was sent.
func exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	var unreached *url.Error
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return fmt.Errorf("%w: the token endpoint answered %q", ErrStale, refused.ErrorCode)
	case errors.As(err, &refused) && refused.Response.StatusCode >= 500:
		return fmt.Errorf("%w: the token endpoint answered %s", ErrAway, refused.Response.Status)
	case errors.As(err, &refused):
		return fmt.Errorf("the token endpoint answered %s, %q", refused.Response.Status, refused.ErrorCode)
	case errors.As(err, &unreached):
		return fmt.Errorf("%w: the token endpoint: %w", ErrAway, unreached)
	default:
		return fmt.Errorf("the token endpoint's answer: %w", err)
	}
}
