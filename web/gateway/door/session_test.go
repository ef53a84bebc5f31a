package door_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// session is the Session of the API's document.
type session struct {
	User       string
	Admin      bool
	Namespace  string
	Namespaces []string
	ExpiresAt  *time.Time
}

// withCookie makes a request of a browser that holds a session.
func withCookie(credential string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName(r.URL.Port()), Value: credential}) }
}

// cookieName is the cookie's on a port of plain HTTP.
func cookieName(port string) string { return "containerlease_session_" + port }

// TestSessionOfPort: browsers send the cookies of all ports of a host to each.
func TestSessionOfPort(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	bring := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
	}
	others := bring(cookieName("9999"), f.Session(f.People.Other))
	for host, want := range map[string]string{
		"localhost:8080": cookieName("8080"),
		"[::1]:8080":     cookieName("8080"),
		"localhost:80":   "containerlease_session",
		"localhost":      "containerlease_session",
	} {
		at := func(r *http.Request) { r.Host = host }
		signedIn := f.Do("POST", "/api/session", f.People.Owner, "", at)
		if len(signedIn.Cookies()) != 1 || signedIn.Cookies()[0].Name != want {
			t.Errorf("%s: %d, cookies %v, want %s", host, signedIn.StatusCode, signedIn.Cookies(), want)
			continue
		}
		var who session
		f.JSON(f.Do("GET", "/api/session", "", "", at, others, bring(want, signedIn.Cookies()[0].Value)), &who)
		if who.User != gatewaytest.OwnerUser {
			t.Errorf("%s: known as %q", host, who.User)
		}
		if got := f.Do("GET", "/api/session", "", "", at, others); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the cookie of another port: %d", host, got.StatusCode)
		}
	}
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// TestSession is the life of a session: signing in, being known by the cookie, signing out.
func TestSession(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	signedIn := f.Do("POST", "/api/session", "", `{"token":"`+f.People.Owner+`"}`)
	if signedIn.StatusCode != http.StatusCreated {
		t.Fatalf("signing in: %d %s", signedIn.StatusCode, signedIn.Text)
	}
	var who session
	f.JSON(signedIn, &who)
	if who.User != "alice" || who.Admin || who.Namespace != "alice" || len(who.Namespaces) != 1 || who.ExpiresAt == nil {
		t.Errorf("signed in as %+v", who)
	}
	cookies := signedIn.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies: %v", cookies)
	}
	c := cookies[0]
	if c.Name != cookieName(signedIn.Request.URL.Port()) || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.Domain != "" ||
		c.MaxAge < 60 || c.MaxAge > 12*60*60 {
		t.Errorf("the cookie is %v", signedIn.Header.Get("Set-Cookie"))
	}
	if strings.Contains(signedIn.Text, c.Value) {
		t.Error("the body tells the session's credential, which scripts must not see")
	}

	if got := f.Do("GET", "/api/session", "", "", withCookie(c.Value)); got.StatusCode != 200 || got.Text != signedIn.Text {
		t.Errorf("by cookie: %d %s, want %s", got.StatusCode, got.Text, signedIn.Text)
	}
	out := f.Do("DELETE", "/api/session", "", "", withCookie(c.Value))
	if out.StatusCode != 200 || strings.TrimSpace(out.Text) != `{"success":true}` || len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("signing out: %d %s %v", out.StatusCode, out.Text, out.Header)
	}
	after := f.Do("GET", "/api/session", "", "", withCookie(c.Value))
	if after.StatusCode != http.StatusUnauthorized || len(after.Cookies()) != 1 || after.Cookies()[0].MaxAge >= 0 {
		t.Errorf("after that: %d %v, want 401 and the cookie taken back", after.StatusCode, after.Header)
	}
	if got := f.Do("GET", "/api/session", f.People.Owner, ""); got.StatusCode != 200 {
		t.Errorf("the token has ended with its session: %d", got.StatusCode)
	}
	for verb, principal := range map[string]string{"signin": "alice", "signout": "alice"} {
		if !hasLine(f.Log.Lines("audit"), map[string]any{"verb": verb, "principal": principal, "sourceIPs": "127.0.0.1"}) {
			t.Errorf("no audit line of the %s: %v", verb, f.Log.Lines("audit"))
		}
	}
}

// hasLine says whether one of the lines has these attributes.
func hasLine(lines []map[string]any, want map[string]any) bool {
	for _, line := range lines {
		same := true
		for name, value := range want {
			same = same && line[name] == value
		}
		if same {
			return true
		}
	}
	return false
}

// TestSessionOverHTTPS, which a proxy in front ends.
func TestSessionOverHTTPS(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) { c.Door.ExternalURL = "https://leases.example" }})
	proxied := func(r *http.Request) { r.Host = "leases.example" }
	signedIn := f.Do("POST", "/api/session", f.People.Owner, "", proxied)
	if signedIn.StatusCode != http.StatusCreated || len(signedIn.Cookies()) != 1 {
		t.Fatalf("signing in: %d %s", signedIn.StatusCode, signedIn.Text)
	}
	c := signedIn.Cookies()[0]
	if c.Name != "__Host-containerlease_session" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("the cookie is %v", signedIn.Header.Get("Set-Cookie"))
	}
	if signedIn.Header.Get("Strict-Transport-Security") == "" {
		t.Error("HSTS is missing")
	}
	bring := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: c.Value}) }
	}
	if got := f.Do("GET", "/api/session", "", "", proxied, bring(c.Name)); got.StatusCode != 200 {
		t.Errorf("by cookie: %d", got.StatusCode)
	}
	if got := f.Do("GET", "/api/session", "", "", proxied, bring("containerlease_session")); got.StatusCode != 401 {
		t.Errorf("a plain cookie is believed on HTTPS: %d", got.StatusCode)
	}
}

func TestCredentials(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	alice, bob := f.Session(f.People.Owner), f.Session(f.People.Other)
	link := f.Link("alice", time.Minute)
	for _, tc := range []struct {
		name, target string
		change       []func(*http.Request)
		user         string // "" for 401
	}{
		{name: "Header", change: []func(*http.Request){withHeader("Authorization", "Bearer "+f.People.Owner)}, user: "alice"},
		{name: "HeaderLowerCase", change: []func(*http.Request){withHeader("Authorization", "bearer   "+f.People.Owner)}, user: "alice"},
		{name: "SessionInHeader", change: []func(*http.Request){withHeader("Authorization", "Bearer "+alice)}, user: "alice"},
		{name: "Cookie", change: []func(*http.Request){withCookie(alice)}, user: "alice"},
		{name: "HeaderWins", change: []func(*http.Request){withCookie(bob), withHeader("Authorization", "Bearer "+f.People.Owner)}, user: "alice"},
		{name: "WrongHeaderWins", change: []func(*http.Request){withCookie(bob), withHeader("Authorization", "Bearer guess")}},
		{name: "EmptyHeaderWins", change: []func(*http.Request){withCookie(bob), withHeader("Authorization", "Bearer ")}},
		{name: "SchemeOfAProxy", change: []func(*http.Request){withCookie(bob), withHeader("Authorization", "Basic dTpw")}, user: "bob"},
		{name: "Nothing"},
		{name: "Expired", change: []func(*http.Request){withHeader("Authorization", "Bearer "+f.People.Expired)}},
		{name: "Revoked", change: []func(*http.Request){withHeader("Authorization", "Bearer "+f.People.Revoked)}},
		{name: "RevokedInCookie", change: []func(*http.Request){withCookie(f.People.Revoked)}},
		{name: "Link", change: []func(*http.Request){withHeader("Authorization", "Bearer "+link)}},
		{name: "TokenInURL", target: "?token=" + f.People.Owner},
		{name: "AccessTokenInURL", target: "?access_token=" + f.People.Owner},
		{name: "TicketElsewhere", target: "?ticket=" + f.People.Owner},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := f.Do("GET", "/api/session"+tc.target, "", "", tc.change...)
			if tc.user == "" {
				if got.StatusCode != 401 || !strings.Contains(got.Header.Get("WWW-Authenticate"), "Bearer") || got.Header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("got %d %v %s", got.StatusCode, got.Header, got.Text)
				}
				return
			}
			var who session
			if f.JSON(got, &who); who.User != tc.user {
				t.Errorf("got %d %s, want %s", got.StatusCode, got.Text, tc.user)
			}
		})
	}
}

func TestSignInRefuses(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	for _, tc := range []struct {
		name, body, contentType string
		status                  int
		want                    string
	}{
		{"WrongToken", `{"token":"guess"}`, "application/json", 401, "unauthenticated"},
		{"Revoked", `{"token":"` + f.People.Revoked + `"}`, "application/json", 401, "unauthenticated"},
		{"Session", `{"token":"` + f.Session(f.People.Owner) + `"}`, "application/json", 401, "unauthenticated"},
		{"NoToken", `{}`, "application/json", 422, `"field":"token"`},
		{"UnknownField", `{"token":"x","user":"root"}`, "application/json", 400, `user`},
		{"WrongType", `{"token":7}`, "application/json", 400, "token"},
		{"Trailing", `{"token":"x"} {}`, "application/json", 400, "follows"},
		{"NoJSON", `token=x`, "application/json", 400, "bad-request"},
		{"Form", `token=x`, "application/x-www-form-urlencoded", 415, "application/json"},
		{"NoBody", ``, "", 401, "unauthenticated"},
		{"TooLarge", `{"token":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json; charset=utf-8", 413, "too-large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := f.Do("POST", "/api/session", "", tc.body, withHeader("Content-Type", tc.contentType))
			if got.StatusCode != tc.status || !strings.Contains(got.Text, tc.want) || len(got.Cookies()) != 0 {
				t.Errorf("got %d %s, want %d with %s", got.StatusCode, got.Text, tc.status, tc.want)
			}
		})
	}
}

// TestSignInLink: opening it signs a browser in, once.
func TestSignInLink(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	open := func(method, token string, change ...func(*http.Request)) gatewaytest.Answer {
		return f.Do(method, "/signin?token="+url.QueryEscape(token), "", "", change...)
	}
	link := f.Link("alice", time.Minute, "containerlease.dev:editor")
	for name, change := range map[string]func(*http.Request){
		"SecPurpose": withHeader("Sec-Purpose", "prefetch;prerender"), "Purpose": withHeader("Purpose", "prefetch"), "XMoz": withHeader("X-Moz", "prefetch"),
	} {
		if got := open("GET", link, change); got.StatusCode != http.StatusNoContent || len(got.Cookies()) != 0 {
			t.Errorf("%s: got %d %v", name, got.StatusCode, got.Cookies())
		}
	}
	if got := open("HEAD", link); got.StatusCode != http.StatusNoContent || len(got.Cookies()) != 0 {
		t.Errorf("HEAD: got %d %v", got.StatusCode, got.Cookies())
	}
	first := open("GET", link)
	if first.StatusCode != http.StatusSeeOther || first.Header.Get("Location") != "/" || len(first.Cookies()) != 1 ||
		first.Header.Get("Cache-Control") != "no-store" || first.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("got %d %v", first.StatusCode, first.Header)
	}
	home := f.Do("GET", "/", "", "", func(r *http.Request) { r.AddCookie(first.Cookies()[0]) })
	if home.StatusCode != 200 || !strings.Contains(home.Text, "<strong>alice</strong>") {
		t.Errorf("home: %d %s", home.StatusCode, home.Text)
	}

	for name, token := range map[string]string{
		"Used": link, "Unknown": "guess", "Missing": "", "Token": f.People.Owner, "Session": first.Cookies()[0].Value,
		"Script": "<script>alert(1)</script>",
	} {
		got := open("GET", token)
		if got.StatusCode != 401 || !strings.Contains(got.Text, "containerlease token link --data-dir") || len(got.Cookies()) != 0 ||
			!strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || strings.Contains(got.Text, "<script") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.Text)
		}
	}
	if log := f.Log.String(); strings.Contains(log, link) || strings.Contains(log, f.People.Owner) {
		t.Error("the log tells a token")
	}
}

// TestSignInLinkExpires by the server's own clock.
func TestSignInLinkExpires(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Now())
	f := gatewaytest.New(t, gatewaytest.Options{Clock: clk})
	link := f.Link("alice", time.Minute)
	clk.Step(time.Minute)
	if got := f.Do("GET", "/signin?token="+link, "", ""); got.StatusCode != 401 {
		t.Errorf("got %d", got.StatusCode)
	}
}

// TestBrowser walks as a browser does, with a jar for its cookies.
func TestBrowser(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: gatewaytest.Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := browser.Get(f.URL + "/signin?token=" + f.Link("alice", time.Minute, "containerlease.dev:editor"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 || response.Request.URL.Path != "/" {
		t.Errorf("the link leads to %s: %d", response.Request.URL, response.StatusCode)
	}
	if response, err = browser.Get(f.URL + "/api/containers"); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
}
