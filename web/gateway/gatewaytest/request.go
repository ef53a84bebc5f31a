package gatewaytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// Answer is what a request was answered with, body and all.
type Answer struct {
	*http.Response
	Text string
}

// Do sends a request to the gateway and reads the answer. Of a body, the Content-Type is JSON
// unless change says otherwise. Redirects are not followed.
func (f *Fixture) Do(method, target, credential, body string, change ...func(*http.Request)) Answer {
	f.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+target, reader)
	if err != nil {
		f.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if credential != Anonymous {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	for _, c := range change {
		c(request)
	}
	return f.Send(request)
}

// httpClient follows no redirect, and keeps no connection that would outlive the test.
var httpClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       Patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Send sends a request and reads the answer.
func (f *Fixture) Send(request *http.Request) Answer {
	f.t.Helper()
	response, err := httpClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatalf("%s %s: reading the answer: %v", request.Method, request.URL, err)
	}
	return Answer{response, string(text)}
}

// JSON decodes the answer, which must be of the form of into.
func (f *Fixture) JSON(answer Answer, into any) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(answer.Text), into); err != nil {
		f.t.Fatalf("%s %s was answered %d %q, which is no %T: %v",
			answer.Request.Method, answer.Request.URL, answer.StatusCode, answer.Text, into, err)
	}
}

// Dial asks for a WebSocket at a path of the gateway, and returns the status of the answer: 101 if it
// was opened, in which case it is closed again.
func (f *Fixture) Dial(target string, header http.Header) int {
	f.t.Helper()
	ws, response, err := websocket.Dial(f.t.Context(), "ws"+strings.TrimPrefix(f.URL, "http")+target, &websocket.DialOptions{
		HTTPClient: httpClient, HTTPHeader: header,
	})
	if err == nil {
		_ = ws.CloseNow()
	}
	if response == nil {
		f.t.Fatalf("dialing %s: %v", target, err)
	}
	return response.StatusCode
}
