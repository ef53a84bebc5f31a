package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/api/server/scheme"
)

// quantityGuard keeps quantities out that can't be decoded in reasonable time: 1e99999999
// is ten bytes long, and a number of a hundred million digits once the library compares it
// with the largest it allows. It looks at the fields that are quantities only; what else
// looks like a number, in an environment variable for example, is nobody's business.
//
// Any request with a body is looked at, whichever resource it is for: a body is decoded as
// what it says it is before anybody asks whether that belongs here.
type quantityGuard struct {
	next     http.Handler
	fields   *quantityFields
	arrivals *arrivals
}

func newQuantityGuard(next http.Handler) *quantityGuard {
	return &quantityGuard{next, quantityFieldsOf(scheme.Scheme), newArrivals()}
}

// ServeHTTP implements http.Handler.
func (g *quantityGuard) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	info, ok := genericapirequest.RequestInfoFrom(req.Context())
	if !ok || !info.IsResourceRequest || req.Method == http.MethodGet || req.Body == nil || req.Body == http.NoBody {
		g.next.ServeHTTP(w, req)
		return
	}
	refuse := func(err error) {
		gv := schema.GroupVersion{Group: info.APIGroup, Version: info.APIVersion}
		responsewriters.ErrorNegotiated(err, scheme.Codecs, gv, w, req)
	}
	arrived, err := g.arrivals.begin(req)
	if err != nil {
		refuse(err)
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRequestBody+1))
	arrived()
	// The library reads the same again, and says itself what is wrong with a body that is too
	// long or breaks off.
	req.Body = &readAgain{io.MultiReader(bytes.NewReader(body), failing{err}, req.Body), req.Body}
	if err == nil && len(body) <= maxRequestBody {
		if err := g.check(body, req.Header.Get("Content-Type"), info); err != nil {
			refuse(err)
			return
		}
	}
	g.next.ServeHTTP(w, req)
}

// check returns an API error that names the fields that can't be decoded.
func (g *quantityGuard) check(body []byte, contentType string, info *genericapirequest.RequestInfo) error {
	var wrong field.ErrorList
	var err error
	switch mediaTypeOf(contentType) {
	case runtime.ContentTypeJSON, string(types.MergePatchType), string(types.StrategicMergePatchType):
		if maybeAbsurd(body) {
			wrong, err = g.fields.check(body)
		}
	case runtime.ContentTypeYAML, string(types.ApplyYAMLPatchType):
		// Tags, escapes and encodings can make a number of anything, so there is no short cut.
		if body, err = yaml.YAMLToJSON(body); err == nil {
			wrong, err = g.fields.check(body)
		}
	case string(types.JSONPatchType):
		// What a patch copies is not in it, so there is no short cut here either.
		wrong, err = g.fields.checkJSONPatch(body)
	default:
		return nil // the library does not decode it
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil // the body ends too early: the library has better words for that
	case err != nil:
		return apierrors.NewBadRequest(fmt.Sprintf("the body is no %s: %v", mediaTypeOf(contentType), err))
	case len(wrong) > 0:
		return apierrors.NewInvalid(schema.GroupKind{Group: info.APIGroup, Kind: info.Resource}, info.Name, wrong)
	}
	return nil
}

// mediaTypeOf is the media type that the library decodes a body by. Of a patch it takes whatever
// is before a semicolon, even if what is behind it can't be parsed; so this does too.
func mediaTypeOf(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	if mediaType = strings.ToLower(strings.TrimSpace(mediaType)); mediaType != "" {
		return mediaType
	}
	return runtime.ContentTypeJSON
}

const (
	// maxQuantityLength is longer than any quantity that makes sense.
	maxQuantityLength = 64
	// maxExponentDigits keeps what a quantity stands for shorter than a kilobyte.
	maxExponentDigits = 3
)

// absurd says whether a quantity would take unreasonably long to decode. What is no quantity
// at all is not absurd: decoding it fails at once.
func absurd(text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) > maxQuantityLength {
		return true
	}
	at := bytes.IndexAny(text, "eE")
	if at < 0 {
		return false
	}
	exponent := bytes.TrimLeft(text[at+1:], "+-")
	return len(exponent) > maxExponentDigits && !slices.ContainsFunc(exponent, notDigit)
}

// maybeAbsurd says whether JSON could hold an absurd quantity, by its bytes alone. It errs to
// the side of yes, for example where a character is escaped.
func maybeAbsurd(body []byte) bool {
	if bytes.Contains(body, []byte(`\u`)) {
		return true
	}
	digits, exponent := 0, -1 // of the number at hand; -1 before its e
	for _, c := range body {
		if exponent >= 0 {
			switch {
			case !notDigit(c):
				if exponent++; exponent > maxExponentDigits {
					return true
				}
				continue
			case exponent == 0 && (c == '+' || c == '-'):
				continue
			}
			digits, exponent = 0, -1
		}
		switch {
		case !notDigit(c) || c == '.':
			if digits++; digits > maxQuantityLength/2 { // the rest could be a sign and a suffix
				return true
			}
		case c == 'e' || c == 'E': // with or without a digit before it: a bare exponent is a zero
			exponent = 0
		default:
			digits = 0
		}
	}
	return false
}

func notDigit(c byte) bool { return c < '0' || c > '9' }

// readAgain is a body of which part has been read.
type readAgain struct {
	io.Reader
	io.Closer
}

// failing repeats the error that reading ended with, if any.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}
