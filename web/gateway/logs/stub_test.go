package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/inprocess"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// patience bounds whatever a test waits for.
	patience = 20 * time.Second
	leaseUID = "11111111-1111-4111-8111-111111111111"
)

var begin0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// stubAPI is an API server with one lease, whose log a test plays. What the real one does with
// these requests is tested with the real one; here it is about what a viewer makes of it.
type stubAPI struct {
	t testing.TB

	mu      sync.Mutex
	lease   *v1alpha1.ContainerLease // nil once it is gone
	version int
	changed chan struct{} // closed at each change

	// logs receives each request for the log; who receives it answers.
	logs chan *logRequest
}

// logRequest is a request for the log, and the means to answer it.
type logRequest struct {
	query  url.Values
	frames chan string // lines to answer with; closed at the regular end
	fail   chan error  // refuses the request, or breaks the answer off
	gone   <-chan struct{}
}

func newStubAPI(t testing.TB) *stubAPI {
	s := &stubAPI{t: t, changed: make(chan struct{}), logs: make(chan *logRequest, 100)}
	s.change(func(l *v1alpha1.ContainerLease) {
		l.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ContainerLease"}
		l.ObjectMeta = metav1.ObjectMeta{Namespace: "alice", Name: "demo", UID: leaseUID, CreationTimestamp: metav1.NewTime(begin0)}
		l.Status.Phase = v1alpha1.LeaseRunning
		l.Status.Container = &v1alpha1.ContainerStatus{ID: strings.Repeat("ab", 32)}
		l.Status.Segments = []v1alpha1.UsageSegment{{StartedAt: v1alpha1.NewTimestamp(begin0)}}
	})
	return s
}

// change changes the lease.
func (s *stubAPI) change(f func(*v1alpha1.ContainerLease)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		s.lease = &v1alpha1.ContainerLease{}
	} else {
		s.lease = s.lease.DeepCopy()
	}
	f(s.lease)
	s.bump()
	s.lease.ResourceVersion = strconv.Itoa(s.version)
}

// remove deletes the lease.
func (s *stubAPI) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease = nil
	s.bump()
}

func (s *stubAPI) bump() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stubAPI) now() (lease *v1alpha1.ContainerLease, version int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease, s.version, s.changed
}

// nextLog returns the next request for the log.
func (s *stubAPI) nextLog() *logRequest {
	s.t.Helper()
	select {
	case r := <-s.logs:
		return r
	case <-time.After(patience):
		s.t.Fatal("nobody asked for the log")
		return nil
	}
}

// line is a record of the API.
func line(n int, stream, text string) string {
	at := begin0.Add(time.Duration(n) * time.Second).Format(time.RFC3339Nano)
	return string(appendEscaped(fmt.Appendf(nil, `{"timestamp":"%s","stream":"%s","line":"`, at, stream), text)) + `"}`
}

// ServeHTTP implements http.Handler.
func (s *stubAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer secret" {
		answer(w, http.StatusUnauthorized, apierrors.NewUnauthorized("no").ErrStatus)
		return
	}
	const collection = "/apis/containerlease.dev/v1alpha1/namespaces/alice/containerleases"
	switch lease, version, _ := s.now(); {
	case r.URL.Path == collection+"/demo/log":
		s.serveLog(w, r)
	case r.URL.Path == collection+"/demo" && lease != nil:
		answer(w, http.StatusOK, lease)
	case r.URL.Path == collection && r.URL.Query().Get("watch") == "true":
		s.serveWatch(w, r)
	case r.URL.Path == collection:
		list := v1alpha1.ContainerLeaseList{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ContainerLeaseList"}}
		list.ResourceVersion = strconv.Itoa(version)
		if lease != nil && r.URL.Query().Get("fieldSelector") == "metadata.uid="+string(lease.UID) {
			list.Items = append(list.Items, *lease)
		}
		answer(w, http.StatusOK, list)
	default:
		answer(w, http.StatusNotFound, apierrors.NewNotFound(v1alpha1.Resource("containerleases"), "demo").ErrStatus)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *stubAPI) serveWatch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	seen, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	for {
		lease, version, changed := s.now()
		if version > seen {
			seen = version
			kind := "MODIFIED"
			if lease == nil {
				kind, lease = "DELETED", &v1alpha1.ContainerLease{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ContainerLease"}}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"type": kind, "object": lease})
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *stubAPI) serveLog(w http.ResponseWriter, r *http.Request) {
	request := &logRequest{r.URL.Query(), make(chan string), make(chan error), r.Context().Done()}
	s.logs <- request
	begun := false
	for {
		select {
		case line, ok := <-request.frames:
			if !begun {
				w.WriteHeader(http.StatusOK)
				begun = true
			}
			if !ok {
				return
			}
			if _, err := w.Write([]byte(line + "\n")); err != nil {
				return
			}
		case err := <-request.fail:
			if status, ok := err.(apierrors.APIStatus); ok && !begun {
				answer(w, int(status.Status().Code), status.Status())
				return
			}
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

// send answers with lines.
func (r *logRequest) send(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		select {
		case r.frames <- line:
		case <-r.gone:
			t.Fatal("nobody reads the log any more")
		case <-time.After(patience):
			t.Fatal("the log is not read")
		}
	}
}

// stubIdentities knows one credential.
type stubIdentities struct {
	caller.Identities
	mu       sync.Mutex
	identity caller.Identity
	err      error
	changed  chan struct{}
}

func (s *stubIdentities) Identify(context.Context, string) (caller.Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity, s.err
}

func (s *stubIdentities) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// change changes who the credential stands for.
func (s *stubIdentities) change(identity caller.Identity, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identity, s.err = identity, err
	close(s.changed)
	s.changed = make(chan struct{})
}

var alice = caller.Identity{User: "alice", Namespace: "alice", Namespaces: []string{"alice"}}

// bench is a handler on a stub API, served.
type bench struct {
	t          testing.TB
	api        *stubAPI
	identities *stubIdentities
	stopping   chan struct{}
	url        string
}

func newBench(t testing.TB, clk clock.WithTicker, change ...func(*Config)) *bench {
	b := &bench{
		t: t, api: newStubAPI(t), stopping: make(chan struct{}),
		identities: &stubIdentities{identity: alice, changed: make(chan struct{})},
	}
	transport := caller.NewTransport(inprocess.NewTransport(b.api))
	client, err := caller.NewClient(transport)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		API: transport, Client: client, Identities: b.identities, Stopping: b.stopping, Clock: clk, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	routes := chi.NewRouter()
	routes.Method(http.MethodGet, "/ws/logs/{id}", New(cfg))
	t.Cleanup(func() { expectNoneLeft(t) })
	var serving sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		defer func() {
			cause := recover()
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				return // a handshake that was broken off
			}
			if cause != nil {
				t.Errorf("panic: %v\n%s", cause, debug.Stack())
			}
		}()
		if credential := r.Header.Get("Authorization"); credential != "" {
			r = r.WithContext(caller.Into(r.Context(), caller.Caller{Identity: alice, Credential: strings.TrimPrefix(credential, "Bearer ")}))
		}
		routes.ServeHTTP(w, r)
	}))
	b.url = server.URL
	t.Cleanup(func() {
		server.Close()
		serving.Wait() // a viewer is no connection of the server's any more
	})
	return b
}

// expectNoneLeft fails the test if goroutines of this package are left. Those of others are not looked at: whole
// servers run in other tests.
func expectNoneLeft(t testing.TB) {
	t.Helper()
	const ours = "web/gateway/logs."
	var left []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stacks := make([]byte, 16<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = left[:0]
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, ours) && !strings.Contains(stack, "testing.tRunner(") && !strings.Contains(stack, "testing.fRunner(") && !strings.Contains(stack, "testing.(*M)") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left; the first is\n%s", len(left), left[0])
}

// peer is what is at the other end of a viewer: a client that nobody here wrote.
type peer struct {
	t testing.TB
	*websocket.Conn
}

// dial connects.
func (b *bench) dial(query string) *peer {
	b.t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.url, "http")+"/ws/logs/"+leaseUID+query,
		http.Header{"Authorization": {"Bearer secret"}})
	if err != nil {
		b.t.Fatalf("connecting: %v (%v)", err, response)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	return &peer{b.t, conn}
}

// next reads a frame.
func (p *peer) next() frame {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	kind, data, err := p.ReadMessage()
	if err != nil {
		p.t.Fatalf("reading a frame: %v", err)
	}
	if kind != websocket.TextMessage {
		p.t.Errorf("a frame of kind %d, want text", kind)
	}
	return decodeFrame(p.t, data)
}

// expect reads a frame that must say this.
func (p *peer) expect(message string) frame {
	p.t.Helper()
	f := p.next()
	if !strings.Contains(f.Message, message) {
		p.t.Fatalf("got frame %+v, want %q", f, message)
	}
	return f
}

// closed reads the close.
func (p *peer) closed(code int) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	_, data, err := p.ReadMessage()
	if !websocket.IsCloseError(err, code) {
		p.t.Errorf("got %q, %v; want close code %d", data, err, code)
	}
}

func finish(reason v1alpha1.FinishReason, exitCode int32) func(*v1alpha1.ContainerLease) {
	return func(l *v1alpha1.ContainerLease) {
		l.Status.Phase, l.Status.FinishReason = v1alpha1.LeaseTerminating, reason
		l.Status.Container.ExitCode = &exitCode
	}
}

func decodeProblem(t *testing.T, response *http.Response) problem.Problem {
	t.Helper()
	if got := response.Header.Get("Content-Type"); got != problem.MediaType {
		t.Errorf("the answer is %s, want %s", got, problem.MediaType)
	}
	var p problem.Problem
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		t.Fatalf("reading the problem: %v", err)
	}
	return p
}
