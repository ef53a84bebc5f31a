package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi/openapitest"
)

// fuzzer sends requests to the gateway's handler, without a socket, and takes no 5xx.
type fuzzer struct{ *fixture }

// send sends a request, checks its answer, and returns it. What can't be sent by HTTP at all is
// skipped.
func (f fuzzer) send(t *testing.T, method, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	address, err := url.ParseRequestURI(target)
	if err != nil {
		t.Skip()
	}
	request := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	request.URL, request.RequestURI, request.Host = address, target, "localhost"
	request.Header.Set("Authorization", "Bearer "+f.People.Owner)
	request.Header.Set("Content-Type", "application/json")
	for _, c := range change {
		c(request)
	}
	w := httptest.NewRecorder()
	f.Gateway.ServeHTTP(w, request)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %q %q: %d %s\n%v", method, target, body, w.Code, w.Body, f.Log.Lines("request failed"))
	}
	f.Log.Clear()
	if err := openapitest.Check(request, []byte(body), w.Result(), w.Body.Bytes()); err != nil {
		t.Error(err)
	}
	return w
}

// provision asks for a lease, and clears it away if there is one.
func (f fuzzer) provision(t *testing.T, query, body string, change ...func(*http.Request)) {
	t.Helper()
	w := f.send(t, http.MethodPost, "/api/provision?wait=0&"+query, body, change...)
	var made openapi.Provisioned
	if w.Code >= http.StatusBadRequest || json.Unmarshal(w.Body.Bytes(), &made) != nil {
		return
	}
	f.send(t, http.MethodDelete, "/api/containers/"+made.ID, "")
}

func encode(t *testing.T, body any) string {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func FuzzImageReference(f *testing.F) {
	for _, image := range []string{"ubuntu", "docker.io/library/alpine:3.22", "localhost:5000/a/b@sha256:" + strings.Repeat("a", 64), "UPPER", "a//b", "..", "ubuntu:", "\x00"} {
		f.Add(image)
	}
	gateway := fuzzer{start(f)}
	f.Fuzz(func(t *testing.T, image string) {
		body := encode(t, map[string]any{"imageType": image, "durationMinutes": 30})
		gateway.send(t, http.MethodPost, "/api/estimate", body)
		gateway.provision(t, "", body)
		gateway.send(t, http.MethodGet, "/api/containers?image="+url.QueryEscape(image), "")
	})
}

func FuzzID(f *testing.F) {
	for _, id := range []string{"11111111-1111-4111-8111-111111111111", strings.Repeat("ab", 32), "0123456789ab", "demo", "../x", "%2e%2e", "\x00", "urn:uuid:11111111-1111-4111-8111-111111111111"} {
		f.Add(id)
	}
	gateway := fuzzer{start(f)}
	f.Fuzz(func(t *testing.T, id string) {
		for _, written := range []string{id, url.PathEscape(id)} {
			gateway.send(t, http.MethodGet, "/api/events?container="+url.QueryEscape(id), "")
			gateway.send(t, http.MethodGet, "/api/containers/"+written, "")
			gateway.send(t, http.MethodPatch, "/api/containers/"+written, `{"extendMinutes":1}`)
			gateway.send(t, http.MethodDelete, "/api/containers/"+written, "")
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"namespace=alice&status=Running&image=ubuntu&limit=1", "limit=-1&continue=eyJuIjoiYWxpY2UiLCJjIjoieCJ9", "continue=eyJuIjoiYWxpY2UiLCJjIjoiZXlKMklqb2liV1YwWVM1ck9ITXVhVzh2ZGpFaUxDSnlkaUk2TVN3aWMzUmhjblFpT2lKaGJHbGpaUzlrWlcxdlhIVXdNREF3SW4wIn0",
		"since=2026-01-01&until=2026-01-02T00:00:00Z", "since=9999-99-99", "className=standard", "className=..%2f", "container=0123456789ab", "wait=1h", "namespace=%00", "a=b;c=d&%zz",
	} {
		f.Add(query, "text/csv;q=0.5, */*;q=0.1")
	}
	gateway := fuzzer{start(f)}
	f.Fuzz(func(t *testing.T, query, accept string) {
		accepting := func(r *http.Request) { r.Header.Set("Accept", accept) }
		for _, path := range []string{"/api/containers", "/api/billing", "/api/events", "/api/images"} {
			gateway.send(t, http.MethodGet, path+"?"+query, "", accepting)
			// An admin's lists take other ways.
			gateway.send(t, http.MethodGet, path+"?"+query, "", accepting, func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+gateway.People.Admin)
			})
		}
		gateway.provision(t, query, `{"imageType":"none","durationMinutes":30}`)
	})
}

func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"imageType":"ubuntu","durationMinutes":30,"cpuMilli":500,"memoryMB":512,"name":"demo","command":["a"],"env":{"A":"b"},"className":"standard"}`,
		`{"extendMinutes":5,"operatingMode":"Suspended"}`, `{"durationMinutes":1e400}`, `{"cpuMilli":-9223372036854775808,"memoryMB":9223372036854775807}`,
		`{"env":{"":"","A":"\u0000"}}`, `null`, `[]`, `{"name":"a","name":"b"}`, "\xff", `{"imageType":"\ud800"}`,
	} {
		f.Add(body, "key")
	}
	fixture := start(f)
	gateway := fuzzer{fixture}
	made := fixture.provision(fixture.People.Owner, "", `{"imageType":"ubuntu","durationMinutes":30}`)
	f.Fuzz(func(t *testing.T, body, key string) {
		gateway.provision(t, "", body)
		gateway.provision(t, "", body, func(r *http.Request) { r.Header["Idempotency-Key"] = []string{key} })
		gateway.send(t, http.MethodPost, "/api/estimate", body)
		gateway.send(t, http.MethodPatch, "/api/containers/"+made.ID, body)
	})
}
