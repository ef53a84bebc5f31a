package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

func TestAuditPolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		user user.Info
		want auditinternal.Level
	}{
		"InProcess": {&user.DefaultInfo{Name: user.APIServerUser, Groups: []string{user.SystemPrivilegedGroup}}, auditinternal.LevelNone},
		"Admin":     {&user.DefaultInfo{Name: "admin", Groups: []string{user.SystemPrivilegedGroup}}, auditinternal.LevelMetadata},
		"Nobody":    {nil, auditinternal.LevelMetadata},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (auditPolicy{}).EvaluatePolicyRule(authorizer.AttributesRecord{User: tc.user, Verb: "get"}).Level; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// auditEvent is that of a finished request.
func auditEvent(verb string, code int32) *auditinternal.Event {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &auditinternal.Event{
		AuditID: "id-1", Stage: auditinternal.StageResponseComplete, Verb: verb,
		RequestURI: "/apis/containerlease.dev/v1alpha1/namespaces/ann/containerleases/demo?dryRun=All&x=secret",
		User:       authenticationv1.UserInfo{Username: "ann"}, SourceIPs: []string{"10.0.0.1", "127.0.0.1"},
		ObjectRef:                &auditinternal.ObjectReference{APIGroup: "containerlease.dev", Resource: "containerleases", Namespace: "ann", Name: "demo"},
		ResponseStatus:           &metav1.Status{Code: code, Message: `spec.env: Invalid value: "secret"`, Reason: metav1.StatusReasonInvalid},
		RequestReceivedTimestamp: metav1.NewMicroTime(began), StageTimestamp: metav1.NewMicroTime(began.Add(2 * time.Millisecond)),
	}
}

func TestAuditLine(t *testing.T) {
	var out bytes.Buffer
	log := newAuditLog(slog.New(slog.NewJSONHandler(&out, nil)))
	long := auditEvent("delete", 200)
	long.ObjectRef.Name = strings.Repeat("é", 200)
	log.ProcessEvents(auditEvent("patch", 422), long)
	stop := make(chan struct{})
	close(stop)
	if err := log.Run(stop); err != nil {
		t.Fatal(err)
	}
	log.Shutdown()
	first, rest, _ := strings.Cut(out.String(), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time": "2026-01-02T03:04:05.002Z", "level": "INFO", "msg": "audit", "requestID": "id-1", "principal": "ann", "verb": "patch",
		"resource": "containerleases.containerlease.dev", "namespace": "ann", "name": "demo", "dryRun": true, "status": 422.0, "reason": "Invalid",
		"sourceIPs": "10.0.0.1,127.0.0.1", "duration": 2e6,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("what the request holds is logged: %s", out.String())
	}
	if len(rest) > 1000 || !strings.Contains(rest, "é…") {
		t.Errorf("a long name is not clipped: %s", rest)
	}
}

func TestWorthALine(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*auditinternal.Event)
		verb   string
		code   int32
		want   bool
	}{
		"Created":         {nil, "create", 201, true},
		"DeletedAll":      {nil, "deletecollection", 200, true},
		"Refused":         {nil, "create", 403, true},
		"Invalid":         {nil, "update", 422, true},
		"Read":            {nil, "get", 200, false},
		"Absent":          {nil, "get", 404, false},
		"ReadForbidden":   {nil, "list", 403, true},
		"WatchRefused":    {nil, "watch", 429, true},
		"MayI":            {func(e *auditinternal.Event) { e.ObjectRef.Resource = "selfsubjectaccessreviews" }, "create", 201, false},
		"NotYet":          {func(e *auditinternal.Event) { e.Stage = auditinternal.StageResponseStarted }, "watch", 403, false},
		"Panicked":        {func(e *auditinternal.Event) { e.Stage = auditinternal.StagePanic }, "create", 500, true},
		"Stranger":        {func(e *auditinternal.Event) { e.Stage, e.User.Username = auditinternal.StageResponseStarted, "" }, "get", 401, true},
		"NoStatus":        {func(e *auditinternal.Event) { e.ResponseStatus = nil }, "get", 0, false},
		"ChangeOfNothing": {func(e *auditinternal.Event) { e.ObjectRef = nil }, "post", 404, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := auditEvent(tc.verb, tc.code)
			if tc.change != nil {
				tc.change(e)
			}
			if got := worthALine(e); got != tc.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// stuck is a log that takes nothing until it is let go.
type stuck struct {
	io.Writer
	begun, free chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.free
	return s.Writer.Write(p)
}

// TestAuditNeverBlocks: a log that hangs drops lines, and says so when it goes on.
func TestAuditNeverBlocks(t *testing.T) {
	var out bytes.Buffer
	sink := stuck{&out, make(chan struct{}, 1), make(chan struct{})}
	log := newAuditLog(slog.New(slog.NewTextHandler(sink, nil)))
	stop := make(chan struct{})
	if err := log.Run(stop); err != nil {
		t.Fatal(err)
	}
	log.ProcessEvents(auditEvent("create", 201))
	<-sink.begun
	const more = 10
	for range auditBacklog + more {
		log.ProcessEvents(auditEvent("create", 201))
	}
	close(sink.free)
	close(stop)
	log.Shutdown()
	if lines := strings.Count(out.String(), "msg=audit "); lines != auditBacklog+1 {
		t.Errorf("%d lines were written", lines)
	}
	if !strings.Contains(out.String(), "lines=10") {
		t.Error("nothing says that lines were dropped")
	}
}

func TestSaneAuditID(t *testing.T) {
	for id, kept := range map[string]bool{"": false, "0b7c-x.Y_z:1": true, strings.Repeat("a", 65): false, "a b": false, "a\"}": false} {
		got := "none"
		handler := saneAuditID(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { got = req.Header.Get("Audit-ID") }))
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header["Audit-Id"] = []string{id}
		handler.ServeHTTP(httptest.NewRecorder(), req)
		if (got == id) != kept && id != "" || got != id && got != "" {
			t.Errorf("%q became %q", id, got)
		}
	}
}
