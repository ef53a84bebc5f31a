// Package requestid gives each request an ID that its response, the server's logs and the
// API's audit lines share.
package requestid

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"
)

// Header bears the ID of a request, in it and in its response.
const Header = "X-Request-ID"

// sane is what an incoming ID must look like to be kept: it goes into logs.
var sane = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Sane says whether an incoming ID is kept.
func Sane(id string) bool { return sane.MatchString(id) }

type key struct{}

// From returns the ID of the request that ctx belongs to, or "".
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Handler keeps a sane incoming ID or makes one, and puts it into the context and the
// response.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(Header)
		if !Sane(id) {
			id = uuid.NewString()
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, id)))
	})
}
