package settings

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// validateOpenID reports what signing in at an issuer would fail at.
func (s *Settings) validateOpenID() error {
	if s.OIDCIssuerURL == "" {
		return s.validateNoOpenID()
	}
	issuer, err := url.Parse(s.OIDCIssuerURL)
	if err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return fmt.Errorf("oidc-issuer-url: %q: must be such as https://login.example.com, and as it is in authentication-config", s.OIDCIssuerURL)
	}
	if s.OIDCClientID == "" {
		return fmt.Errorf("oidc-client-id: must be set with --oidc-issuer-url: it is what the issuer calls this server")
	}
	if s.AuthenticationConfig == "" {
		return fmt.Errorf("oidc-issuer-url: %q: nobody of it would be let in; name it in a file, and that by --authentication-config", s.OIDCIssuerURL)
	}
	return validateScopes(s.OIDCScopes)
}

// validateNoOpenID reports a setting that is of no use without an issuer.
func (s *Settings) validateNoOpenID() error {
	for _, rest := range []struct{ flag, value string }{
		{"oidc-client-id", s.OIDCClientID}, {"oidc-client-secret-file", s.OIDCClientSecretFile}, {"oidc-name", s.OIDCName},
	} {
		if rest.value != "" {
			return fmt.Errorf("%s: %q: is of use with --oidc-issuer-url only; set both, or leave it out", rest.flag, rest.value)
		}
	}
	return nil
}

func validateScopes(scopes []string) error {
	if !slices.Contains(scopes, "openid") {
		return fmt.Errorf("oidc-scopes: %q: must have openid among them, without which there is no ID token", scopes)
	}
	for _, scope := range scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\n\"\\") {
			return fmt.Errorf("oidc-scopes: %q: must be names, separated by commas", scopes)
		}
	}
	return nil
}
