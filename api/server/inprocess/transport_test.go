package inprocess_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/containerlease/containerlease/api/server/inprocess"
)

const deadline = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func roundTrip(ctx context.Context, t *testing.T, handler http.HandlerFunc, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://in-process/path?q=1", body)
	if err != nil {
		t.Fatal(err)
	}
	return inprocess.NewTransport(handler).RoundTrip(req)
}

func TestRequestAndResponse(t *testing.T) {
	resp, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.Header().Set("X-Test", "before")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Test", "too late")
		fmt.Fprintf(w, "%s %s %s %s", req.Method, req.RequestURI, req.Host, body)
	}, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%d %s %s", resp.StatusCode, resp.Header.Get("X-Test"), body), "418 before POST /path?q=1 in-process hello"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHandlerThatWritesNothing(t *testing.T) {
	resp, err := roundTrip(t.Context(), t, func(http.ResponseWriter, *http.Request) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 0 || resp.StatusCode != http.StatusOK {
		t.Errorf("got %d, %q, %v", resp.StatusCode, body, err)
	}
}

// TestStreaming: what is flushed is there before the handler has ended, header included.
func TestStreaming(t *testing.T) {
	next := make(chan struct{})
	resp, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		for i := range 3 {
			<-next
			fmt.Fprintf(w, "%d", i)
			w.(http.Flusher).Flush()
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 3 {
		next <- struct{}{}
		part := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != fmt.Sprint(i) {
			t.Fatalf("part %d: %q, %v", i, part, err)
		}
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

// TestLargeResponse is larger than the window: writer and reader take turns.
func TestLargeResponse(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	resp, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

// TestWindow: a response waits for its reader, in no more memory than it was given.
func TestWindow(t *testing.T) {
	const window = 10_000
	written := make(chan int, 1000)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			n, _ := w.Write(bytes.Repeat([]byte("0123456789"), 70))
			written <- n
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://in-process/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := inprocess.NewTransport(handler).WithWindow(window).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for range window / 700 {
		<-written
	}
	select {
	case <-written:
		t.Error("the handler wrote more than the window")
	case <-time.After(10 * time.Millisecond):
	}
	got, err := io.ReadAll(iotest.OneByteReader(resp.Body))
	if want := bytes.Repeat([]byte("0123456789"), 7000); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want the %d that were written, in order", len(got), err, len(want))
	}
}

// TestHandlerNoticesThatTheClientIsGone, whether it waits for its context or writes.
func TestHandlerNoticesThatTheClientIsGone(t *testing.T) {
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request) error{
		"Waiting": func(_ http.ResponseWriter, req *http.Request) error {
			<-req.Context().Done()
			return req.Context().Err()
		},
		"Writing": func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return err
				}
			}
		},
	} {
		for how, leave := range map[string]func(*http.Response, context.CancelFunc){
			"Close":  func(resp *http.Response, _ context.CancelFunc) { resp.Body.Close() },
			"Cancel": func(_ *http.Response, cancel context.CancelFunc) { cancel() },
		} {
			t.Run(name+how, func(t *testing.T) {
				ended := make(chan error, 1)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				resp, err := roundTrip(ctx, t, func(w http.ResponseWriter, req *http.Request) {
					w.WriteHeader(http.StatusOK)
					ended <- handler(w, req)
				}, nil)
				if err != nil {
					t.Fatal(err)
				}
				leave(resp, cancel)
				select {
				case err := <-ended:
					if err == nil {
						t.Error("the handler noticed nothing")
					}
				case <-time.After(deadline):
					t.Fatal("the handler goes on")
				}
				if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
					t.Errorf("reading on: %v", err)
				}
				resp.Body.Close()
			})
		}
	}
}

// TestClientNeedNotWaitForADeafHandler: one that has not begun to answer.
func TestClientNeedNotWaitForADeafHandler(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := roundTrip(ctx, t, func(http.ResponseWriter, *http.Request) { <-release }, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestHandlerSeesNoValues: what serves one request may make another, on the same server.
func TestHandlerSeesNoValues(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "of the request that is served")
	resp, err := roundTrip(ctx, t, func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprint(w, req.Context().Value(key{}))
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "<nil>" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestPanics(t *testing.T) {
	_, err := roundTrip(t.Context(), t, func(http.ResponseWriter, *http.Request) { panic("oh no") }, nil)
	if !errors.Is(err, inprocess.ErrAborted) || !strings.Contains(err.Error(), "oh no") {
		t.Errorf("before the response: %v", err)
	}
	resp, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, inprocess.ErrAborted) {
		t.Errorf("in the response: %v", err)
	}
}

// longLived is a context that counts the callbacks that wait for its end.
type longLived struct {
	context.Context
	done      chan struct{}
	callbacks atomic.Int64
}

func (c *longLived) Done() <-chan struct{} { return c.done }

func (c *longLived) AfterFunc(func()) func() bool {
	c.callbacks.Add(1)
	var once sync.Once
	return func() bool {
		once.Do(func() { c.callbacks.Add(-1) })
		return true
	}
}

// TestNothingStaysWithALongLivedContext: informers use one context for all they do.
func TestNothingStaysWithALongLivedContext(t *testing.T) {
	ctx := &longLived{Context: context.Background(), done: make(chan struct{})}
	for range 100 {
		resp, err := roundTrip(ctx, t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for end := time.Now().Add(deadline); ctx.callbacks.Load() != 0; {
		if time.Now().After(end) {
			t.Fatalf("%d callbacks still wait for the end of the context", ctx.callbacks.Load())
		}
		time.Sleep(time.Millisecond)
	}
}
