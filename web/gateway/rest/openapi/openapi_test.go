package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi/openapitest"
)

func TestDocumentIsValid(t *testing.T) {
	if _, err := openapitest.Load(); err != nil {
		t.Error(err)
	}
}

// TestServed: both forms are the same document.
func TestServed(t *testing.T) {
	r := chi.NewRouter()
	openapi.Routes(r)
	get := func(path, mediaType string) []byte {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != mediaType {
			t.Fatalf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		return w.Body.Bytes()
	}
	var fromYAML, fromJSON any
	if err := yaml.Unmarshal(get("/api/openapi.yaml", "application/yaml"), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(get("/api/openapi.json", "application/json"), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromYAML, fromJSON); diff != "" {
		t.Errorf("-yaml +json\n%s", diff)
	}
}
