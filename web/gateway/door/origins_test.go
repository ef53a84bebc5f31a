package door

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"
)

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://dashboard.example":      "https://dashboard.example",
		"https://Dashboard.Example:443":  "https://dashboard.example",
		"http://localhost:5173":          "http://localhost:5173",
		"http://localhost:80":            "http://localhost",
		"http://[::1]:3000":              "http://[::1]:3000",
		"*":                              "",
		"null":                           "",
		"https://*.example":              "",
		"https://dashboard.example/":     "",
		"https://dashboard.example/path": "",
		"https://dashboard.example?":     "",
		"https://user@dashboard.example": "",
		"ftp://dashboard.example":        "",
		"dashboard.example":              "",
		"https://":                       "",
		"https://:443":                   "",
	} {
		if got, err := ParseOrigin(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestOwnOrigin(t *testing.T) {
	for _, tc := range []struct {
		name, host string
		tls        bool
		origin     string
		want       bool
	}{
		{"Same", "localhost:8080", false, "http://localhost:8080", true},
		{"UpperCaseHost", "LocalHost:8080", false, "http://localhost:8080", true},
		{"DefaultPort", "localhost:80", false, "http://localhost", true},
		{"DefaultPortTLS", "leases.example:443", true, "https://leases.example", true},
		{"IPv6", "[::1]:8080", false, "http://[::1]:8080", true},
		{"OtherPort", "localhost:8080", false, "http://localhost:3000", false},
		{"OtherScheme", "localhost:8080", false, "https://localhost:8080", false},
		{"OtherSchemeTLS", "leases.example", true, "http://leases.example", false},
		{"OtherHost", "localhost:8080", false, "http://127.0.0.1:8080", false},
		{"Null", "localhost:8080", false, "null", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = tc.host
			if tc.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if got := new(Door).ownOrigin(r, tc.origin); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
