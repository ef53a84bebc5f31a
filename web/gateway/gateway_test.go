package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/door"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// nobody knows no credential, and so lets nobody in.
type nobody struct{ caller.Identities }

func (nobody) Identify(context.Context, string) (caller.Identity, error) {
	return caller.Identity{}, caller.ErrUnauthenticated
}

// noAPI fails the test if the API is asked anything.
type noAPI struct{ t *testing.T }

func (n noAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("the API was asked %s %s", r.Method, r.URL)
	return nil, errors.New("there is no API")
}

// newGateway returns a gateway without anything behind it.
func newGateway(t *testing.T, log *gatewaytest.Log, change func(*gateway.Config)) *gateway.Gateway {
	t.Helper()
	config := gateway.Config{API: noAPI{t}, Door: door.Config{Identities: nobody{}}, Logger: log.Logger()}
	change(&config)
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// serve answers a request without a body, as from this machine.
func serve(g *gateway.Gateway, method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:4321"
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestPlainRoutes(t *testing.T) {
	var store error
	var log gatewaytest.Log
	handler := newGateway(t, &log, func(c *gateway.Config) {
		c.Ready = []healthz.HealthChecker{healthz.NamedCheck("store", func(*http.Request) error { return store })}
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	})
	for _, tc := range []struct {
		name, method, target, requestID, remote string
		store                                   error
		status                                  int
		contains                                string
	}{
		{name: "Healthy", target: "/healthz", status: 200, contains: "ok"},
		{name: "HealthyWithoutStore", target: "/healthz", store: errors.New("away"), status: 200, contains: "ok"},
		{name: "Ready", target: "/readyz?verbose", status: 200, contains: "[+]store ok"},
		{name: "NotReady", target: "/readyz", store: errors.New("away"), status: 500, contains: "[-]store failed"},
		{name: "OneCheck", target: "/readyz/store", status: 200, contains: "ok"},
		{name: "Metrics", target: "/metrics", status: 200, contains: "up 1"},
		{name: "MetricsFromElsewhere", target: "/metrics", remote: "192.0.2.7:1234", status: 401, contains: "unauthenticated"},
		{name: "Home", target: "/", status: 200, contains: "Nobody is signed in"},
		{name: "UnknownPath", target: "/nothing", status: 404, contains: "not-found"},
		{name: "UnknownPathOfAPI", target: "/api/nothing", status: 404, contains: "not-found"},
		{name: "WrongMethod", method: "POST", target: "/metrics", status: 405, contains: "method-not-allowed"},
		{name: "MadeUpMethod", method: "FROBNICATE", target: "/metrics", status: 405, contains: "method-not-allowed"},
		{name: "KeepsRequestID", target: "/healthz", requestID: "req-1.2", status: 200},
		{name: "ReplacesRequestID", target: "/healthz", requestID: "a\"b c", status: 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store = tc.store
			log.Clear()
			r := httptest.NewRequest("GET", tc.target, nil)
			r.Host, r.RemoteAddr = "localhost", "127.0.0.1:4321"
			if tc.method != "" {
				r.Method = tc.method
			}
			if tc.remote != "" {
				r.RemoteAddr = tc.remote
			}
			r.Header.Set("X-Request-ID", tc.requestID)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)

			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.contains) {
				t.Errorf("got %d %q, want %d with %q", w.Code, w.Body, tc.status, tc.contains)
			}
			if tc.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET" {
				t.Errorf("Allow is %q", w.Header().Get("Allow"))
			}
			id := w.Header().Get("X-Request-ID")
			if requestid.Sane(tc.requestID) != (id == tc.requestID) || id == "" {
				t.Errorf("request ID %q became %q", tc.requestID, id)
			}
			lines := log.Lines("request")
			if len(lines) != 1 || lines[0]["requestID"] != id || lines[0]["status"] != float64(tc.status) {
				t.Errorf("access log %v, want one line with request ID %s and status %d", lines, id, tc.status)
			}
			if probe := tc.status == 200 && tc.name != "Home"; probe != (lines[0]["level"] == "DEBUG") {
				t.Errorf("the level is %v", lines[0]["level"])
			}
		})
	}
}

// TestPanic: one line in the log, nothing of the inside in the answer, and no second answer
// behind the half of a first.
func TestPanic(t *testing.T) {
	var log gatewaytest.Log
	server := httptest.NewServer(newGateway(t, &log, func(c *gateway.Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("late") {
				_, _ = io.WriteString(w, "begin")
				w.(http.Flusher).Flush()
			}
			panic("secret of the inside")
		})
	}))
	defer server.Close()

	response, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	id := response.Header.Get("X-Request-ID")
	if response.StatusCode != 500 || strings.Contains(string(body), "secret") || !strings.Contains(string(body), id) {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
	lines := log.Lines("request failed")
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["requestID"] != id || lines[0]["error"] != "panic: secret of the inside" {
		t.Fatalf("logged %v", lines)
	}
	if stack, _ := lines[0]["stack"].(string); !strings.Contains(stack, "TestPanic") {
		t.Errorf("the stack does not say where it was: %s", stack)
	}

	log.Clear()
	response, err = http.Get(server.URL + "/metrics?late")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || string(body) != "begin" {
		t.Errorf("a broken answer ended as %q, %v; want the begin of it and an error", body, err)
	}
	if lines := log.Lines("request failed"); len(lines) != 1 {
		t.Errorf("logged %v", lines)
	}
	if lines := log.Lines("request"); len(lines) != 1 || lines[0]["status"] != float64(200) {
		t.Errorf("access log %v", lines)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*gateway.Config)
		want   string
	}{
		"NoAPI":         {func(c *gateway.Config) { c.API = nil }, "API"},
		"NoIdentities":  {func(c *gateway.Config) { c.Door.Identities = nil }, "Identities"},
		"ExternalURL":   {func(c *gateway.Config) { c.Door.ExternalURL = "leases.example" }, "external-url"},
		"AllowedHost":   {func(c *gateway.Config) { c.Door.AllowedHosts = []string{"a b"} }, "allowed-hosts"},
		"AllowedOrigin": {func(c *gateway.Config) { c.Door.AllowedOrigins = []string{"*"} }, "allowed-origins"},
	} {
		t.Run(name, func(t *testing.T) {
			config := gateway.Config{API: noAPI{t}, Door: door.Config{Identities: nobody{}}}
			tc.change(&config)
			if _, err := gateway.New(config); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error about %s", err, tc.want)
			}
		})
	}
}
