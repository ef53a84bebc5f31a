package app

import (
	"fmt"
	"os"
	"strings"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
)

// newOpenID makes the client by which people sign in at an issuer; nil if none is set. It asks the issuer
// nothing. One whose tokens would not be recognised here afterwards is refused.
func newOpenID(s settings.Settings, trusted *issuers.Config) (*openid.Client, error) {
	if s.OIDCIssuerURL == "" {
		return nil, nil
	}
	issuer, err := trusted.For(s.OIDCIssuerURL, s.OIDCClientID)
	if err != nil {
		return nil, fmt.Errorf("--oidc-issuer-url and --oidc-client-id: nobody who signs in would be let in: %w", err)
	}
	secret, err := clientSecret(s.OIDCClientSecretFile)
	if err != nil {
		return nil, err
	}
	client, err := openid.New(openid.Config{
		Issuer:               issuer.URL,
		DiscoveryURL:         issuer.DiscoveryURL,
		CertificateAuthority: issuer.CertificateAuthority,
		ClientID:             s.OIDCClientID,
		ClientSecret:         secret,
		Scopes:               s.OIDCScopes,
		Name:                 s.OIDCName,
	})
	if err != nil {
		return nil, fmt.Errorf("--oidc-issuer-url: %w", err)
	}
	return client, nil
}

// clientSecret reads a file that holds nothing else; "" without one.
func clientSecret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading --oidc-client-secret-file: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", fmt.Errorf("--oidc-client-secret-file %s: is empty; leave the flag out if the client has no secret", file)
	}
	return secret, nil
}
