// Package dashboard serves the dashboard's page and files to browsers. What the page shows it asks for
// itself, as whoever is signed in; nothing here is anybody's.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// AssetsPrefix begins the paths of files whose names change with their content.
	AssetsPrefix = "/assets/"
	// nonceMark stands in the page where its nonce is to be: html.cspNonce of web/ui/vite.config.ts.
	nonceMark = "__CSP_NONCE__"
	// forGood is for what never changes under its name, and forNow for what may.
	forGood = "public, max-age=31536000, immutable"
	forNow  = "public, max-age=3600"
	// leastGain is how many bytes are worth compressing.
	leastGain = 512
)

// types are those of the files there are, whatever the machine's own tables say.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".map":   "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// file is a file as it is sent.
type file struct {
	plain, gzipped     []byte // gzipped is nil where it would gain nothing
	contentType, cache string
	etag               string
}

// Dashboard is the handler of the page and the files. It is safe for concurrent use.
type Dashboard struct {
	files map[string]file // by path, with the slash before it
	page  []byte
}

// New reads and compresses the files of a built dashboard, once. It fails if they can't be read, or there is no
// index.html among them.
func New(files fs.FS) (*Dashboard, error) {
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the dashboard's page: %w", err)
	}
	d := &Dashboard{files: map[string]file{}, page: page}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || types[path.Ext(name)] == "" || name == "index.html" {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		d.files["/"+name], err = newFile("/"+name, content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the dashboard: %w", err)
	}
	return d, nil
}

func newFile(name string, content []byte) (file, error) {
	sum := sha256.Sum256(content)
	f := file{
		plain: content, contentType: types[path.Ext(name)], cache: forNow,
		etag: `"` + hex.EncodeToString(sum[:8]) + `"`,
	}
	if strings.HasPrefix(name, AssetsPrefix) {
		f.cache = forGood
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return file{}, err
	}
	if _, err := w.Write(content); err != nil {
		return file{}, err
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	if compressed.Len()+leastGain < len(content) {
		f.gzipped = compressed.Bytes()
	}
	return f, nil
}

// ServeFile answers with the file of the request's path, or that there is none.
func (d *Dashboard) ServeFile(w http.ResponseWriter, r *http.Request) {
	if !d.TryFile(w, r) {
		problem.Write(w, r, problem.NotFound.With("the dashboard has no such file: the page may be of another version of the server, so load it again"))
	}
}

// TryFile answers with the file of the request's path; false if there is none.
func (d *Dashboard) TryFile(w http.ResponseWriter, r *http.Request) bool {
	f, ok := d.files[r.URL.Path]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", f.etag)
	content := f.plain
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			// Two forms of one file must not pass for each other.
			h.Set("ETag", strings.TrimSuffix(f.etag, `"`)+`-gzip"`)
			content = f.gzipped
		}
	}
	// It answers 304, ranges and HEAD; the length of what is encoded it leaves to us.
	if h.Get("Content-Encoding") != "" && r.Header.Get("Range") == "" && !matches(r, h.Get("ETag")) {
		h.Set("Content-Length", strconv.Itoa(len(content)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return true
}

func takesGzip(r *http.Request) bool {
	for _, one := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(coding, "gzip") && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

func matches(r *http.Request, etag string) bool {
	return strings.Contains(r.Header.Get("If-None-Match"), etag)
}

// ServePage answers with the page, whatever its path is: what it shows there is the page's business. The style
// elements that its scripts make bear a nonce, which is another for each answer.
func (d *Dashboard) ServePage(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", types[".html"])
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"),
		"style-src 'self'", "style-src 'self' 'nonce-"+nonce+"'", 1))
	page := bytes.ReplaceAll(d.page, []byte(nonceMark), []byte(nonce))
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page) // nobody is left to tell
	}
}

// WantsPage says whether a request that no route takes is that of a person who opens an address.
func WantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, prefix := range []string{"/api/", "/apis/", "/ws/", AssetsPrefix} {
		if strings.HasPrefix(r.URL.Path+"/", prefix) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
