// Package openapitest holds what is sent and answered in a test against the document.
package openapitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// Load parses the document and checks that it is a good one, examples included.
var Load = sync.OnceValues(func() (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return document, document.Validate(context.Background(), openapi3.EnableExamplesValidation())
})

var router = sync.OnceValues(func() (routers.Router, error) {
	document, err := Load()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(document)
})

// Check returns how an exchange differs from what the document says: an answer that it does not
// foresee, or a request that succeeded although the document has no such. What is not under
// the document's paths is not judged.
func Check(request *http.Request, sent []byte, response *http.Response, received []byte) error {
	find, err := router()
	if err != nil {
		return err
	}
	// The document is about paths; the test's port is not in it.
	asked := request.Clone(request.Context())
	asked.URL.Scheme, asked.URL.Host, asked.Host = "", "", ""
	asked.Body = io.NopCloser(bytes.NewReader(sent))
	route, params, err := find.FindRoute(asked)
	if err != nil {
		if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed || !strings.HasPrefix(asked.URL.Path, "/api/") {
			return nil
		}
		return fmt.Errorf("%s %s was answered %d, but is not in the document: %w", request.Method, request.URL.Path, response.StatusCode, err)
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		// Whatever has a schema of its own language is not ours to judge.
		ExcludeResponseBody: !isJSON(response.Header.Get("Content-Type")),
	}
	input := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: options}
	if response.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
			return fmt.Errorf("%s %s succeeded, but the document has no such request: %w", request.Method, request.URL, err)
		}
	}
	answered := (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: options,
	}).SetBodyBytes(received)
	if err := openapi3filter.ValidateResponse(request.Context(), answered); err != nil {
		return fmt.Errorf("%s %s: the document has no such answer: %w", request.Method, request.URL, err)
	}
	return nil
}

func isJSON(contentType string) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}
