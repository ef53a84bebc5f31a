package door_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// TestTooManyStreams: each user has places of their own, and gets one back when a stream ends.
func TestTooManyStreams(t *testing.T) {
	const most = 2
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) { c.Door.StreamsPerUser = most }})
	target := "/ws/logs/" + string(f.Run(gatewaytest.OwnerUser, "demo").UID)
	open := func(token string) (*websocket.Conn, *http.Response) {
		t.Helper()
		ws, response, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(f.URL, "http")+target, &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
		})
		if response == nil {
			t.Fatal(err)
		}
		if err == nil {
			t.Cleanup(func() { _ = ws.CloseNow() })
		}
		return ws, response
	}
	var last *websocket.Conn
	for range most {
		ws, response := open(f.People.Owner)
		if response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("below the limit: %d", response.StatusCode)
		}
		last = ws
	}
	_, refused := open(f.People.Owner)
	if refused.StatusCode != http.StatusTooManyRequests || refused.Header.Get("Retry-After") == "" ||
		refused.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("above the limit: %d %v", refused.StatusCode, refused.Header)
	}
	if !hasLine(f.Log.Lines("audit"), map[string]any{"status": 429.0, "principal": gatewaytest.OwnerUser, "route": "/ws/logs/{id}"}) {
		t.Errorf("audit lines: %v", f.Log.Lines("audit"))
	}
	if _, other := open(f.People.Viewer); other.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("somebody else: %d", other.StatusCode)
	}
	if got := f.Do("GET", "/api/containers", f.People.Owner, ""); got.StatusCode != http.StatusOK {
		t.Errorf("other requests meanwhile: %d", got.StatusCode)
	}
	_ = last.CloseNow()
	f.Await("the place of a stream that ended", func() bool {
		_, response := open(f.People.Owner)
		return response.StatusCode == http.StatusSwitchingProtocols
	})
}
