package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
)

// TestArrivals: a user who holds bodies back gets no further than that with it, and is in nobody
// else's way.
func TestArrivals(t *testing.T) {
	guard := newQuantityGuard(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.WriteHeader(http.StatusCreated)
	}))
	send := func(name string, body io.Reader) int {
		ctx := genericapirequest.WithUser(t.Context(), &user.DefaultInfo{Name: name})
		ctx = genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{IsResourceRequest: true, Verb: "create"})
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/apis", body)
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		guard.ServeHTTP(w, req)
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
			t.Error("a refusal does not say when to come again")
		}
		return w.Code
	}

	var held []*io.PipeWriter
	codes := make(chan int)
	for range maxArrivals {
		body, writer := io.Pipe()
		go func() { codes <- send("mallory", body) }()
		if _, err := writer.Write([]byte("{")); err != nil { // returns when it is being read
			t.Fatal(err)
		}
		held = append(held, writer)
	}
	if got := send("mallory", strings.NewReader("{}")); got != http.StatusTooManyRequests {
		t.Errorf("one more of the same user: got %d", got)
	}
	if got := send("alice", strings.NewReader("{}")); got != http.StatusCreated {
		t.Errorf("another user: got %d", got)
	}
	for _, writer := range held {
		_, _ = writer.Write([]byte("}"))
		_ = writer.Close()
		if got := <-codes; got != http.StatusCreated {
			t.Errorf("a body that came in the end: got %d", got)
		}
	}
	if got := send("mallory", strings.NewReader("{}")); got != http.StatusCreated {
		t.Errorf("afterwards: got %d", got)
	}
	if left := len(guard.arrivals.ofUser); left != 0 {
		t.Errorf("%d users are remembered", left)
	}
}
