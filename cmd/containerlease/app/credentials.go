package app

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/apiserver/pkg/authentication/authenticator"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
)

// credentials is what bearer tokens are recognised by: the file of tokens in the data
// directory, and the issuers of the authentication configuration.
type credentials struct {
	tokens      *tokens.Store
	recognisers []authenticator.Token
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
		trusted, err := newIssuers(ctx, s.AuthenticationConfig)
		if err != nil {
			cancel()
			return nil, err
		}
		c.recognisers = append(c.recognisers, trusted)
	}
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	c.close = func() {
		cancel()
		running.Wait()
	}
	return c, nil
}

func newIssuers(ctx context.Context, file string) (authenticator.Token, error) {
	config, err := issuers.Load(file)
	if err != nil {
		return nil, err
	}
	return config.New(ctx)
}
