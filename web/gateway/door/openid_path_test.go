package door

import (
	"strings"
	"testing"
)

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/":                             "/",
		"/leases/x":                     "/leases/x",
		"/leases?a=b#c":                 "/leases?a=b#c",
		"/a//b":                         "/a//b",
		"/x?next=https://evil.example":  "/x?next=https://evil.example",
		"/" + strings.Repeat("a", 1023): "/" + strings.Repeat("a", 1023),
		"":                              "/",
		"leases":                        "/",
		"//evil.example":                "/",
		"///evil.example":               "/",
		`/\evil.example`:                "/",
		`\/evil.example`:                "/",
		`/a\b`:                          "/",
		"/\t/evil.example":              "/",
		"/\n/evil.example":              "/",
		" //evil.example":               "/",
		"/ /evil.example":               "/",
		"/\x00/evil.example":            "/",
		"/\x7f":                         "/",
		"https://evil.example":          "/",
		"https:evil.example":            "/",
		"javascript:alert(1)":           "/",
		"@evil.example":                 "/",
		".evil.example":                 "/",
		"/%zz":                          "/",
		"/" + strings.Repeat("a", 1024): "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}
