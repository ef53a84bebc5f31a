package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// watched is a watch by the WebSocket below /ws/apis/.
type watched struct {
	*testing.T
	ws    *websocket.Conn
	lines []string
}

func watchLeases(t *testing.T, f *gatewaytest.Fixture, credential, query string) *watched {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + credential}}
	target := "ws" + strings.TrimPrefix(f.URL, "http") + "/ws" + leasesOfAlice + "?watch=true" + query
	ws, _, err := websocket.Dial(t.Context(), target, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(-1)
	return &watched{T: t, ws: ws}
}

// next returns the next event's type and object.
func (w *watched) next() (string, v1alpha1.ContainerLease, error) {
	w.Helper()
	if len(w.lines) == 0 {
		ctx, cancel := context.WithTimeout(w.Context(), gatewaytest.Patience)
		defer cancel()
		_, message, err := w.ws.Read(ctx)
		if err != nil {
			return "", v1alpha1.ContainerLease{}, err
		}
		text, whole := strings.CutSuffix(string(message), "\n")
		if !whole {
			w.Fatalf("a message that does not end with a line: %s", message)
		}
		w.lines = strings.Split(text, "\n")
	}
	var event struct {
		Type   string
		Object v1alpha1.ContainerLease
	}
	if err := json.Unmarshal([]byte(w.lines[0]), &event); err != nil {
		w.Fatalf("%v: %s", err, w.lines[0])
	}
	w.lines = w.lines[1:]
	return event.Type, event.Object, nil
}

// TestWatchByWebSocket: what there is, what comes, and the same objects that a plain request lists.
func TestWatchByWebSocket(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Run(gatewaytest.OwnerUser, "first")
	w := watchLeases(t, f, f.People.Owner, "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
	kind, lease, err := w.next()
	if err != nil || kind != "ADDED" || lease.Name != "first" {
		t.Fatalf("the first event: %s %s, %v", kind, lease.Name, err)
	}
	kind, bookmark, err := w.next()
	if err != nil || kind != "BOOKMARK" || bookmark.Annotations["k8s.io/initial-events-end"] != "true" {
		t.Fatalf("behind what there is: %s %v, %v", kind, bookmark.Annotations, err)
	}
	created := f.Do("POST", leasesOfAlice, f.People.Owner, manifest)
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("creating a lease: %d %s", created.StatusCode, created.Text)
	}
	for lease.Name != "demo2" {
		if kind, lease, err = w.next(); err != nil {
			t.Fatal(err)
		}
	}
	if kind != "ADDED" || lease.Annotations[v1alpha1.CreatedByAnnotation] != "alice" {
		t.Errorf("the new lease came as %s, of %q", kind, lease.Annotations[v1alpha1.CreatedByAnnotation])
	}
	var list v1alpha1.ContainerLeaseList
	f.JSON(f.Do("GET", leasesOfAlice, f.People.Owner, ""), &list)
	if len(list.Items) != 2 {
		t.Errorf("a plain request lists %d leases", len(list.Items))
	}
}

// TestWatchEndsWithItsCredential, by WebSocket, which says why, and by plain HTTP.
func TestWatchEndsWithItsCredential(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Run(gatewaytest.OwnerUser, "demo")
	token := f.Token("alice", time.Hour, "containerlease.dev:editor")
	w := watchLeases(t, f, token, "")
	plain := make(chan gatewaytest.Answer, 1)
	go func() { plain <- f.Do("GET", leasesOfAlice+"?watch=true", token, "") }()
	if _, _, err := w.next(); err != nil {
		t.Fatal(err)
	}
	f.Revoke(token)
	var err error
	for err == nil {
		_, _, err = w.next()
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "SignedOut") {
		t.Errorf("the WebSocket ended with %v", err)
	}
	select {
	case <-plain:
	case <-time.After(gatewaytest.Patience):
		t.Error("the watch by plain HTTP goes on")
	}
}

// TestRefusedStreams are answered as any request, before the upgrade.
func TestRefusedStreams(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Run(gatewaytest.OwnerUser, "demo")
	header := http.Header{"Authorization": {"Bearer " + f.People.Owner}}
	for target, want := range map[string]int{
		"/ws" + leasesOfAlice: 422,
		"/ws" + leasesOfAlice + "?watch=true&fieldSelector=nonsense": 400,
		"/ws" + leasesOfAlice + "/nothing/log?follow=true":           404,
		"/ws/apis/containerlease.dev/v1alpha1/containerleases?watch": 403,
		"/ws/apis/nothing.example/v1/things?watch=true":              403,
	} {
		if got := f.Dial(target, header); got != want {
			t.Errorf("%s: got %d, want %d", target, got, want)
		}
	}
}

// TestNobodyElse: what a client says of who it is does not reach the API.
func TestNobodyElse(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	for name, change := range map[string]func(*http.Request){
		"Impersonate": func(r *http.Request) {
			r.Header.Set("Impersonate-User", "root")
			r.Header.Set("Impersonate-Group", "system:masters")
		},
		"RemoteUser": func(r *http.Request) {
			r.Header.Set("X-Remote-User", "root")
			r.Header.Set("X-Remote-Group", "system:masters")
		},
	} {
		got := f.Do("GET", "/apis/containerlease.dev/v1alpha1/containerleases", f.People.Owner, "", change)
		if got.StatusCode != http.StatusForbidden || !strings.Contains(got.Text, "alice") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.Text)
		}
	}
}
