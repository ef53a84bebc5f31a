package dashboard

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const script = "/assets/index-abc.js"

func newDashboard(t *testing.T) *Dashboard {
	t.Helper()
	d, err := New(fstest.MapFS{
		"index.html":          {Data: []byte(`<meta nonce="__CSP_NONCE__"><script nonce="__CSP_NONCE__">`)},
		script[1:]:            {Data: []byte(strings.Repeat("let x = 1;\n", 1000))},
		"favicon.svg":         {Data: []byte("<svg/>")},
		".gitkeep":            {},
		"assets/unknown.exe":  {Data: []byte("x")},
		"assets/f-abc.woff2":  {Data: []byte("font")},
		"assets/s-abc.css":    {Data: []byte("a{}")},
		"assets/s-abc.js.map": {Data: []byte("{}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(handler http.HandlerFunc, target string, header http.Header) *http.Response {
	r := httptest.NewRequest("GET", target, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	handler(w, r)
	return w.Result()
}

func TestFiles(t *testing.T) {
	d := newDashboard(t)
	for target, want := range map[string]struct {
		status      int
		kind, cache string
	}{
		script:                {200, "text/javascript; charset=utf-8", forGood},
		"/assets/s-abc.css":   {200, "text/css; charset=utf-8", forGood},
		"/assets/f-abc.woff2": {200, "font/woff2", forGood},
		"/favicon.svg":        {200, "image/svg+xml", forNow},
		"/assets/unknown.exe": {404, "application/problem+json", "no-store"},
		"/assets/old-abc.js":  {404, "application/problem+json", "no-store"},
		"/.gitkeep":           {404, "application/problem+json", "no-store"},
		"/index.html":         {404, "application/problem+json", "no-store"},
		"/assets/":            {404, "application/problem+json", "no-store"},
	} {
		got := get(d.ServeFile, target, nil)
		if got.StatusCode != want.status || got.Header.Get("Content-Type") != want.kind || got.Header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: %d %v", target, got.StatusCode, got.Header)
		}
	}
}

func TestCompression(t *testing.T) {
	d := newDashboard(t)
	plain := get(d.ServeFile, script, nil)
	packed := get(d.ServeFile, script, http.Header{"Accept-Encoding": {"br, gzip;q=0.8"}})
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("got %v and %v", plain.Header, packed.Header)
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("both forms have one tag")
	}
	unpacked, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := io.ReadAll(plain.Body)
	two, err2 := io.ReadAll(unpacked)
	if err1 != nil || err2 != nil || string(one) != string(two) {
		t.Errorf("the forms differ: %v, %v", err1, err2)
	}
	again := get(d.ServeFile, script, http.Header{"Accept-Encoding": {"gzip"}, "If-None-Match": {packed.Header.Get("ETag")}})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("what is known already: %d", again.StatusCode)
	}
	if got := get(d.ServeFile, script, http.Header{"Accept-Encoding": {"gzip;q=0"}}); got.Header.Get("Content-Encoding") != "" {
		t.Error("gzip was refused, and sent")
	}
}

// TestPage: its nonce is in the page and in the policy, and another each time.
func TestPage(t *testing.T) {
	d := newDashboard(t)
	seen := map[string]bool{}
	for range 2 {
		r := httptest.NewRequest("GET", "/leases/alice/demo", nil)
		w := httptest.NewRecorder()
		w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'self'")
		d.ServePage(w, r)
		match := regexp.MustCompile(`<meta nonce="([A-Z0-9]{20,})"><script nonce="([A-Z0-9]{20,})">`).FindStringSubmatch(w.Body.String())
		if match == nil || match[1] != match[2] {
			t.Fatalf("the page is %s", w.Body)
		}
		if want := "script-src 'self'; style-src 'self' 'nonce-" + match[1] + "'"; w.Header().Get("Content-Security-Policy") != want {
			t.Errorf("the policy is %q, want %q", w.Header().Get("Content-Security-Policy"), want)
		}
		if w.Header().Get("Cache-Control") != "no-store" || seen[match[1]] {
			t.Errorf("a nonce may be used twice: %v", w.Header())
		}
		seen[match[1]] = true
	}
}

func TestWantsPage(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, tc := range []struct {
		method, target, accept string
		want                   bool
	}{
		{"GET", "/leases/alice/demo", browser, true},
		{"HEAD", "/billing", browser, true},
		{"GET", "/billing", "*/*", false},
		{"POST", "/billing", browser, false},
		{"GET", "/api/nothing", browser, false},
		{"GET", "/api", browser, false},
		{"GET", "/apis", browser, false},
		{"GET", "/ws/nothing", browser, false},
		{"GET", "/assets/old.js", browser, false},
	} {
		r := httptest.NewRequest(tc.method, tc.target, nil)
		r.Header.Set("Accept", tc.accept)
		if got := WantsPage(r); got != tc.want {
			t.Errorf("%s %s, Accept %s: %t", tc.method, tc.target, tc.accept, got)
		}
	}
}

func TestNotBuilt(t *testing.T) {
	if _, err := New(fstest.MapFS{".gitkeep": {}}); err == nil {
		t.Error("a dashboard without a page was taken")
	}
}
