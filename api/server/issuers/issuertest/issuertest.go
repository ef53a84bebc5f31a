// Package issuertest runs OpenID Connect issuers for tests.
package issuertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gopkg.in/go-jose/go-jose.v2"
)

// Issuer serves discovery and keys over HTTPS, and signs tokens. Browsers can be sent to it, too:
// see SignInAs.
type Issuer struct {
	// URL is what tokens name as their issuer.
	URL string
	// CA is the authority of its certificate, in PEM.
	CA string

	key     *ecdsa.PrivateKey
	away    atomic.Bool
	refused atomic.Int32
	codeFlow
}

// New runs an issuer until the test ends.
func New(t testing.TB) *Issuer {
	t.Helper()
	issuer := &Issuer{key: newKey(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		document := map[string]any{
			"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys",
			"authorization_endpoint": issuer.URL + "/authorize", "token_endpoint": issuer.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		}
		if methods := issuer.authMethods(); methods != nil {
			document["token_endpoint_auth_methods_supported"] = methods
		}
		reply(w, document)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: issuer.key.Public(), KeyID: "1", Algorithm: string(jose.ES256), Use: "sig"},
		}})
	})
	mux.HandleFunc("GET /authorize", issuer.authorize)
	mux.HandleFunc("POST /token", issuer.token)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if issuer.away.Load() {
			issuer.refused.Add(1)
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	issuer.URL = server.URL
	issuer.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return issuer
}

// SetAway makes the issuer answer nothing useful, or something again.
func (i *Issuer) SetAway(away bool) { i.away.Store(away) }

// Refused is how many requests it got while it was away.
func (i *Issuer) Refused() int { return int(i.refused.Load()) }

// Configuration is an AuthenticationConfiguration that trusts the issuer for the audience
// containerlease, and takes the user from the claim sub and the groups from groups. More
// fields of the issuer's entry can be given, indented by four.
func (i *Issuer) Configuration(more string) string {
	var b strings.Builder
	b.WriteString("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n")
	b.WriteString("  - issuer:\n      url: " + i.URL + "\n      audiences: [containerlease]\n      certificateAuthority: |\n")
	for line := range strings.Lines(i.CA) {
		b.WriteString("        " + line)
	}
	b.WriteString("    claimMappings:\n      username: {claim: sub, prefix: \"\"}\n      groups: {claim: groups, prefix: \"\"}\n")
	b.WriteString(more)
	return b.String()
}

// Sign returns a token with these claims. Issuer, audience and an hour to live are added
// where they don't say otherwise.
func (i *Issuer) Sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	return mustSign(t, i.key, i.fill(claims))
}

// Forge returns a token as Sign does, but signed by a key that is not the issuer's.
func (i *Issuer) Forge(t testing.TB, claims map[string]any) string {
	t.Helper()
	return mustSign(t, newKey(t), i.fill(claims))
}

func (i *Issuer) fill(claims map[string]any) map[string]any {
	all := map[string]any{
		"iss": i.URL, "aud": ClientID,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	return all
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustSign(t testing.TB, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	token, err := sign(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func sign(key *ecdsa.PrivateKey, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	// Who went away learns nothing.
	_ = json.NewEncoder(w).Encode(body)
}
