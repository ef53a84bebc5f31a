package drivertest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is an image registry on 127.0.0.1, where engines need no TLS.
type Registry struct {
	// Host is its address, the first part of its references.
	Host string

	silence chan struct{}
}

// Repositories with these prefixes aren't served but answered as their names say.
const (
	// Unauthorized asks for credentials.
	Unauthorized = "unauthorized"
	// Denied refuses.
	Denied = "denied"
	// Silent doesn't answer until the test ends.
	Silent = "silent"
)

// NewRegistry starts an empty registry, which ends with the test.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{silence: make(chan struct{})}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		repository := strings.TrimPrefix(req.URL.Path, "/v2/")
		switch {
		case strings.HasPrefix(repository, Unauthorized):
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		case strings.HasPrefix(repository, Denied):
			refuse(w, http.StatusForbidden, "DENIED")
		case strings.HasPrefix(repository, Silent):
			select {
			case <-r.silence:
			case <-req.Context().Done():
			}
		default:
			images.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(r.silence) })
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"access refused"}]}`, code)
}

// Push puts an image of random content into the registry. It returns its reference and the
// digest of its manifest.
func (r *Registry) Push(t testing.TB, repository string) (ref, digest string) {
	t.Helper()
	img, err := random.Image(4096, 3)
	if err != nil {
		t.Fatalf("making an image: %v", err)
	}
	return r.PushImage(t, repository, img)
}

// PushImage puts an image into the registry as repository:latest.
func (r *Registry) PushImage(t testing.TB, repository string, img v1.Image) (ref, digest string) {
	t.Helper()
	ref = r.Host + "/" + repository + ":latest"
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatalf("image reference %s: %v", ref, err)
	}
	ctx, cancel := Context(t)
	defer cancel()
	if err := remote.Write(tag, img, remote.WithContext(ctx)); err != nil {
		t.Fatalf("pushing %s: %v", ref, err)
	}
	hash, err := img.Digest()
	if err != nil {
		t.Fatalf("digest of %s: %v", ref, err)
	}
	return ref, hash.String()
}
