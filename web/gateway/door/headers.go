package door

import (
	"net/http"
	"strings"
)

// policy is what a browser may do with our pages: load what we serve, and nothing else.
const policy = "default-src 'self'; base-uri 'none'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; " +
	"img-src 'self' data:; object-src 'none'; script-src 'self'; style-src 'self'"

// strictTransport makes browsers remember to come by HTTPS, for a year.
const strictTransport = "max-age=31536000"

var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// Headers tells browsers to be strict with whatever we answer, and caches to keep nothing that
// is the caller's. A handler may say otherwise of what is the same for everybody.
func (d *Door) Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range headers {
			h.Set(name, value)
		}
		// On localhost it would be remembered for whatever else is served there.
		if d.secure(r) && hostname(r.Host) != localhost {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}
