package rest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi/openapitest"
)

// TestRoutesAreTheDocument: every route under /api and /ws is in it, and nothing else. The Kubernetes-style
// API has a document of its own.
func TestRoutesAreTheDocument(t *testing.T) {
	f := start(t)
	document, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	var promised, served []string
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			promised = append(promised, method+" "+path)
		}
	}
	err = chi.Walk(f.Gateway.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/api/") || strings.HasPrefix(route, "/ws/") && !strings.HasPrefix(route, "/ws/apis/") {
			served = append(served, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(promised)
	slices.Sort(served)
	if diff := cmp.Diff(promised, served); diff != "" {
		t.Errorf("-promised +served\n%s", diff)
	}
}

// TestExamples sends every request that the document has as an example to the real API, and
// gets what the document has as its answer: as far as that does not depend on when and where.
func TestExamples(t *testing.T) {
	f := start(t)
	document, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, path := range slices.Sorted(maps.Keys(document.Paths.Map())) {
		item := document.Paths.Find(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			operation := item.Operations()[method]
			if !slices.Contains([]string{"containers", "catalog", "records"}, operation.Tags[0]) {
				continue // a cookie, a stream and the document itself have tests of their own
			}
			for name, body := range exampleBodies(t, operation) {
				t.Run(strings.TrimSpace(operation.OperationID+" "+name), func(t *testing.T) {
					f := f.in(t)
					target := path + exampleQuery(operation, item)
					if strings.Contains(path, "{id}") {
						made := f.provision(f.People.Owner, "", `{"imageType":"ubuntu","durationMinutes":30}`)
						target = strings.ReplaceAll(target, "{id}", made.ID)
					}
					answer := f.do(method, target, f.People.Owner, body)
					status, want := exampleAnswer(operation, name)
					if answer.StatusCode != status {
						t.Fatalf("got %d %s, want %d", answer.StatusCode, answer.Text, status)
					}
					if want == nil {
						return
					}
					var got any
					f.JSON(answer, &got)
					if diff := cmp.Diff(settle(want), settle(got)); diff != "" {
						t.Errorf("-document +answer\n%s", diff)
					}
				})
				ran++
			}
		}
	}
	if ran < 10 {
		t.Errorf("the document has only %d examples", ran)
	}
}

// exampleQuery is a query of the example values of parameters.
func exampleQuery(operation *openapi3.Operation, item *openapi3.PathItem) string {
	var query []string
	for _, ref := range slices.Concat(item.Parameters, operation.Parameters) {
		if p := ref.Value; p.In == openapi3.ParameterInQuery && p.Example != nil {
			values, several := p.Example.([]any)
			if !several {
				values = []any{p.Example}
			}
			for _, value := range values {
				query = append(query, fmt.Sprintf("%s=%v", p.Name, value))
			}
		}
	}
	return "?" + strings.Join(query, "&")
}

// exampleBodies are the bodies by name; one that is empty for a request without.
func exampleBodies(t *testing.T, operation *openapi3.Operation) map[string]string {
	t.Helper()
	if operation.RequestBody == nil {
		return map[string]string{"": ""}
	}
	bodies := map[string]string{}
	for name, example := range operation.RequestBody.Value.Content["application/json"].Examples {
		body, err := json.Marshal(example.Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		bodies[name] = string(body)
	}
	return bodies
}

// exampleAnswer is the answer that has the same name; if there is none, any that is a 200.
func exampleAnswer(operation *openapi3.Operation, name string) (int, any) {
	for code, response := range operation.Responses.Map() {
		for _, content := range response.Value.Content {
			if example, ok := content.Examples[name]; ok {
				status, _ := strconv.Atoi(code)
				return status, example.Value.Value
			}
		}
	}
	return http.StatusOK, nil
}

// settle replaces what depends on when and where by what kind of thing it is.
func settle(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	settled := maps.Clone(object)
	for _, name := range []string{"id", "createdAt", "startTime", "expiryTime", "containerId", "requestID"} {
		if value, ok := settled[name]; ok {
			settled[name] = fmt.Sprintf("%T", value)
		}
	}
	if name, ok := settled["name"].(string); ok {
		settled["name"], _, _ = strings.Cut(name, "-") // the rest is made up
	}
	return settled
}

// TestBounds: the document's numbers are the code's.
func TestBounds(t *testing.T) {
	f := start(t)
	document, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, property := range document.Components.Schemas["ProvisionRequest"].Value.Properties {
		most := property.Value.Max
		if most == nil {
			continue
		}
		for _, tc := range []struct {
			value   float64
			refused bool // by its own bound, which no class widens
		}{{*most, false}, {*most + 1, true}, {0, true}} {
			body := map[string]any{"imageType": "ubuntu", "durationMinutes": 30}
			body[name] = tc.value
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			p := refused(f, f.do(http.MethodPost, "/api/provision", f.People.Owner, string(text)), problem.Invalid)
			if bound := !strings.Contains(p.Detail, "class"); bound != tc.refused {
				t.Errorf("%s %.0f: %s", name, tc.value, p.Detail)
			}
		}
	}
}

func TestHTTP(t *testing.T) {
	f := start(t)
	for _, tc := range []struct {
		name, method, target, body string
		change                     func(*http.Request)
		want                       problem.Problem
		allow                      string
	}{
		{name: "UnknownPath", method: http.MethodGet, target: "/api/nothing", want: problem.NotFound},
		{name: "TrailingSlash", method: http.MethodGet, target: "/api/containers/", want: problem.NotFound},
		{name: "WrongMethod", method: http.MethodPut, target: "/api/containers", want: problem.MethodNotAllowed, allow: "GET"},
		{name: "WrongMethodOfOne", method: http.MethodPost, target: "/api/containers/x", want: problem.MethodNotAllowed, allow: "DELETE, GET, PATCH"},
		{name: "Large", method: http.MethodPost, target: "/api/provision", body: `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, want: problem.TooLarge},
		{name: "Form", method: http.MethodPost, target: "/api/provision", body: "imageType=ubuntu", want: problem.UnsupportedType,
			change: header("Content-Type", "application/x-www-form-urlencoded")},
		{name: "YAML", method: http.MethodPatch, target: "/api/containers/x", body: "a: b", want: problem.UnsupportedType,
			change: header("Content-Type", "application/yaml")},
		{name: "NoBody", method: http.MethodPost, target: "/api/estimate", want: problem.BadRequest, change: header("Content-Type", "application/json")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			if tc.change == nil {
				tc.change = func(*http.Request) {}
			}
			answer := f.do(tc.method, tc.target, f.People.Owner, tc.body, tc.change)
			refused(f, answer, tc.want)
			allowed := strings.Split(strings.Join(answer.Header.Values("Allow"), ", "), ", ")
			slices.Sort(allowed)
			if got := strings.Join(allowed, ", "); got != tc.allow {
				t.Errorf("allows %s, want %s", got, tc.allow)
			}
		})
	}
	t.Run("Document", func(t *testing.T) {
		f := f.in(t)
		if answer := f.do(http.MethodGet, "/api/openapi.yaml", "", ""); answer.StatusCode != http.StatusOK || answer.Text != string(openapi.Document) {
			t.Errorf("got %d", answer.StatusCode)
		}
	})
}
