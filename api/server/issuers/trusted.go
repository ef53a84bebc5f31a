package issuers

import (
	"fmt"
	"slices"
	"strings"
)

// Issuer is what a file says of an issuer that a client of it needs to know, too.
type Issuer struct {
	// URL is the issuer's name. DiscoveryURL is where it is asked for what it offers, if not
	// below that.
	URL, DiscoveryURL string
	// CertificateAuthority, in PEM, is what its certificate is checked by; "" for the system's.
	CertificateAuthority string
}

// For returns the issuer with a URL, provided that its tokens for an audience are recognised here.
// The error says which there are.
func (c *Config) For(url, audience string) (Issuer, error) {
	var known []string
	for _, jwt := range c.jwt {
		issuer := jwt.Issuer
		known = append(known, fmt.Sprintf("%q", issuer.URL))
		if issuer.URL != url {
			continue
		}
		if !slices.Contains(issuer.Audiences, audience) {
			return Issuer{}, fmt.Errorf("authentication configuration %s: the audiences of the issuer %q are %q, and %q is not among them",
				c.file, url, issuer.Audiences, audience)
		}
		return Issuer{URL: issuer.URL, DiscoveryURL: issuer.DiscoveryURL, CertificateAuthority: issuer.CertificateAuthority}, nil
	}
	return Issuer{}, fmt.Errorf("authentication configuration %s: the issuer %q is not in it, as it stands there to the letter; there are: %s",
		c.file, url, strings.Join(known, ", "))
}
