package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/containerlease/containerlease/web/gateway/requestid"
)

func TestGateway(t *testing.T) {
	var store error
	var logs bytes.Buffer
	handler := New(Config{
		Logger: slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: []healthz.HealthChecker{
			healthz.NamedCheck("store", func(*http.Request) error { return store }),
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("panic") {
				panic("secret of the inside")
			}
			_, _ = io.WriteString(w, "up 1\n")
		}),
	})

	for _, tc := range []struct {
		name, method, target, requestID string
		store                           error
		status                          int
		contains, lacks                 string
	}{
		{name: "Healthy", method: "GET", target: "/healthz", status: 200, contains: "ok"},
		{name: "HealthyWithoutStore", method: "GET", target: "/healthz", store: errors.New("away"), status: 200, contains: "ok"},
		{name: "Ready", method: "GET", target: "/readyz?verbose", status: 200, contains: "[+]store ok"},
		{name: "NotReady", method: "GET", target: "/readyz", store: errors.New("away"), status: 500, contains: "[-]store failed"},
		{name: "OneCheck", method: "GET", target: "/readyz/store", status: 200, contains: "ok"},
		{name: "Metrics", method: "GET", target: "/metrics", status: 200, contains: "up 1"},
		{name: "Panic", method: "GET", target: "/metrics?panic", status: 500, contains: "request ID", lacks: "secret"},
		{name: "UnknownPath", method: "GET", target: "/nothing", status: 404, contains: "/healthz"},
		{name: "WrongMethod", method: "POST", target: "/metrics", status: 405},
		{name: "KeepsRequestID", method: "GET", target: "/healthz", requestID: "req-1.2", status: 200},
		{name: "ReplacesRequestID", method: "GET", target: "/healthz", requestID: "a\"b c", status: 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store = tc.store
			logs.Reset()
			r := httptest.NewRequest(tc.method, tc.target, nil)
			r.Header.Set("X-Request-ID", tc.requestID)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)

			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.contains) {
				t.Errorf("got %d %q, want %d with %q", w.Code, w.Body, tc.status, tc.contains)
			}
			if tc.lacks != "" && strings.Contains(w.Body.String(), tc.lacks) {
				t.Errorf("the response tells %q", tc.lacks)
			}
			id := w.Header().Get("X-Request-ID")
			if requestid.Sane(tc.requestID) != (id == tc.requestID) || id == "" {
				t.Errorf("request ID %q became %q", tc.requestID, id)
			}
			var access map[string]any
			for line := range strings.Lines(logs.String()) {
				var entry map[string]any
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatalf("log line %q: %v", line, err)
				}
				if entry["msg"] == "request" {
					access = entry
				}
			}
			if access["requestID"] != id || access["status"] != float64(tc.status) {
				t.Errorf("access log %v, want request ID %s and status %d", access, id, tc.status)
			}
		})
	}
}
