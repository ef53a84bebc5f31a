package door_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

const friend, stranger = "https://dashboard.example", "https://evil.example"

func withFriend(c *gateway.Config) { c.Door.AllowedOrigins = []string{friend} }

func withHost(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }

// TestRebinding: a page whose name its owner points at our address gets nothing, whoever is
// signed in, not even that we are there.
func TestRebinding(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) { c.Door.AllowedHosts = []string{"leases.example"} }})
	for _, target := range []string{"/", "/healthz", "/metrics", "/api/containers", "/api/openapi.yaml", "/ws/logs/x", "/nothing", "/signin?token=x"} {
		got := f.Do("GET", target, f.People.Admin, "", withHost("evil.example:8080"))
		if got.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(got.Text, "--allowed-hosts") || !strings.Contains(got.Text, "evil.example:8080") {
			t.Errorf("%s: got %d %s", target, got.StatusCode, got.Text)
		}
	}
	if lines := f.Log.Lines("audit"); !hasLine(lines, map[string]any{"status": 421.0, "verb": "get", "sourceIPs": "127.0.0.1"}) {
		t.Errorf("audit lines: %v", lines)
	}
	if got := f.Do("GET", "/api/containers", f.People.Admin, "", withHost("leases.example")); got.StatusCode != 200 {
		t.Errorf("an allowed host: %d %s", got.StatusCode, got.Text)
	}
}

// TestForgery: what a page of another origin makes a browser send changes nothing.
func TestForgery(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: withFriend})
	cookie := withCookie(f.Session(f.People.Owner))
	for _, tc := range []struct {
		name   string
		change []func(*http.Request)
		status int
	}{
		{"NoBrowser", nil, 201},
		{"OwnPage", []func(*http.Request){withHeader("Sec-Fetch-Site", "same-origin"), withHeader("Origin", f.URL)}, 201},
		{"OwnPageOfAnOldBrowser", []func(*http.Request){withHeader("Origin", f.URL)}, 201},
		{"AddressBar", []func(*http.Request){withHeader("Sec-Fetch-Site", "none")}, 201},
		{"Friend", []func(*http.Request){withHeader("Sec-Fetch-Site", "cross-site"), withHeader("Origin", friend)}, 201},
		{"CrossSite", []func(*http.Request){withHeader("Sec-Fetch-Site", "cross-site"), withHeader("Origin", stranger)}, 403},
		{"SameSite", []func(*http.Request){withHeader("Sec-Fetch-Site", "same-site"), withHeader("Origin", "http://127.0.0.1:1")}, 403},
		{"OldBrowser", []func(*http.Request){withHeader("Origin", stranger)}, 403},
		{"NullOrigin", []func(*http.Request){withHeader("Origin", "null")}, 403},
		{"NoOrigin", []func(*http.Request){withHeader("Sec-Fetch-Site", "cross-site")}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := f.Do("POST", "/api/tickets", "", "", append(tc.change, cookie)...)
			if got.StatusCode != tc.status {
				t.Errorf("got %d %s, want %d", got.StatusCode, got.Text, tc.status)
			}
			if tc.status == 403 && (got.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(got.Text, "--allowed-origins")) {
				t.Errorf("got %v %s", got.Header, got.Text)
			}
		})
	}
}

// TestCORS: closed by default; by configuration, pages of an origin may read, with a token of
// their own and never with our cookie.
func TestCORS(t *testing.T) {
	open := gatewaytest.New(t, gatewaytest.Options{Gateway: withFriend})
	preflight := []func(*http.Request){
		withHeader("Access-Control-Request-Method", "PATCH"), withHeader("Access-Control-Request-Headers", "authorization,content-type,idempotency-key,x-request-id"),
	}
	ask := func(f *gatewaytest.Fixture, origin string) gatewaytest.Answer {
		return f.Do("OPTIONS", "/api/containers/x", "", "", append(preflight, withHeader("Origin", origin))...)
	}
	allowed := ask(open, friend)
	h := allowed.Header
	if allowed.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != friend || h.Get("Access-Control-Allow-Methods") != "PATCH" ||
		h.Get("Access-Control-Allow-Headers") != "authorization,content-type,idempotency-key,x-request-id" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", allowed.StatusCode, h)
	}
	if got := ask(open, stranger).Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("a stranger may read as %q", got)
	}
	got := open.Do("GET", "/api/containers", open.People.Owner, "", withHeader("Origin", friend))
	if got.StatusCode != 200 || got.Header.Get("Access-Control-Allow-Origin") != friend || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("a friend's read: %d %v", got.StatusCode, got.Header)
	}
	for _, name := range []string{"X-Request-ID", "Retry-After", "Location", "Idempotency-Replayed"} {
		if exposed := got.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(strings.ToLower(exposed), strings.ToLower(name)) {
			t.Errorf("%s is not exposed: %s", name, exposed)
		}
	}
	if got := open.Do("GET", "/api/containers", "", "", withHeader("Origin", friend)); got.StatusCode != 401 || got.Header.Get("Access-Control-Allow-Origin") != friend {
		t.Errorf("a friend can't read a refusal: %d %v", got.StatusCode, got.Header)
	}

	closed := gatewaytest.New(t, gatewaytest.Options{})
	if got := ask(closed, friend); got.Header.Get("Access-Control-Allow-Origin") != "" || got.StatusCode != 405 {
		t.Errorf("without configuration: %d %v", got.StatusCode, got.Header)
	}
}

// TestStreams: who may open a WebSocket, by origin and credential.
func TestStreams(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Now())
	f := gatewaytest.New(t, gatewaytest.Options{Clock: clk, Gateway: withFriend})
	lease := f.Run(gatewaytest.OwnerUser, "demo")
	cookie := cookieName(f.URL[strings.LastIndexByte(f.URL, ':')+1:]) + "=" + f.Session(f.People.Owner)
	ticket := func() string {
		t.Helper()
		var answer struct{ Ticket string }
		f.JSON(f.Do("POST", "/api/tickets", f.People.Owner, ""), &answer)
		return answer.Ticket
	}
	used := ticket()
	late := ticket()
	target := "/ws/logs/" + string(lease.UID)
	if status := f.Dial(target+"?ticket="+used, nil); status != 101 {
		t.Fatalf("the first use of a ticket: %d", status)
	}
	clk.Step(30 * time.Second)

	for _, tc := range []struct {
		name, query, origin, bearer, cookie string
		status                              int
	}{
		{name: "Bearer", bearer: f.People.Owner, status: 101},
		{name: "BearerOwnOrigin", bearer: f.People.Owner, origin: f.URL, status: 101},
		{name: "BearerFriend", bearer: f.People.Owner, origin: friend, status: 101},
		{name: "BearerStranger", bearer: f.People.Owner, origin: stranger, status: 403},
		{name: "CookieOwnOrigin", cookie: cookie, origin: f.URL, status: 101},
		{name: "CookieFriend", cookie: cookie, origin: friend, status: 101},
		{name: "CookieStranger", cookie: cookie, origin: stranger, status: 403},
		{name: "CookieOtherPort", cookie: cookie, origin: "http://127.0.0.1:1", status: 403},
		{name: "CookieOtherScheme", cookie: cookie, origin: strings.Replace(f.URL, "http", "https", 1), status: 403},
		{name: "CookieNullOrigin", cookie: cookie, origin: "null", status: 403},
		{name: "CookieNoOrigin", cookie: cookie, status: 403},
		{name: "Ticket", query: "?ticket=" + ticket(), status: 101},
		{name: "TicketFriend", query: "?ticket=" + ticket(), origin: friend, status: 101},
		{name: "TicketStranger", query: "?ticket=" + ticket(), origin: stranger, status: 403},
		{name: "TicketUsed", query: "?ticket=" + used, origin: f.URL, status: 401},
		{name: "TicketTooLate", query: "?ticket=" + late, origin: f.URL, status: 401},
		{name: "TicketMadeUp", query: "?ticket=guess", origin: f.URL, status: 401},
		{name: "TicketWinsOverCookie", query: "?ticket=guess", cookie: cookie, origin: f.URL, status: 401},
		{name: "TokenAsTicket", query: "?ticket=" + f.People.Owner, status: 401},
		{name: "TokenInURL", query: "?token=" + f.People.Owner, status: 401},
		{name: "Anonymous", status: 401},
		{name: "AnonymousStranger", origin: stranger, status: 403},
		{name: "Revoked", bearer: f.People.Revoked, status: 401},
		{name: "Expired", bearer: f.People.Expired, status: 401},
		{name: "OtherTenant", bearer: f.People.Other, status: 404},
		{name: "Viewer", bearer: f.People.Viewer, status: 101},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := http.Header{}
			for name, value := range map[string]string{"Origin": tc.origin, "Cookie": tc.cookie} {
				if value != "" {
					header.Set(name, value)
				}
			}
			if tc.bearer != "" {
				header.Set("Authorization", "Bearer "+tc.bearer)
			}
			if got := f.Dial(target+tc.query, header); got != tc.status {
				t.Errorf("got %d, want %d", got, tc.status)
			}
		})
	}
	if log := f.Log.String(); strings.Contains(log, used) || strings.Contains(log, late) || strings.Contains(log, f.People.Owner) {
		t.Error("the log tells a ticket or a token")
	}
	f.Await("the log of a stream's end", func() bool {
		return hasLine(f.Log.Lines("request"), map[string]any{"status": 101.0, "principal": "alice", "route": "/ws/logs/{id}"})
	})
}

// TestTicketIsBoundToItsCredential: it is worth no more than what it stands for.
func TestTicketIsBoundToItsCredential(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	lease := f.Run(gatewaytest.OwnerUser, "demo")
	token := f.Token("alice", time.Hour, "containerlease.dev:editor")
	var answer struct {
		Ticket    string
		ExpiresAt time.Time
	}
	f.JSON(f.Do("POST", "/api/tickets", token, ""), &answer)
	if left := time.Until(answer.ExpiresAt); left > 30*time.Second || left < 0 {
		t.Errorf("the ticket is good for %s", left)
	}
	f.Revoke(token)
	if status := f.Dial("/ws/logs/"+string(lease.UID)+"?ticket="+answer.Ticket, nil); status != 401 {
		t.Errorf("after its token was revoked: %d", status)
	}
}

// TestHeaders: browsers are told to be strict, whatever is answered.
func TestHeaders(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	for _, tc := range []struct{ target, credential, cache string }{
		{"/", "", "no-store"},
		{"/healthz", "", ""},
		{"/api/containers", f.People.Owner, "no-store"},
		{"/api/containers", "", "no-store"},
		{"/nothing", "", "no-store"},
	} {
		h := f.Do("GET", tc.target, tc.credential, "").Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security": "", "Server": "", "Access-Control-Allow-Origin": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", tc.target, name, got, want)
			}
		}
		for _, part := range []string{"default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, part) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: Content-Security-Policy is %q", tc.target, csp)
			}
		}
		if h.Get("Permissions-Policy") == "" || h.Get("X-Request-ID") == "" {
			t.Errorf("%s: %v", tc.target, h)
		}
		if got := h.Get("Cache-Control"); got != tc.cache && tc.cache != "" {
			t.Errorf("%s: Cache-Control is %q", tc.target, got)
		}
	}
}
