package app

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/authentication/token/union"

	"github.com/containerlease/containerlease/api/server/issuers/issuertest"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/web/gateway"
)

// parse reads a command line of serve.
func parse(t *testing.T, args ...string) settings.Settings {
	t.Helper()
	s := settings.Default()
	s.DataDir = t.TempDir()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// TestOpenIDByFlags: a page is told of the issuer that flags name, and a browser sent there.
func TestOpenIDByFlags(t *testing.T) {
	issuer := issuertest.New(t)
	trust := "--authentication-config=" + writeFile(t, "authentication.yaml", issuer.Configuration(""))
	at := []string{trust, "--oidc-issuer-url=" + issuer.URL, "--oidc-client-id=" + issuertest.ClientID}
	host := strings.TrimPrefix(issuer.URL, "https://")
	for name, tc := range map[string]struct {
		args           []string
		answer, scopes string // scopes are those that the issuer is asked for; "" if it is not
	}{
		"Least":  {at, `{"oidc":{"name":"` + host + `","url":"/signin/oidc"}}`, "openid profile email"},
		"Named":  {append(at, "--oidc-name=Acme", "--oidc-scopes=openid,groups"), `{"oidc":{"name":"Acme","url":"/signin/oidc"}}`, "openid groups"},
		"Secret": {append(at, "--oidc-client-secret-file="+writeFile(t, "secret", "s3cret\n")), `{"oidc":{"name":"` + host + `","url":"/signin/oidc"}}`, "openid profile email"},
		"Tokens": {[]string{trust}, `{}`, ""},
		"None":   {nil, `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := parse(t, tc.args...)
			trusted, err := openCredentials(s, quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer trusted.close()
			g, err := gateway.New(gateway.Config{
				API:    http.NewFileTransport(http.Dir(s.DataDir)), // never asked
				Door:   doorConfig(s, trusted, union.New(trusted.recognisers...)),
				Logger: quiet,
			})
			if err != nil {
				t.Fatal(err)
			}
			get := func(target string) *httptest.ResponseRecorder {
				r := httptest.NewRequest("GET", target, nil)
				r.Host = "localhost:8080"
				w := httptest.NewRecorder()
				g.ServeHTTP(w, r)
				return w
			}
			if got := get("/api/signin"); got.Code != http.StatusOK || strings.TrimSpace(got.Body.String()) != tc.answer {
				t.Errorf("got %d %s, want %s", got.Code, got.Body, tc.answer)
			}
			got := get("/signin/oidc")
			if tc.scopes == "" {
				if got.Code != http.StatusNotFound {
					t.Errorf("without an issuer: %d", got.Code)
				}
				return
			}
			to, err := url.Parse(got.Header().Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			query := to.Query()
			if to.Host != host || query.Get("client_id") != issuertest.ClientID || query.Get("scope") != tc.scopes ||
				query.Get("redirect_uri") != "http://localhost:8080/signin/oidc/callback" {
				t.Errorf("got %d to %s", got.Code, to)
			}
		})
	}
}

// TestOpenIDRefused: a server does not start on what every sign-in would fail at.
func TestOpenIDRefused(t *testing.T) {
	issuer := issuertest.New(t)
	trust := writeFile(t, "authentication.yaml", issuer.Configuration(""))
	for name, tc := range map[string]struct{ issuer, client, secretFile, want string }{
		"OtherIssuer":   {issuer: "https://login.example.com", client: issuertest.ClientID, want: issuer.URL},
		"OtherAudience": {issuer: issuer.URL, client: "dashboard", want: `"dashboard" is not among them`},
		"NoSecretFile":  {issuer: issuer.URL, client: issuertest.ClientID, secretFile: "/does/not/exist", want: "--oidc-client-secret-file: open /does/not/exist"},
		"EmptySecret":   {issuer: issuer.URL, client: issuertest.ClientID, secretFile: writeFile(t, "secret", "\n"), want: "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			s := parse(t, "--authentication-config="+trust, "--oidc-issuer-url="+tc.issuer, "--oidc-client-id="+tc.client, "--oidc-client-secret-file="+tc.secretFile)
			trusted, err := openCredentials(s, quiet)
			if err == nil {
				trusted.close()
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "--oidc-") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
