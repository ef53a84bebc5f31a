package app

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/apiserver/pkg/authentication/authenticator"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
)

// credentials is what bearer tokens are recognised by: the file of tokens in the data
// directory, and the issuers of the authentication configuration, at one of which people may sign in.
type credentials struct {
	tokens      *tokens.Store
	recognisers []authenticator.Token
	openID      *openid.Client // nil if people don't sign in at an issuer
	close       func()
}

// openCredentials reads who may come in. It waits for no issuer. What it starts runs until
// close.
func openCredentials(s settings.Settings, logger *slog.Logger) (*credentials, error) {
	store, err := tokens.Open(s.DataDir, tokens.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &credentials{tokens: store, recognisers: []authenticator.Token{store}}
	if s.AuthenticationConfig != "" {
		if err := c.addIssuers(ctx, s); err != nil {
			cancel()
			return nil, err
		}
	}
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	c.close = func() {
		cancel()
		running.Wait()
	}
	return c, nil
}

// addIssuers reads the authentication configuration.
func (c *credentials) addIssuers(ctx context.Context, s settings.Settings) error {
	config, err := issuers.Load(s.AuthenticationConfig)
	if err != nil {
		return err
	}
	if c.openID, err = newOpenID(s, config); err != nil {
		return err
	}
	recogniser, err := config.New(ctx)
	if err != nil {
		return err
	}
	c.recognisers = append(c.recognisers, recogniser)
	return nil
}
