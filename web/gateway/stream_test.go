package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// TestStreamsEndWithTheServer: http.Server.Shutdown knows nothing of them.
func TestStreamsEndWithTheServer(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	lease := f.Run(gatewaytest.OwnerUser, "demo")
	header := http.Header{"Authorization": {"Bearer " + f.People.Owner}}
	target := "/ws/logs/" + string(lease.UID)
	ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(f.URL, "http")+target, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	f.Engine.Write(string(lease.UID), "hello")
	if _, frame, err := ws.Read(t.Context()); err != nil || !strings.Contains(string(frame), "hello") {
		t.Fatalf("got %s, %v", frame, err)
	}
	closed := make(chan websocket.StatusCode, 1)
	go func() {
		for {
			if _, _, err := ws.Read(context.Background()); err != nil {
				closed <- websocket.CloseStatus(err)
				return
			}
		}
	}()

	stopping, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	if err := f.Gateway.EndStreams(stopping); err != nil {
		t.Fatal(err)
	}
	select {
	case status := <-closed:
		if status != websocket.StatusGoingAway {
			t.Errorf("closed with %d, want %d", status, websocket.StatusGoingAway)
		}
	case <-time.After(gatewaytest.Patience):
		t.Fatal("the client was not told")
	}
	if status := f.Dial(target, header); status != http.StatusServiceUnavailable {
		t.Errorf("a new one: %d", status)
	}
	if got := f.Do("GET", "/api/containers", f.People.Owner, ""); got.StatusCode != 200 {
		t.Errorf("requests meanwhile: %d", got.StatusCode)
	}
	if err := f.Gateway.EndStreams(stopping); err != nil {
		t.Errorf("a second time: %v", err)
	}
}
