package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTimelyBodies: a body that never comes ends the wait for it, and one that has come leaves
// nothing behind that ends what takes longer.
func TestTimelyBodies(t *testing.T) {
	const patience, deadline = 100 * time.Millisecond, 10 * time.Second
	for name, protocol := range map[string]string{"HTTP1": "HTTP/1.1", "HTTP2": "HTTP/2.0"} {
		t.Run(name, func(t *testing.T) {
			read := make(chan error, 1)
			server := httptest.NewUnstartedServer(timelyBodies{http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
				_, err := io.ReadAll(req.Body)
				read <- err
				if err != nil {
					return
				}
				select {
				case <-req.Context().Done():
					t.Error("the deadline of the body ended the request")
				case <-time.After(3 * patience):
				}
			}), patience})
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			t.Cleanup(server.Close)
			client := server.Client()
			client.Timeout = deadline

			resp, err := client.Post(server.URL, "text/plain", strings.NewReader("all of it"))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if err := <-read; err != nil || resp.Proto != protocol {
				t.Errorf("a body that came, by %s: %v", resp.Proto, err)
			}

			never, end := io.Pipe()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				// Whether there is an answer is the library's business.
				if resp, err := client.Post(server.URL, "text/plain", never); err == nil {
					_ = resp.Body.Close()
				}
			}()
			select {
			case err := <-read:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a body that did not come: %v", err)
				}
			case <-time.After(deadline):
				t.Error("a body is waited for for ever")
			}
			_ = end.Close()
			<-sent
		})
	}
}
