// Package openapi is the contract of the gateway's REST API: openapi.yaml, which is written
// by hand and served as it is, and the models that are generated from it, so that what is
// answered can't drift from what is promised.
package openapi

import (
	_ "embed" // for the document
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"sigs.k8s.io/yaml"
)

// Document is the contract, in YAML.
//
//go:embed openapi.yaml
var Document []byte

// Routes adds the routes that serve the document. They hold no secret, and need no caller.
func Routes(r chi.Router) {
	asJSON, err := yaml.YAMLToJSON(Document)
	if err != nil {
		panic(fmt.Sprintf("the embedded openapi.yaml is no YAML: %v", err)) // a test reads it
	}
	r.Get("/api/openapi.yaml", serve("application/yaml", Document))
	r.Get("/api/openapi.json", serve("application/json", asJSON))
}

func serve(mediaType string, document []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(document) // nobody is left to tell
	}
}
