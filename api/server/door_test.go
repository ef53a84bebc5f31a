package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	cbor "k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/inprocess"
	"github.com/containerlease/containerlease/api/server/roles"
)

const leasesOfAnn = "/apis/containerlease.dev/v1alpha1/namespaces/ann/containerleases"

// named recognises the names of users as their tokens.
func named(byName map[string]*user.DefaultInfo) []authenticator.Token {
	return []authenticator.Token{authenticator.TokenFunc(func(_ context.Context, token string) (*authenticator.Response, bool, error) {
		who, ok := byName[token]
		if !ok {
			return nil, false, nil
		}
		return &authenticator.Response{User: who}, true, nil
	})}
}

var (
	ann = &user.DefaultInfo{Name: "ann", Groups: []string{roles.Group(roles.Editor, "")}}
	vic = &user.DefaultInfo{Name: "vic", Groups: []string{roles.Group(roles.Viewer, "ann")}}
)

// call makes a request in process, as a gateway does, and returns the answer's status and body.
func (f *fixture) call(t *testing.T, method, path, token, contentType, body string, header ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://in-process"+path, strings.NewReader(body))
	must(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := inprocess.NewTransport(f.Handler()).RoundTrip(req)
	must(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(answer)
}

// TestQuantityBombs: however a number that nobody can decode is sent, the answer comes at
// once, and names the field.
func TestQuantityBombs(t *testing.T) {
	f := start(t, startRedis(t), func(c *server.Config) { c.Tokens = named(map[string]*user.DefaultInfo{"ann": ann, "vic": vic}) })
	const bomb = "1000000000000000000000e99999999"
	object := func(cpu string) string {
		return `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"demo","namespace":"ann"},"spec":{"image":"ubuntu","resources":{"cpu":` + cpu + `}}}`
	}
	if code, answer := f.call(t, "POST", leasesOfAnn, "ann", "application/json", object(`"500m"`)); code != 201 {
		t.Fatalf("a good one: %d %s", code, answer)
	}
	annotated := `{"metadata":{"annotations":{"cpu":"` + bomb + `","n":"1e99999999"}}}`
	if code, answer := f.call(t, "PATCH", leasesOfAnn+"/demo", "ann", "application/merge-patch+json", annotated); code != 200 {
		t.Fatalf("an annotation that looks like a number: %d %s", code, answer)
	}
	yaml := "apiVersion: containerlease.dev/v1alpha1\nkind: ContainerLease\nmetadata: {name: demo, namespace: ann}\nspec: {image: ubuntu, resources: {cpu: " + bomb + "}}\n"
	const demo = leasesOfAnn + "/demo"
	var decoded map[string]any
	must(t, json.Unmarshal([]byte(object(`"`+bomb+`"`)), &decoded))
	encoded, err := cbor.Marshal(decoded)
	must(t, err)
	inCBOR := string(encoded)
	unknown := &runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "containerlease.dev/v1alpha1", Kind: "ContainerLease"}, Raw: []byte(object(bomb)), ContentType: "application/json"}
	encoded, err = unknown.Marshal()
	must(t, err)
	inProtobuf := "k8s\x00" + string(encoded)
	for name, tc := range map[string]struct {
		method, path, token, contentType, body string
		want                                   int
	}{
		"CreateText":     {"POST", leasesOfAnn, "ann", "application/json", object(`"` + bomb + `"`), 422},
		"CreateNumber":   {"POST", leasesOfAnn, "ann", "application/json", object(bomb), 422},
		"CreateYAML":     {"POST", leasesOfAnn, "ann", "application/yaml", yaml, 422},
		"CreateUntyped":  {"POST", leasesOfAnn, "ann", "", object(bomb), 422},
		"Replace":        {"PUT", demo, "ann", "application/json", object(bomb), 422},
		"ReplaceYAML":    {"PUT", demo, "ann", "application/yaml", yaml, 422},
		"MergePatch":     {"PATCH", demo, "ann", "application/merge-patch+json", object(bomb), 422},
		"StrategicPatch": {"PATCH", demo, "ann", "application/strategic-merge-patch+json", object(`"` + bomb + `"`), 422},
		"JSONPatch":      {"PATCH", demo, "ann", "application/json-patch+json", `[{"op":"replace","path":"/spec/resources/cpu","value":` + bomb + `}]`, 422},
		"JSONPatchCopy":  {"PATCH", demo, "ann", "application/json-patch+json", `[{"op":"copy","from":"/metadata/annotations/cpu","path":"/spec/resources/cpu"}]`, 422},
		"JSONPatchMove":  {"PATCH", demo, "ann", "application/json-patch+json", `[{"op":"move","from":"/metadata/annotations","path":"/spec/resources"}]`, 422},
		"Apply":          {"PATCH", demo + "?fieldManager=x&force=true", "ann", "application/apply-patch+yaml", yaml, 422},
		"ApplyNew":       {"PATCH", leasesOfAnn + "/other?fieldManager=x", "ann", "application/apply-patch+yaml", strings.Replace(yaml, "demo", "other", 1), 422},
		"DryRun":         {"POST", leasesOfAnn + "?dryRun=All", "ann", "application/json", object(bomb), 422},
		// A lease in place of something that everybody may create is decoded as a lease.
		"AsAReview":   {"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "vic", "application/json", object(bomb), 422},
		"AsOptions":   {"DELETE", demo, "ann", "application/json", object(bomb), 422},
		"ByAViewer":   {"POST", leasesOfAnn, "vic", "application/json", object(bomb), 403},
		"ByAStranger": {"POST", leasesOfAnn, "", "application/json", object(bomb), 401},
		// What the library doesn't decode can't hurt; if it learns to, this tells.
		"CBOR":      {"POST", leasesOfAnn, "ann", "application/cbor", inCBOR, 415},
		"CBORPatch": {"PATCH", demo + "?fieldManager=x", "ann", "application/apply-patch+cbor", inCBOR, 415},
		"Protobuf":  {"POST", leasesOfAnn, "ann", "application/vnd.kubernetes.protobuf", inProtobuf, 400},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			code, answer := f.call(t, tc.method, tc.path, tc.token, tc.contentType, tc.body)
			if code != tc.want || code == 422 && !strings.Contains(answer, "spec.resources") {
				t.Errorf("got %d %.500s", code, answer)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	if code, answer := f.call(t, "GET", demo, "ann", "", ""); code != 200 || !strings.Contains(answer, `"cpu":"500m"`) {
		t.Errorf("afterwards: %d %s", code, answer)
	}
}

// lines is a log that tests read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// audit returns the audit lines so far.
func (l *lines) audit(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(l.text()) {
		var entry map[string]any
		must(t, json.Unmarshal([]byte(line), &entry))
		if entry["msg"] == "audit" {
			all = append(all, entry)
		}
	}
	return all
}

// TestAudit: one line for each change and each refusal, with the ID that the caller gave the
// request; none for what is only read, or what the server does by itself; never what
// a body holds.
func TestAudit(t *testing.T) {
	log := &lines{}
	f := start(t, startRedis(t), func(c *server.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Tokens = named(map[string]*user.DefaultInfo{"ann": ann, "vic": vic})
	})
	const object = `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"demo"},"spec":{"image":"ubuntu","env":[{"name":"PASSWORD","value":"hunter2"}]}}`
	const other = `{"spec":{"env":[{"name":"PASSWORD","value":"hunter2-again"}]}}`
	for _, call := range []struct {
		method, path, token, contentType, body string
		want                                   int
	}{
		{"POST", leasesOfAnn, "ann", "application/json", object, 201},
		{"GET", leasesOfAnn + "/demo", "ann", "", "", 200},
		{"GET", leasesOfAnn, "vic", "", "", 200},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "vic", "application/json",
			`{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"nonResourceAttributes":{"verb":"get","path":"/"}}}`, 201},
		{"PATCH", leasesOfAnn + "/demo", "ann", "application/merge-patch+json", other, 422},
		{"PATCH", leasesOfAnn + "/demo", "vic", "application/merge-patch+json", other, 403},
		{"GET", "/api/v1/namespaces", "vic", "", "", 403},
		{"GET", leasesOfAnn, "guess", "", "", 401},
		{"DELETE", leasesOfAnn + "/demo?dryRun=All", "ann", "", "", 200},
		{"DELETE", leasesOfAnn + "/demo", "ann", "", "", 200},
	} {
		id := "test-" + call.method
		if code, answer := f.call(t, call.method, call.path, call.token, call.contentType, call.body, "Audit-ID", id); code != call.want {
			t.Errorf("%s %s as %s: %d %s", call.method, call.path, call.token, code, answer)
		}
	}
	must(t, f.client(t).Create(t.Context(), lease("by-the-server")))

	want := []string{
		"ann create containerleases.containerlease.dev ann/demo 201",
		"ann patch containerleases.containerlease.dev ann/demo 422",
		"vic patch containerleases.containerlease.dev ann/demo 403",
		"vic list namespaces / 403",
		" list containerleases.containerlease.dev ann/ 401",
		"ann delete containerleases.containerlease.dev ann/demo 200 dryRun",
		"ann delete containerleases.containerlease.dev ann/demo 200",
	}
	f.stop() // waits for the log
	var got []string
	for _, entry := range log.audit(t) {
		text := func(key string) string { s, _ := entry[key].(string); return s }
		status, _ := entry["status"].(float64)
		line := text("principal") + " " + text("verb") + " " + text("resource") + " " + text("namespace") + "/" + text("name") + " " + strconv.Itoa(int(status))
		if entry["dryRun"] == true {
			line += " dryRun"
		}
		got = append(got, line)
		if !strings.HasPrefix(text("requestID"), "test-") || text("sourceIPs") == "" || entry["duration"] == nil {
			t.Errorf("something is missing from %v", entry)
		}
		if status == 403 && text("detail") == "" {
			t.Errorf("no line says why: %v", entry)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(log.text(), "hunter2") {
		t.Errorf("a value of the environment is logged:\n%s", log.text())
	}
}
