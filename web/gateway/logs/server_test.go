package logs_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// frame is what of a frame these tests look at.
type frame struct {
	Timestamp                      time.Time
	Level, Message, Stream, Reason string
	ExitCode                       *int
}

// viewer is a client that nobody here wrote, on the whole server.
type viewer struct {
	t *testing.T
	*websocket.Conn
}

func view(t *testing.T, f *gatewaytest.Fixture, credential, id, query string) *viewer {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/ws/logs/"+id+query,
		http.Header{"Authorization": {"Bearer " + credential}})
	if err != nil {
		t.Fatalf("connecting: %v (%v)", err, response)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &viewer{t, conn}
}

// until reads frames up to one with this text, and returns the lines of output before it, and it.
func (v *viewer) until(text string) ([]string, frame) {
	v.t.Helper()
	var before []string
	for {
		_ = v.SetReadDeadline(time.Now().Add(gatewaytest.Patience))
		_, data, err := v.ReadMessage()
		if err != nil {
			v.t.Fatalf("waiting for %q after %q: %v", text, before, err)
		}
		var got frame
		if err := json.Unmarshal(data, &got); err != nil {
			v.t.Fatalf("frame %q: %v", data, err)
		}
		if strings.Contains(got.Message, text) {
			return before, got
		}
		if got.Stream != "system" {
			before = append(before, got.Message)
		}
	}
}

func (v *viewer) closed(code int) {
	v.t.Helper()
	_ = v.SetReadDeadline(time.Now().Add(gatewaytest.Patience))
	if _, data, err := v.ReadMessage(); !websocket.IsCloseError(err, code) {
		v.t.Errorf("got %q, %v; want close code %d", data, err, code)
	}
}

// lease stores a lease in alice's namespace, and waits until it runs.
func lease(t *testing.T, f *gatewaytest.Fixture, name string, change ...func(*v1alpha1.ContainerLeaseSpec)) *v1alpha1.ContainerLease {
	t.Helper()
	// The namespace of an editor springs into being with the first lease.
	body := `{"imageType":"alpine","durationMinutes":5,"name":"` + name + `","command":["serve"]}`
	if len(change) == 0 {
		if answer := f.Do(http.MethodPost, "/api/provision", f.People.Owner, body); answer.StatusCode != http.StatusCreated {
			t.Fatalf("provisioning: %d %s", answer.StatusCode, answer.Text)
		}
		return f.Lease("alice", name)
	}
	l := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", TTL: "5m", Command: []string{"serve"}},
	}
	for _, c := range change {
		c(&l.Spec)
	}
	if err := f.Admin.Create(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return f.AwaitLease(l.Namespace, name, "the lease runs", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.Phase == v1alpha1.LeaseRunning
	})
}

// setMode suspends or resumes.
func setMode(t *testing.T, f *gatewaytest.Fixture, l *v1alpha1.ContainerLease, mode v1alpha1.OperatingMode) {
	t.Helper()
	changed := l.DeepCopy()
	changed.Spec.OperatingMode = mode
	changed.ResourceVersion = ""
	if err := f.Admin.Patch(t.Context(), changed, client.MergeFrom(&v1alpha1.ContainerLease{ObjectMeta: l.ObjectMeta})); err != nil {
		t.Fatal(err)
	}
}

// TestLife follows a lease from its first line to its last, through the real API and controllers.
func TestLife(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Engine.SetProgram("serve", fake.Program{Stdout: []string{"hello", "[WARN] careful"}, Stderr: []string{"oops"}})
	l := lease(t, f, "life")
	uid := string(l.UID)

	v := view(t, f, f.People.Owner, uid, "")
	before, last := v.until("oops")
	if !slices.Equal(before, []string{"hello", "[WARN] careful"}) || last.Level != "error" || last.Stream != "stderr" {
		t.Errorf("got %q and %+v", before, last)
	}
	f.Engine.Write(uid, "more")
	v.until("more")

	// The container's ID will do, and so will the beginning of it; a viewer of the namespace may look on.
	byContainer := view(t, f, f.People.Viewer, l.Status.Container.ID[:12], "?tail=1")
	if before, _ := byContainer.until("more"); before != nil {
		t.Errorf("with tail=1, %q came before the last line", before)
	}
	since := view(t, f, f.People.Owner, uid, "?since="+last.Timestamp.Format(time.RFC3339Nano))
	if before, _ := since.until("more"); before != nil {
		t.Errorf("since the line before, %q came again", before)
	}

	setMode(t, f, l, v1alpha1.OperatingModeSuspended)
	v.until("suspended")
	setMode(t, f, l, v1alpha1.OperatingModeRunning)
	if before, _ := v.until("hello"); len(before) != 0 {
		t.Errorf("after the suspension came %q, want the second run's first line", before)
	}
	v.until("oops")
	f.Engine.Exit(uid, 3)
	if _, end := v.until("failed"); end.Reason != "Failed" || end.ExitCode == nil || *end.ExitCode != 3 || end.Stream != "system" {
		t.Errorf("the last frame is %+v", end)
	}
	v.closed(websocket.CloseNormalClosure)
	byContainer.until("the command failed")
	since.until("the command failed")
}

func TestExpires(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	l := lease(t, f, "brief", func(s *v1alpha1.ContainerLeaseSpec) { s.TTL = "1s" })
	v := view(t, f, f.People.Admin, string(l.UID), "")
	if _, end := v.until("the lease expired"); end.Reason != "Expired" || end.ExitCode == nil {
		t.Errorf("the last frame is %+v", end)
	}
	v.closed(websocket.CloseNormalClosure)
	// Who comes late is told, too.
	v = view(t, f, f.People.Admin, string(l.UID), "")
	v.until("the lease expired")
	v.closed(websocket.CloseNormalClosure)
}

func TestDeleted(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	l := lease(t, f, "deleted")
	v := view(t, f, f.People.Owner, string(l.UID), "")
	if answer := f.Do(http.MethodDelete, "/api/containers/"+string(l.UID), f.People.Owner, ""); answer.StatusCode != http.StatusOK {
		t.Fatalf("deleting: %d %s", answer.StatusCode, answer.Text)
	}
	if _, end := v.until("the lease was deleted"); end.Reason != "Deleted" {
		t.Errorf("the last frame is %+v", end)
	}
	v.closed(websocket.CloseNormalClosure)
}

// TestRevocation: a stream ends with the right to see it, at once.
func TestRevocation(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	l := lease(t, f, "watched")
	v := view(t, f, f.People.Owner, string(l.UID), "")
	stays := view(t, f, f.People.Viewer, string(l.UID), "")
	f.Revoke(f.People.Owner)
	if _, end := v.until("no longer"); end.Reason != "SignedOut" {
		t.Errorf("the last frame is %+v", end)
	}
	v.closed(websocket.ClosePolicyViolation)
	f.Engine.Write(string(l.UID), "still here")
	stays.until("still here")
	// No escape byte, and no line of output, has got into the gateway's own log.
	if log := f.Log.String(); strings.Contains(log, "still here") || strings.ContainsRune(log, 0x1b) {
		t.Error("output is in the gateway's log")
	}
}

// TestEngineAway: a viewer stays through an engine that can't be asked.
func TestEngineAway(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Engine.SetProgram("serve", fake.Program{Stdout: []string{"hello"}})
	l := lease(t, f, "patient")
	release := f.Engine.Hang(fake.OpLogs)
	v := view(t, f, f.People.Owner, string(l.UID), "")
	release()
	v.until("hello")
}
