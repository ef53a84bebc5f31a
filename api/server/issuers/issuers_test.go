package issuers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/authentication/authenticator"

	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/issuers/issuertest"
)

// deadline bounds whatever a test waits for. An issuer that was away is tried again after ten
// seconds.
const deadline = 30 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "authentication.yaml")
	must(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func recognise(t *testing.T, configuration string) authenticator.Token {
	t.Helper()
	config, err := issuers.Load(write(t, configuration))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	tokens, err := config.New(ctx)
	must(t, err)
	return tokens
}

// await asks until the issuer has been asked, and returns who a token is of.
func await(t *testing.T, tokens authenticator.Token, token string) *authenticator.Response {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		response, ok, err := tokens.AuthenticateToken(t.Context(), token)
		if ok {
			return response
		}
		if time.Now().After(end) {
			t.Fatalf("a good token is refused: %v", err)
		}
	}
}

func TestTokens(t *testing.T) {
	issuer := issuertest.New(t)
	// lowerAscii is there only at a recent version of the library.
	tokens := recognise(t, issuer.Configuration(`    claimValidationRules:
    - expression: "!has(claims.hd) || claims.hd.lowerAscii() == 'example.com'"
      message: not of this company
`))
	await(t, tokens, issuer.Sign(t, map[string]any{"sub": "alice"}))

	for name, tc := range map[string]struct {
		token  string
		user   string
		groups []string
		err    string
	}{
		"User":          {token: issuer.Sign(t, map[string]any{"sub": "alice"}), user: "alice"},
		"Groups":        {token: issuer.Sign(t, map[string]any{"sub": "bob", "groups": []string{"a", "b"}}), user: "bob", groups: []string{"a", "b"}},
		"Expression":    {token: issuer.Sign(t, map[string]any{"sub": "carol", "hd": "Example.COM"}), user: "carol"},
		"Rule":          {token: issuer.Sign(t, map[string]any{"sub": "mallory", "hd": "evil.example"}), err: "not of this company"},
		"Expired":       {token: issuer.Sign(t, map[string]any{"sub": "alice", "exp": time.Now().Add(-time.Second).Unix()}), err: "expired"},
		"NoExpiry":      {token: issuer.Sign(t, map[string]any{"sub": "alice", "exp": 0}), err: "expired"},
		"NotYet":        {token: issuer.Sign(t, map[string]any{"sub": "alice", "nbf": time.Now().Add(time.Hour).Unix()}), err: "nbf"},
		"WrongAudience": {token: issuer.Sign(t, map[string]any{"sub": "alice", "aud": "elsewhere"}), err: "audience"},
		"NoUser":        {token: issuer.Sign(t, map[string]any{}), err: "sub"},
		"Forged":        {token: issuer.Forge(t, map[string]any{"sub": "alice"}), err: "verify"},
		"OtherIssuer":   {token: issuer.Sign(t, map[string]any{"sub": "alice", "iss": "https://other.example"})},
		"NotAToken":     {token: "cl_abc_def"},
		"Empty":         {},
	} {
		t.Run(name, func(t *testing.T) {
			response, ok, err := tokens.AuthenticateToken(t.Context(), tc.token)
			if ok != (tc.user != "") || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("got %v, %v; want %q, %q", ok, err, tc.user, tc.err)
			}
			if !ok {
				return
			}
			if diff := cmp.Diff(tc.groups, response.User.GetGroups()); diff != "" || response.User.GetName() != tc.user {
				t.Errorf("user %q, want %q; groups (-want +got):\n%s", response.User.GetName(), tc.user, diff)
			}
		})
	}
}

// TestIssuerAway: it costs its own users the way in, and nobody else, until it is back.
func TestIssuerAway(t *testing.T) {
	t.Parallel() // it waits for the library to try again
	issuer := issuertest.New(t)
	issuer.SetAway(true)
	tokens := recognise(t, issuer.Configuration(""))
	token := issuer.Sign(t, map[string]any{"sub": "alice"})
	if _, ok, err := tokens.AuthenticateToken(t.Context(), token); ok || err == nil {
		t.Errorf("while the issuer is away: %v, %v", ok, err)
	}
	if _, ok, err := tokens.AuthenticateToken(t.Context(), "another"); ok || err != nil {
		t.Errorf("somebody else's token: %v, %v", ok, err)
	}
	for end := time.Now().Add(deadline); issuer.Refused() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the issuer was not asked")
		}
	}
	issuer.SetAway(false)
	await(t, tokens, token)
}

func TestLoadRefuses(t *testing.T) {
	const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
	const good = "jwt:\n- issuer: {url: 'https://a.example', audiences: [b]}\n  claimMappings: {username: {claim: sub, prefix: ''}}\n"
	for name, tc := range map[string]struct{ content, want string }{
		"Empty":         {"", "Kind"},
		"NotYAML":       {"{", "yaml"},
		"OtherKind":     {"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n", "AuthenticationConfiguration"},
		"OtherVersion":  {"apiVersion: apiserver.config.k8s.io/v9\nkind: AuthenticationConfiguration\n", "v9"},
		"UnknownField":  {head + "jwts: []\n", `unknown field "jwts"`},
		"Misspelt":      {head + strings.Replace(good, "claimMappings", "claimMapping", 1), `claimMapping"`},
		"Twice":         {head + "jwt: []\njwt: []\n", "jwt"},
		"PlainHTTP":     {head + strings.Replace(good, "https", "http", 1), "jwt[0].issuer.url"},
		"NoAudience":    {head + strings.Replace(good, "audiences: [b]", "audiences: []", 1), "jwt[0].issuer.audiences"},
		"NoUser":        {head + "jwt:\n- issuer: {url: 'https://a.example', audiences: [b]}\n", "jwt[0].claimMappings.username"},
		"SameIssuer":    {head + good + strings.TrimPrefix(good, "jwt:\n"), "jwt[1].issuer.url"},
		"BadExpression": {head + good + "  userValidationRules: [{expression: 'user.nme'}]\n", "jwt[0].userValidationRules[0].expression"},
		"BadAuthority":  {head + strings.Replace(good, "audiences", "certificateAuthority: x, audiences", 1), "jwt[0].issuer.certificateAuthority"},
		"Egress":        {head + strings.Replace(good, "audiences", "egressSelectorType: cluster, audiences", 1), "jwt[0].issuer.egressSelectorType: Forbidden"},
		"Anonymous":     {head + good + "anonymous: {enabled: true}\n", "anonymous: Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, tc.content)
			_, err := issuers.Load(file)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want %q and the file", err, tc.want)
			}
		})
	}
	if _, err := issuers.Load("/does/not/exist"); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("no file: %v", err)
	}
}

// TestSample: the file that users begin with gives the roles that it says it does.
func TestSample(t *testing.T) {
	sample, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "samples", "authentication.yaml"))
	must(t, err)
	issuer := issuertest.New(t)
	const url = "    url: https://login.example.com\n"
	here := "    url: " + issuer.URL + "\n    certificateAuthority: |\n"
	for line := range strings.Lines(issuer.CA) {
		here += "      " + line
	}
	if !strings.Contains(string(sample), url) {
		t.Fatalf("the sample names another issuer than %s", url)
	}
	tokens := recognise(t, strings.Replace(string(sample), url, here, 1))
	await(t, tokens, issuer.Sign(t, map[string]any{"email": "a@example.com", "email_verified": true}))

	for name, tc := range map[string]struct {
		claims map[string]any
		want   []string
	}{
		"Everybody":  {map[string]any{"email_verified": true}, []string{"containerlease.dev:editor"}},
		"Team":       {map[string]any{"email_verified": true, "groups": []string{"team-a"}}, []string{"containerlease.dev:editor:team-a", "containerlease.dev:editor"}},
		"Admin":      {map[string]any{"email_verified": true, "groups": []string{"platform"}}, []string{"containerlease.dev:admin", "containerlease.dev:editor"}},
		"OtherGroup": {map[string]any{"email_verified": true, "groups": []string{"containerlease.dev:admin"}}, []string{"other:containerlease.dev:admin", "containerlease.dev:editor"}},
		"Unverified": {map[string]any{"email_verified": false}, nil},
		"Unsaid":     {map[string]any{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tc.claims["email"] = "a@example.com"
			response, ok, err := tokens.AuthenticateToken(t.Context(), issuer.Sign(t, tc.claims))
			if ok != (tc.want != nil) {
				t.Fatalf("got %v, %v", ok, err)
			}
			if !ok {
				return
			}
			if diff := cmp.Diff(tc.want, response.User.GetGroups()); diff != "" || response.User.GetName() != "a@example.com" {
				t.Errorf("user %q; groups (-want +got):\n%s", response.User.GetName(), diff)
			}
		})
	}
}

func TestLoadVersions(t *testing.T) {
	for _, version := range []string{"v1", "v1beta1"} {
		_, err := issuers.Load(write(t, "apiVersion: apiserver.config.k8s.io/"+version+"\nkind: AuthenticationConfiguration\njwt: []\n"))
		if err != nil {
			t.Error(err)
		}
	}
	nobody := recognise(t, "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n")
	if _, ok, err := nobody.AuthenticateToken(t.Context(), "a"); ok || err != nil {
		t.Errorf("without an issuer: %v, %v", ok, err)
	}
}

func TestExpiry(t *testing.T) {
	issuer := issuertest.New(t)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, tc := range map[string]struct {
		token string
		want  time.Time
	}{
		"Whole":    {issuer.Sign(t, map[string]any{"exp": end.Unix()}), end},
		"Fraction": {issuer.Sign(t, map[string]any{"exp": float64(end.Unix()) + 0.5}), end},
		"None":     {issuer.Sign(t, map[string]any{"exp": nil}), time.Time{}},
		"NotJWT":   {"cl_a_b", time.Time{}},
		"NotJSON":  {"a.YQ.c", time.Time{}},
		"Base64":   {"a.*.c", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := issuers.Expiry(tc.token); !got.Equal(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestFor(t *testing.T) {
	issuer := issuertest.New(t)
	config, err := issuers.Load(write(t, issuer.Configuration("")))
	must(t, err)
	for name, tc := range map[string]struct {
		url, audience string
		want          []string // in the error; nil for none
	}{
		"Known":         {url: issuer.URL, audience: "containerlease"},
		"OtherAudience": {url: issuer.URL, audience: "dashboard", want: []string{`"dashboard"`, `["containerlease"]`}},
		"OtherIssuer":   {url: "https://other.example", audience: "containerlease", want: []string{"https://other.example", issuer.URL}},
		"Slash":         {url: issuer.URL + "/", audience: "containerlease", want: []string{"to the letter", issuer.URL}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.For(tc.url, tc.audience)
			if tc.want == nil {
				must(t, err)
				if want := (issuers.Issuer{URL: issuer.URL, CertificateAuthority: issuer.CA}); strings.TrimSpace(got.CertificateAuthority) != strings.TrimSpace(want.CertificateAuthority) || got.URL != want.URL {
					t.Errorf("got %+v", got)
				}
				return
			}
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s in it", err, want)
				}
			}
		})
	}
}
