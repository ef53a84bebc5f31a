package door_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// connect opens a connection on which a test writes what no HTTP client would.
func connect(t *testing.T, f *gatewaytest.Fixture) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(gatewaytest.Patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSlowloris: who sends a byte now and then does not keep us, and others are served meanwhile.
func TestSlowloris(t *testing.T) {
	const limit = 100 * time.Millisecond
	f := gatewaytest.New(t, gatewaytest.Options{
		Gateway: func(c *gateway.Config) { c.Door.BodyTimeout = limit },
		Server:  func(s *http.Server) { s.ReadHeaderTimeout = limit },
	})

	t.Run("Header", func(t *testing.T) {
		conn := connect(t, f)
		fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		if answer, _ := io.ReadAll(conn); strings.Contains(string(answer), "200 OK") {
			t.Errorf("got %q", answer)
		}
	})
	t.Run("Body", func(t *testing.T) {
		conn := connect(t, f)
		fmt.Fprintf(conn, "POST /api/provision HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", f.People.Owner)
		if got := f.Do("GET", "/api/containers", f.People.Owner, ""); got.StatusCode != 200 {
			t.Errorf("somebody else meanwhile: %d", got.StatusCode)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode < 400 || response.StatusCode >= 500 || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("got %d %v", response.StatusCode, response.Header)
		}
	})
	t.Run("BodyThatNobodyReads", func(t *testing.T) {
		conn := connect(t, f)
		fmt.Fprint(conn, "POST /api/provision HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
		if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "401 Unauthorized") {
			t.Errorf("got %q, %v, want 401 and the connection closed", answer, err)
		}
	})
	t.Run("WaitOutlastsTheLimit", func(t *testing.T) {
		// The limit is for the body, and not for what comes of it.
		release := f.Engine.Hang("Create")
		defer release()
		time.AfterFunc(3*limit, release)
		got := f.Do("POST", "/api/provision?wait=20s", f.People.Owner, `{"imageType":"alpine","durationMinutes":5}`)
		if got.StatusCode != http.StatusCreated {
			t.Errorf("got %d %s", got.StatusCode, got.Text)
		}
	})
}

// TestReaderThatTakesNothing is cut off, and does not hold a handler.
func TestReaderThatTakesNothing(t *testing.T) {
	ended := make(chan error, 1)
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) {
		c.WriteTimeout = 100 * time.Millisecond
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 1<<20)
			var err error
			for err == nil {
				_, err = w.Write(block)
			}
			ended <- err
		})
	}})
	conn := connect(t, f)
	fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing ended with %v", err)
		}
	case <-time.After(gatewaytest.Patience):
		t.Fatal("the handler is still writing")
	}
}

// TestConnectionIsUsedAgain: deadlines of one request are none of the next on its connection.
func TestConnectionIsUsedAgain(t *testing.T) {
	const limit = 50 * time.Millisecond
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) {
		c.Door.BodyTimeout, c.WriteTimeout = limit, limit
	}})
	conn := connect(t, f)
	reader := bufio.NewReader(conn)
	for range 3 {
		body := `{"token":"guess"}`
		fmt.Fprintf(conn, "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 401 {
			t.Fatalf("got %d, %v", response.StatusCode, err)
		}
		time.Sleep(2 * limit) // what is tested is that time passes
	}
}

// TestTooOften: each user has a bucket, and each address for who is nobody.
func TestTooOften(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) { c.Door.Rate, c.Door.Burst = 1, 5 }})
	exhaust := func(credential string) gatewaytest.Answer {
		t.Helper()
		for range 100 {
			if got := f.Do("GET", "/api/session", credential, ""); got.StatusCode == http.StatusTooManyRequests {
				return got
			}
		}
		t.Fatal("there is no limit")
		return gatewaytest.Answer{}
	}
	refused := exhaust(f.People.Owner)
	if after, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || after < 1 || after > 5 ||
		refused.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(refused.Text, "too-many-requests") {
		t.Errorf("got %v %s", refused.Header, refused.Text)
	}
	if !hasLine(f.Log.Lines("audit"), map[string]any{"status": 429.0, "principal": "alice"}) {
		t.Errorf("audit lines: %v", f.Log.Lines("audit"))
	}
	if got := f.Do("GET", "/api/session", f.People.Other, ""); got.StatusCode != 200 {
		t.Errorf("somebody else: %d", got.StatusCode)
	}
	// A user's other credentials take from the same bucket; guesses take from the address's.
	if got := f.Do("GET", "/api/session", f.Session(f.People.Owner), ""); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("another credential of the same user: %d", got.StatusCode)
	}
	exhaust("guess")
	if got := f.Do("GET", "/", "", ""); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("nobody, from the same address: %d", got.StatusCode)
	}
	if got := f.Do("GET", "/api/session", f.People.Viewer, ""); got.StatusCode != 200 {
		t.Errorf("a good credential from the same address: %d", got.StatusCode)
	}
	for range 20 {
		if got := f.Do("GET", "/healthz", "", ""); got.StatusCode != 200 {
			t.Fatalf("health: %d", got.StatusCode)
		}
	}
}

// TestMetrics are for this machine, and else for whoever is signed in.
func TestMetrics(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{Gateway: func(c *gateway.Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1\n") })
	}})
	for name, tc := range map[string]struct {
		credential string
		change     func(*http.Request)
		status     int
	}{
		"Local":         {change: func(*http.Request) {}, status: 200},
		"ProxyAnonym":   {change: withHeader("X-Forwarded-For", "192.0.2.7"), status: 401},
		"ProxyVia":      {change: withHeader("Via", "1.1 proxy"), status: 401},
		"ProxySignedIn": {credential: f.People.Viewer, change: withHeader("Forwarded", "for=192.0.2.7"), status: 200},
	} {
		if got := f.Do("GET", "/metrics", tc.credential, "", tc.change); got.StatusCode != tc.status {
			t.Errorf("%s: got %d, want %d", name, got.StatusCode, tc.status)
		}
	}
}

// TestAccessLog: one line a request, with who and what and without what is secret.
func TestAccessLog(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	f.Log.Clear()
	got := f.Do("GET", "/api/containers/secret-in-path?token=secret-in-query", f.People.Owner, "", withHeader("X-Request-ID", "the-request"))
	if got.StatusCode != 404 {
		t.Errorf("got %d", got.StatusCode)
	}
	f.Await("the line", func() bool { return len(f.Log.Lines("request")) > 0 })
	lines := f.Log.Lines("request")
	if len(lines) != 1 || !hasLine(lines, map[string]any{
		"requestID": "the-request", "principal": "alice", "method": "GET", "route": "/api/containers/{id}",
		"status": 404.0, "bytes": float64(len(got.Text)), "remote": "127.0.0.1", "level": "INFO",
	}) {
		t.Errorf("got %v", lines)
	}
	if duration, _ := lines[0]["duration"].(float64); duration <= 0 {
		t.Errorf("the duration is %v", lines[0]["duration"])
	}
	for _, secret := range []string{"secret-in-path", "secret-in-query", f.People.Owner} {
		if strings.Contains(f.Log.String(), secret) {
			t.Errorf("the log tells %s: %s", secret, f.Log)
		}
	}
}
