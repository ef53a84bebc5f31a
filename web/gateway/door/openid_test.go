package door_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/issuers"
	"github.com/containerlease/containerlease/api/server/issuers/issuertest"
	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi/openapitest"
)

// withIssuer is a server whose users sign in at a real issuer, which trusts it.
type withIssuer struct {
	*gatewaytest.Fixture
	issuer *issuertest.Issuer
}

// startWithIssuer starts both. The issuer's client may be changed, and the gateway's configuration.
func startWithIssuer(t *testing.T, change func(*openid.Config), configure func(*gateway.Config)) *withIssuer {
	t.Helper()
	issuer := issuertest.New(t)
	config := openid.Config{Issuer: issuer.URL, CertificateAuthority: issuer.CA, ClientID: issuertest.ClientID, Name: "Acme"}
	if change != nil {
		change(&config)
	}
	client, err := openid.New(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "authentication.yaml")
	if err := os.WriteFile(file, []byte(issuer.Configuration("")), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted, err := issuers.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	recogniser, err := trusted.New(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f := gatewaytest.New(t, gatewaytest.Options{
		API: func(c *server.Config) { c.Tokens = append(c.Tokens, recogniser) },
		Gateway: func(c *gateway.Config) {
			c.Door.OpenID = client
			if configure != nil {
				configure(c)
			}
		},
	})
	issuer.Register(config.ClientSecret, f.URL+"/signin/oidc/callback", "https://leases.example/signin/oidc/callback")
	ready := issuer.Sign(t, map[string]any{"sub": "ready"})
	f.Await("the issuer is known to the API", func() bool {
		return f.Do("GET", "/api/session", ready, "").StatusCode == http.StatusOK
	})
	return &withIssuer{f, issuer}
}

// browser has a jar for its cookies, and trusts the issuer. It follows redirects as far as one to stop.
type browser struct {
	t    *testing.T
	http *http.Client
	// stop is in the URL that is not asked for; "" for none.
	stop string
}

func (f *withIssuer) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM([]byte(f.issuer.CA))
	b := &browser{t: t}
	b.http = &http.Client{
		Jar: jar, Timeout: gatewaytest.Patience,
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: authorities}},
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if b.stop != "" && strings.Contains(next.URL.String(), b.stop) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return b
}

func (b *browser) open(target string) gatewaytest.Answer {
	b.t.Helper()
	response, err := b.http.Get(target)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return gatewaytest.Answer{Response: response, Text: html.UnescapeString(string(text))}
}

// openUntil is open as far as the redirect to a URL with stop in it, which is returned.
func (b *browser) openUntil(stop, target string) string {
	b.t.Helper()
	b.stop = stop
	defer func() { b.stop = "" }()
	answer := b.open(target)
	if answer.StatusCode != http.StatusSeeOther && answer.StatusCode != http.StatusFound {
		b.t.Fatalf("%s does not lead to %s: %d %s", target, stop, answer.StatusCode, answer.Text)
	}
	return answer.Header.Get("Location")
}

// user is who is signed in in the browser; "" for nobody.
func (b *browser) user(f *withIssuer) string {
	b.t.Helper()
	answer := b.open(f.URL + "/api/session")
	if answer.StatusCode != http.StatusOK {
		return ""
	}
	var who session
	f.JSON(answer, &who)
	return who.User
}

const callback = "/signin/oidc/callback"

// TestOpenID: a browser comes back signed in, to the page that it began on.
func TestOpenID(t *testing.T) {
	for name, tc := range map[string]struct {
		secret string
		inBody bool
	}{
		"PublicClient": {}, "Secret": {secret: "s3cret & more"}, "SecretInBody": {secret: "s3cret & more", inBody: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := startWithIssuer(t, func(c *openid.Config) { c.ClientSecret = tc.secret }, nil)
			if tc.inBody {
				f.issuer.TakeSecretInBody()
			}
			f.issuer.SignInAs(map[string]any{"sub": "alice", "groups": []string{"containerlease.dev:editor"}})
			b := f.browser(t)
			back := b.openUntil(callback, f.URL+"/signin/oidc?return="+url.QueryEscape("/leases/x?tab=logs"))
			b.stop = "/leases/"
			home := b.open(back)
			if home.StatusCode != http.StatusSeeOther || home.Header.Get("Location") != "/leases/x?tab=logs" || home.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("came back to %d %v %s", home.StatusCode, home.Header, home.Text)
			}
			for _, c := range home.Cookies() {
				switch {
				case strings.Contains(c.Name, "session"):
					if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge < 60 || c.MaxAge > 60*60 {
						t.Errorf("the session's cookie: %v", c)
					}
				case c.MaxAge >= 0:
					t.Errorf("the cookie of the way there is left: %v", c)
				}
			}
			if got := b.user(f); got != "alice" {
				t.Errorf("signed in as %q", got)
			}
			if got := b.open(f.URL + "/api/containers"); got.StatusCode != http.StatusOK {
				t.Errorf("got %d %s", got.StatusCode, got.Text)
			}
			lines := f.Log.Lines("audit")
			if len(lines) != 1 || !hasLine(lines, map[string]any{"verb": "signin", "principal": "alice", "route": callback, "status": 201.0}) {
				t.Errorf("audit lines: %v", lines)
			}
			code := must(url.Parse(back)).Query().Get("code")
			if log := f.Log.String(); code == "" || strings.Contains(log, code) || strings.Contains(log, "eyJ") {
				t.Error("the log tells a code or a token")
			}
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// TestOpenIDUsers: the API decides who somebody is, and what that is good for.
func TestOpenIDUsers(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	for name, tc := range map[string]struct {
		claims map[string]any
		want   session
	}{
		"NoRole": {map[string]any{"sub": "carol"}, session{User: "carol", Namespace: "carol"}},
		"Viewer": {map[string]any{"sub": "dave", "groups": []string{"containerlease.dev:viewer:team"}}, session{User: "dave", Namespace: "dave", Namespaces: []string{"team"}}},
		"Admin":  {map[string]any{"sub": "root", "groups": []string{"containerlease.dev:admin"}}, session{User: "root", Namespace: "root", Admin: true}},
	} {
		t.Run(name, func(t *testing.T) {
			f.issuer.SignInAs(tc.claims)
			b := f.browser(t)
			if home := b.open(f.URL + "/signin/oidc"); home.StatusCode != http.StatusOK || home.Request.URL.Path != "/" {
				t.Fatalf("came back to %s: %d %s", home.Request.URL, home.StatusCode, home.Text)
			}
			var who session
			f.JSON(b.open(f.URL+"/api/session"), &who)
			if who.User != tc.want.User || who.Admin != tc.want.Admin || who.Namespace != tc.want.Namespace ||
				strings.Join(who.Namespaces, " ") != strings.Join(tc.want.Namespaces, " ") {
				t.Errorf("signed in as %+v, want %+v", who, tc.want)
			}
			if who.ExpiresAt == nil || time.Until(*who.ExpiresAt) > time.Hour {
				t.Errorf("the session outlives the ID token: %v", who.ExpiresAt)
			}
		})
	}
}

// TestOpenIDRefuses: whatever goes wrong, nobody is signed in, a person is told why, and the audit in one
// line.
func TestOpenIDRefuses(t *testing.T) {
	const patience = 300 * time.Millisecond
	f := startWithIssuer(t, func(c *openid.Config) { c.Patience = patience }, nil)
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	answer := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	someone := map[string]any{"sub": "alice"}
	for _, tc := range []struct {
		name    string
		user    map[string]any // nil declines
		tokens  http.HandlerFunc
		back    func(url.Values) // changes what the browser comes back with
		status  int
		says    string
		audited string // the cause
	}{
		{name: "Declined", status: 401, says: "Signing in was declined at Acme.", audited: "access_denied the user said no"},
		{name: "OtherError", user: someone, back: func(q url.Values) { q.Set("error", "invalid_scope") }, status: 401, says: "Acme could not sign you in.", audited: "invalid_scope"},
		{name: "WrongState", user: someone, back: func(q url.Values) { q.Set("state", "guess") }, status: 401, says: "took too long"},
		{name: "NoState", user: someone, back: func(q url.Values) { q.Del("state") }, status: 401, says: "took too long"},
		{name: "ErrorOfAnother", user: someone, back: func(q url.Values) { q.Set("state", "guess"); q.Set("error", "access_denied") }, status: 401, says: "took too long"},
		{name: "WrongCode", user: someone, back: func(q url.Values) { q.Set("code", "guess") }, status: 401, says: "opened twice", audited: "invalid_grant"},
		{name: "NoCode", user: someone, back: func(q url.Values) { q.Del("code") }, status: 401, says: "opened twice"},
		{name: "WrongNonce", user: map[string]any{"sub": "alice", "nonce": "of another"}, status: 401, says: "took too long", audited: "nonce"},
		{name: "NoNonce", user: map[string]any{"sub": "alice", "nonce": nil}, status: 401, says: "took too long", audited: "nonce"},
		{name: "WrongAudience", user: map[string]any{"sub": "alice", "aud": "elsewhere"}, status: 502, says: "can't be used", audited: "expected audience"},
		{name: "WrongIssuer", user: map[string]any{"sub": "alice", "iss": "https://other.example"}, status: 502, says: "can't be used", audited: "different provider"},
		{name: "Expired", user: map[string]any{"sub": "alice", "exp": 1}, status: 502, says: "can't be used", audited: "expired"},
		{name: "NotOurs", user: map[string]any{"sub": "system:admin"}, status: 401, says: "your account there has no access here"},
		{name: "TokensDown", user: someone, tokens: answer(503, "away"), status: 502, says: "Acme can't be reached", audited: "503"},
		{name: "TokensSlow", user: someone, tokens: func(http.ResponseWriter, *http.Request) { <-released }, status: 502, says: "Acme can't be reached", audited: "deadline exceeded"},
		{name: "TokensRefuse", user: someone, tokens: answer(401, `{"error":"invalid_client"}`), status: 502, says: "can't be used", audited: "invalid_client"},
		{name: "NoIDToken", user: someone, tokens: answer(200, `{"access_token":"x","token_type":"Bearer"}`), status: 502, says: "can't be used", audited: "no ID token"},
		{name: "NoTokens", user: someone, tokens: answer(200, `{}`), status: 502, says: "can't be used"},
		{name: "NoJSON", user: someone, tokens: answer(200, `<html>`), status: 502, says: "can't be used"},
		{name: "ForgedToken", user: someone, tokens: answer(200, `{"access_token":"x","token_type":"Bearer","id_token":"`+f.issuer.Forge(t, map[string]any{"sub": "root"})+`"}`), status: 502, says: "can't be used", audited: "signature"},
		{name: "TokenOfOurs", user: someone, tokens: answer(200, `{"access_token":"x","token_type":"Bearer","id_token":"`+f.People.Admin+`"}`), status: 502, says: "can't be used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.issuer.SignInAs(tc.user)
			f.issuer.InterceptTokens(tc.tokens)
			b := f.browser(t)
			back := must(url.Parse(b.openUntil(callback, f.URL+"/signin/oidc")))
			code := back.Query().Get("code")
			if tc.back != nil {
				query := back.Query()
				tc.back(query)
				back.RawQuery = query.Encode()
			}
			f.Log.Clear()
			got := b.open(back.String())
			if got.StatusCode != tc.status || !strings.Contains(got.Text, tc.says) || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") ||
				!strings.Contains(got.Text, `<a href="/signin/oidc">Sign in with Acme</a>`) {
				t.Errorf("got %d %s, want %d and %q", got.StatusCode, got.Text, tc.status, tc.says)
			}
			if who := b.user(f); who != "" {
				t.Errorf("signed in as %s", who)
			}
			var lines []map[string]any
			for _, line := range f.Log.Lines("audit") {
				if line["route"] == callback {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["detail"]), tc.audited) || lines[0]["status"] != float64(tc.status) {
				t.Errorf("audit lines: %v, want one with %q", lines, tc.audited)
			}
			if log := f.Log.String(); code != "" && strings.Contains(log, code) || strings.Contains(log, "eyJ") || strings.Contains(log, f.People.Admin) {
				t.Error("the log tells a code or a token")
			}
		})
	}
}

// TestOpenIDOnce: a way back is good once, in the browser that it began in, and for somebody
// else's wrong one it is not lost.
func TestOpenIDOnce(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	f.issuer.SignInAs(map[string]any{"sub": "alice"})
	b, other := f.browser(t), f.browser(t)
	back := b.openUntil(callback, f.URL+"/signin/oidc")
	if got := other.open(back); got.StatusCode != http.StatusUnauthorized || other.user(f) != "" {
		t.Errorf("in another browser: %d, signed in as %q", got.StatusCode, other.user(f))
	}
	other.openUntil(callback, f.URL+"/signin/oidc")
	if got := other.open(back); got.StatusCode != http.StatusUnauthorized || other.user(f) != "" {
		t.Errorf("in another browser on its own way: %d, signed in as %q", got.StatusCode, other.user(f))
	}
	if got := b.open(f.URL + callback + "?state=guess&error=access_denied"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a guess: %d", got.StatusCode)
	}
	held := b.http.Jar.Cookies(must(url.Parse(f.URL)))
	if got := b.open(back); got.StatusCode != http.StatusOK || b.user(f) != "alice" {
		t.Fatalf("after the guess: %d %s, signed in as %q", got.StatusCode, got.Text, b.user(f))
	}
	if got := b.open(back); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a second time: %d", got.StatusCode)
	}
	if got := b.user(f); got != "alice" {
		t.Errorf("the second time ended the session: %q", got)
	}
	replayed := f.browser(t)
	replayed.http.Jar.SetCookies(must(url.Parse(f.URL)), held)
	if got := replayed.open(back); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.Text, "opened twice") {
		t.Errorf("with the cookie kept: %d %s", got.StatusCode, got.Text)
	}
}

// TestOpenIDCookie of the way there: what it is like, and that it must be readable.
func TestOpenIDCookie(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	begun := f.Do("GET", "/signin/oidc", "", "")
	port := must(url.Parse(f.URL)).Port()
	if begun.StatusCode != http.StatusSeeOther || len(begun.Cookies()) != 1 || begun.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v", begun.StatusCode, begun.Header)
	}
	c := begun.Cookies()[0]
	if c.Name != "containerlease_signin_"+port || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure || c.MaxAge != 600 {
		t.Errorf("the cookie is %v", c)
	}
	query := must(url.Parse(begun.Header.Get("Location"))).Query()
	if query.Get("redirect_uri") != f.URL+callback || query.Get("scope") != "openid profile email" {
		t.Errorf("sent to %v", query)
	}
	for name, value := range map[string]string{"Garbage": "*", "NotJSON": "YQ", "Empty": "", "NoState": "e30"} {
		t.Run(name, func(t *testing.T) {
			got := f.Do("GET", callback+"?state=&code=x", "", "", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: value}) })
			if got.StatusCode != http.StatusUnauthorized {
				t.Errorf("got %d %s", got.StatusCode, got.Text)
			}
		})
	}
}

// TestOpenIDReturn: whatever is asked for, a browser ends on a page of ours.
func TestOpenIDReturn(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	f.issuer.SignInAs(map[string]any{"sub": "alice"})
	for name, tc := range map[string]struct{ asked, want string }{
		"Path":      {"/leases/x", "/leases/x"},
		"Query":     {"/leases?a=b&c=//d", "/leases?a=b&c=//d"},
		"None":      {"", "/"},
		"Elsewhere": {"https://evil.example/", "/"},
		"NoScheme":  {"//evil.example/", "/"},
		"Backslash": {`/\evil.example`, "/"},
		"Tab":       {"/\t/evil.example", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			b := f.browser(t)
			back := b.openUntil(callback, f.URL+"/signin/oidc?return="+url.QueryEscape(tc.asked))
			b.stop = "/"
			if got := b.open(back); got.Header.Get("Location") != tc.want {
				t.Errorf("got %d to %q, want %q", got.StatusCode, got.Header.Get("Location"), tc.want)
			}
		})
	}
	t.Run("OfTheCookie", func(t *testing.T) {
		b := f.browser(t)
		back := b.openUntil(callback, f.URL+"/signin/oidc")
		at := must(url.Parse(f.URL))
		for _, c := range b.http.Jar.Cookies(at) {
			text := string(must(base64.RawURLEncoding.DecodeString(c.Value)))
			c.Value = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(text, `"r":"/"`, `"r":"//evil.example"`, 1)))
			b.http.Jar.SetCookies(at, []*http.Cookie{c})
		}
		b.stop = "/"
		if got := b.open(back); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/" {
			t.Errorf("got %d to %q", got.StatusCode, got.Header.Get("Location"))
		}
	})
}

// TestOpenIDByExternalURL, through a proxy that ends TLS: cookies are for HTTPS and this host alone,
// and whoever comes by another name is sent to it first.
func TestOpenIDByExternalURL(t *testing.T) {
	f := startWithIssuer(t, nil, func(c *gateway.Config) { c.Door.ExternalURL = "https://leases.example" })
	f.issuer.SignInAs(map[string]any{"sub": "alice"})
	proxied := withHost("leases.example")
	hop := f.Do("GET", "/signin/oidc?return=/leases", "", "")
	if to := hop.Header.Get("Location"); hop.StatusCode != http.StatusSeeOther || len(hop.Cookies()) != 0 || to != "https://leases.example/signin/oidc?here=&return=%2Fleases" {
		t.Fatalf("by another name: %d to %q, %v", hop.StatusCode, hop.Header.Get("Location"), hop.Cookies())
	}
	begun := f.Do("GET", "/signin/oidc?here=&return=%2Fleases", "", "", proxied)
	if begun.StatusCode != http.StatusSeeOther || len(begun.Cookies()) != 1 {
		t.Fatalf("got %d %v", begun.StatusCode, begun.Header)
	}
	held := begun.Cookies()[0]
	if held.Name != "__Host-containerlease_signin" || !held.Secure || !held.HttpOnly || held.Path != "/" || held.Domain != "" || held.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", held)
	}
	back := must(url.Parse(f.browser(t).openUntil("leases.example", begun.Header.Get("Location"))))
	if back.Host != "leases.example" || back.Path != callback {
		t.Fatalf("sent back to %s", back)
	}
	home := f.Do("GET", back.RequestURI(), "", "", proxied, func(r *http.Request) { r.AddCookie(held) })
	if home.StatusCode != http.StatusSeeOther || home.Header.Get("Location") != "/leases" || len(home.Cookies()) != 2 {
		t.Fatalf("got %d %v %s", home.StatusCode, home.Header, home.Text)
	}
	for _, c := range home.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure {
			t.Errorf("the cookie is %v", c)
		}
	}
	// A proxy that changes the Host of requests: this is as far as the hop may lead.
	if got := f.Do("GET", "/signin/oidc?here=&return=%2F", "", ""); !strings.HasPrefix(got.Header.Get("Location"), f.issuer.URL) {
		t.Errorf("behind a proxy: sent to %q", got.Header.Get("Location"))
	}
}

// TestOpenIDLooksAhead: browsers that only look ahead, and HEAD, begin nothing and use nothing up.
func TestOpenIDLooksAhead(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	f.issuer.SignInAs(map[string]any{"sub": "alice"})
	b := f.browser(t)
	back := b.openUntil(callback, f.URL+"/signin/oidc")
	for _, target := range []string{"/signin/oidc", strings.TrimPrefix(back, f.URL)} {
		head := f.Do("HEAD", target, "", "")
		ahead := f.Do("GET", target, "", "", withHeader("Sec-Purpose", "prefetch;prerender"))
		for _, got := range []gatewaytest.Answer{head, ahead} {
			if got.StatusCode != http.StatusNoContent || len(got.Cookies()) != 0 {
				t.Errorf("%s %s: %d %v", got.Request.Method, target, got.StatusCode, got.Header)
			}
		}
	}
	if got := b.open(back); got.StatusCode != http.StatusOK || b.user(f) != "alice" {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
}

// TestOpenIDIssuerAway: it is asked when somebody wants to sign in, and again for the next.
func TestOpenIDIssuerAway(t *testing.T) {
	f := startWithIssuer(t, nil, nil)
	f.issuer.SignInAs(map[string]any{"sub": "alice"})
	f.issuer.SetAway(true)
	got := f.Do("GET", "/signin/oidc", "", "")
	if got.StatusCode != http.StatusBadGateway || !strings.Contains(html.UnescapeString(got.Text), "Acme can't be reached") || len(got.Cookies()) != 0 {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
	if !hasLine(f.Log.Lines("audit"), map[string]any{"route": "/signin/oidc", "status": 502.0}) {
		t.Errorf("audit lines: %v", f.Log.Lines("audit"))
	}
	f.issuer.SetAway(false)
	b := f.browser(t)
	if got := b.open(f.URL + "/signin/oidc"); got.StatusCode != http.StatusOK || b.user(f) != "alice" {
		t.Errorf("once it is back: %d %s", got.StatusCode, got.Text)
	}
}

// TestSignInOptions: what the page for signing in is told, which needs no credential.
func TestSignInOptions(t *testing.T) {
	with := startWithIssuer(t, nil, nil)
	none := gatewaytest.New(t, gatewaytest.Options{})
	for want, f := range map[string]*gatewaytest.Fixture{
		`{"oidc":{"name":"Acme","url":"/signin/oidc"}}`: with.Fixture, `{}`: none,
	} {
		got := f.Do("GET", "/api/signin", "", "")
		if got.StatusCode != http.StatusOK || strings.TrimSpace(got.Text) != want {
			t.Errorf("got %d %s, want %s", got.StatusCode, got.Text, want)
		}
		if err := openapitest.Check(got.Request, nil, got.Response, []byte(got.Text)); err != nil {
			t.Error(err)
		}
	}
	var told struct{ Session struct{ User string } }
	if got := none.Do("GET", "/api/signin", none.People.Owner, ""); json.Unmarshal([]byte(got.Text), &told) != nil || told.Session.User != gatewaytest.OwnerUser {
		t.Errorf("who is signed in is told %s", got.Text)
	}
	for _, target := range []string{"/signin/oidc", callback + "?state=x&code=y"} {
		if got := none.Do("GET", target, "", ""); got.StatusCode != http.StatusNotFound || !strings.Contains(got.Text, "--oidc-issuer-url") || strings.Contains(got.Text, "Sign in with") {
			t.Errorf("%s without an issuer: %d %s", target, got.StatusCode, got.Text)
		}
	}
	if with.issuer.Authorized() != 0 {
		t.Error("a browser was sent to the issuer")
	}
}
