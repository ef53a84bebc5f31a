package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// streamer is a LogStreamer whose behaviour is a function.
type streamer func(ctx context.Context, opts server.LogOptions, handle func(server.LogBatch) error) error

func (s streamer) Stream(ctx context.Context, namespace, name string, uid types.UID, opts server.LogOptions, handle func(server.LogBatch) error) error {
	if namespace != "default" || name != "demo" || uid == "" {
		return fmt.Errorf("asked for %s/%s (%s)", namespace, name, uid)
	}
	return s(ctx, opts, handle)
}

// withLog starts a server with this streamer and a running lease, and returns REST
// clients for its group: over the socket, and in process.
func withLog(t *testing.T, s streamer) (*fixture, map[string]rest.Interface) {
	t.Helper()
	f := start(t, startRedis(t), func(c *server.Config) {
		c.Logs = s
	})
	c := f.client(t)
	l := lease("demo")
	must(t, c.Create(t.Context(), l))
	must(t, c.Create(t.Context(), lease("waiting")))
	l.Status.Container = &v1alpha1.ContainerStatus{ID: "abc"}
	must(t, c.Status().Update(t.Context(), l))
	return f, restClients(t, f)
}

func logOf(c rest.Interface, name string, params ...string) *rest.Request {
	req := c.Get().Namespace("default").Resource("containerleases").Name(name).SubResource("log")
	for i := 0; i+1 < len(params); i += 2 {
		req.Param(params[i], params[i+1])
	}
	return req
}

func lineOf(text string) server.LogBatch {
	return server.LogBatch{Lines: []server.LogLine{{At: time.Date(2026, 1, 2, 3, 4, 5, 67, time.UTC), Text: []byte(text)}}}
}

func TestLogOptions(t *testing.T) {
	asked := make(chan server.LogOptions, 1)
	_, clients := withLog(t, func(_ context.Context, opts server.LogOptions, handle func(server.LogBatch) error) error {
		asked <- opts
		return handle(lineOf("one\n"))
	})
	const moment = "2026-01-02T03:04:05.000000006Z"
	since := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for name, tc := range map[string]struct {
		params []string
		want   server.LogOptions
		body   string
	}{
		"None":        {body: "one\n"},
		"Follow":      {[]string{"follow", "true", "tailLines", "5"}, server.LogOptions{Follow: true, TailLines: ptr.To[int64](5)}, "one\n"},
		"Timestamps":  {[]string{"timestamps", "true"}, server.LogOptions{}, "2026-01-02T03:04:05.000000067Z one\n"},
		"SinceTime":   {[]string{"sinceTime", moment}, server.LogOptions{After: since.Add(-1)}, "one\n"},
		"After":       {[]string{"after", moment}, server.LogOptions{After: since}, "one\n"},
		"BothCount":   {[]string{"after", "2020-01-01T00:00:00Z", "sinceTime", moment}, server.LogOptions{After: since.Add(-1)}, "one\n"},
		"JSON":        {[]string{"format", "json"}, server.LogOptions{}, `{"timestamp":"2026-01-02T03:04:05.000000067Z","stream":"stdout","line":"one"}` + "\n"},
		"FollowJSON":  {[]string{"format", "json", "follow", ""}, server.LogOptions{Follow: true, Lossy: true}, `{"timestamp":"2026-01-02T03:04:05.000000067Z","stream":"stdout","line":"one"}` + "\n"},
		"TextByName":  {[]string{"format", "text"}, server.LogOptions{}, "one\n"},
		"NoSuchParam": {[]string{"fromat", "json"}, server.LogOptions{}, "one\n"},
	} {
		for way, c := range clients {
			t.Run(name+way, func(t *testing.T) {
				body, err := logOf(c, "demo", tc.params...).DoRaw(t.Context())
				if err != nil || string(body) != tc.body {
					t.Errorf("got %q, %v, want %q", body, err, tc.body)
				}
				if diff := cmp.Diff(tc.want, <-asked); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		}
	}
}

func TestLogErrors(t *testing.T) {
	fail := errors.New("the engine sulks")
	_, clients := withLog(t, func(context.Context, server.LogOptions, func(server.LogBatch) error) error { return fail })
	for name, tc := range map[string]struct {
		lease  string
		params []string
		code   int
	}{
		"NoLease":       {lease: "nobody", code: 404},
		"NotYet":        {lease: "waiting", code: 409},
		"Malformed":     {lease: "demo", params: []string{"tailLines", "x"}, code: 400},
		"Negative":      {lease: "demo", params: []string{"tailLines", "-1"}, code: 422},
		"BothSince":     {lease: "demo", params: []string{"sinceSeconds", "5", "sinceTime", "2026-01-02T03:04:05Z"}, code: 422},
		"NoSuchFormat":  {lease: "demo", params: []string{"format", "xml"}, code: 422},
		"EngineTrouble": {lease: "demo", code: 503},
		"WhileFollowed": {lease: "demo", params: []string{"follow", "true"}, code: 503},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := logOf(clients["InProcess"], tc.lease, tc.params...).MaxRetries(0).DoRaw(t.Context())
			var status apierrors.APIStatus
			if !errors.As(err, &status) || int(status.Status().Code) != tc.code {
				t.Errorf("got %v, want %d", err, tc.code)
			}
		})
	}
}

// TestFollow: lines come as they are written, and each end of the stream notices the other's.
func TestFollow(t *testing.T) {
	lines, ended := make(chan string), make(chan struct{}, 1)
	f, clients := withLog(t, func(ctx context.Context, _ server.LogOptions, handle func(server.LogBatch) error) error {
		if err := handle(server.LogBatch{}); err != nil {
			return err
		}
		for {
			select {
			case <-ctx.Done():
				ended <- struct{}{}
				return ctx.Err()
			case line := <-lines:
				if line == "" {
					return errors.New("broke")
				}
				if err := handle(lineOf(line + "\n")); err != nil {
					return err
				}
			}
		}
	})
	await := func(t *testing.T) {
		t.Helper()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Fatal("the stream goes on")
		}
	}
	follow := func(t *testing.T, c rest.Interface) (io.ReadCloser, *bufio.Scanner) {
		t.Helper()
		// Headers come before the first line.
		body, err := logOf(c, "demo", "follow", "true").Stream(t.Context())
		must(t, err)
		t.Cleanup(func() { body.Close() })
		return body, bufio.NewScanner(body)
	}
	for way, c := range clients {
		t.Run("ClientLeaves"+way, func(t *testing.T) {
			body, scanner := follow(t, c)
			for _, line := range []string{"one", "two"} {
				lines <- line
				if !scanner.Scan() || scanner.Text() != line {
					t.Fatalf("got %q, %v, want %q", scanner.Text(), scanner.Err(), line)
				}
			}
			body.Close()
			await(t)
		})
		t.Run("BreaksOff"+way, func(t *testing.T) {
			_, scanner := follow(t, c)
			lines <- "one"
			scanner.Scan()
			lines <- ""
			if scanner.Scan() || scanner.Err() == nil {
				t.Error("the client can't tell a broken stream from the end of the log")
			}
		})
	}
	t.Run("ServerStops", func(t *testing.T) {
		follow(t, clients["Socket"])
		begun := time.Now()
		f.stop()
		await(t)
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("stopping took %v with a log being followed", took)
		}
	})
}
