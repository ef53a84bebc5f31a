package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// usageStreamer is a StatsStreamer whose behaviour is a function.
type usageStreamer func(ctx context.Context, handle func(server.Usage) error) error

func (s usageStreamer) Stream(ctx context.Context, namespace, name string, uid types.UID, handle func(server.Usage) error) error {
	if namespace != "default" || uid == "" {
		return fmt.Errorf("asked for %s/%s (%s)", namespace, name, uid)
	}
	return s(ctx, handle)
}

// withStats starts a server with this streamer, and returns REST clients for its group: over the socket, and in
// process. Its leases are one that runs, one that waits for its container, one that is suspended, and one that has ended.
func withStats(t *testing.T, s server.StatsStreamer) (*fixture, map[string]rest.Interface) {
	t.Helper()
	f := start(t, startRedis(t), func(c *server.Config) { c.Stats = s })
	c := f.client(t)
	must(t, c.Create(t.Context(), lease("waiting")))
	for _, name := range []string{"demo", "suspended", "ended"} {
		l := lease(name)
		if name == "suspended" {
			l.Spec.OperatingMode = v1alpha1.OperatingModeSuspended
		}
		must(t, c.Create(t.Context(), l))
		l.Status.Container = &v1alpha1.ContainerStatus{ID: "abc"}
		if name == "ended" {
			now := v1alpha1.NewTimestamp(time.Now())
			l.Status.FinishTime, l.Status.FinishReason = &now, v1alpha1.FinishExpired
		}
		must(t, c.Status().Update(t.Context(), l))
	}
	return f, restClients(t, f)
}

func statsOf(c rest.Interface, name, query string) *rest.Request {
	req := c.Get().Namespace("default").Resource("containerleases").Name(name).SubResource("stats")
	if key, value, ok := strings.Cut(query, "="); ok {
		req.Param(key, value)
	}
	return req
}

// usage is a measurement, and document what the API makes of it.
var usage = server.Usage{
	At: time.Date(2026, 1, 2, 3, 4, 5, 67, time.UTC), NanoCPU: 123, NanoCPULimit: 500_000_000,
	MemoryBytes: 1, MemoryLimitBytes: 2, Pids: 3,
}

const document = `{"kind":"LeaseStats","apiVersion":"containerlease.dev/v1alpha1","timestamp":"2026-01-02T03:04:05.000000067Z",` +
	`"cpu":{"usageNanoCores":123,"limitNanoCores":500000000},"memory":{"workingSetBytes":1,"limitBytes":2},"pids":{"current":3}}` + "\n"

func TestStats(t *testing.T) {
	_, clients := withStats(t, usageStreamer(func(_ context.Context, handle func(server.Usage) error) error {
		for range 3 {
			if err := handle(usage); err != nil {
				return err
			}
		}
		return nil
	}))
	for name, tc := range map[string]struct{ query, want string }{
		"Once":     {"", document},
		"NoFollow": {"follow=false", document},
		"Follow":   {"follow=true", strings.Repeat(document, 3)},
		"Flag":     {"follow=", strings.Repeat(document, 3)},
	} {
		for way, c := range clients {
			t.Run(name+way, func(t *testing.T) {
				body, err := statsOf(c, "demo", tc.query).DoRaw(t.Context())
				if diff := cmp.Diff(tc.want, string(body)); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			})
		}
	}
	t.Run("Typed", func(t *testing.T) {
		var got v1alpha1.LeaseStats
		must(t, statsOf(clients["Socket"], "demo", "").Do(t.Context()).Into(&got))
		if got.CPU.LimitNanoCores != usage.NanoCPULimit || !got.Timestamp.Time.Equal(usage.At) {
			t.Errorf("got %+v", got)
		}
	})
}

// TestStatsErrors: why something can't be measured is said. To follow what does not run is no error: there is
// nothing, and that's all.
func TestStatsErrors(t *testing.T) {
	var fail error
	_, clients := withStats(t, usageStreamer(func(context.Context, func(server.Usage) error) error { return fail }))
	for name, tc := range map[string]struct {
		lease, query string
		fail         error
		code         int
		message      string
		nothing      bool // followed, it is a stream without a line
	}{
		"NoLease":       {lease: "nobody", code: 404},
		"NotYet":        {lease: "waiting", code: 409, message: "not been created yet"},
		"DoesNotRun":    {lease: "demo", code: 409, message: "wait until", nothing: true},
		"Suspended":     {lease: "suspended", code: 409, message: "spec.operatingMode", nothing: true},
		"Ended":         {lease: "ended", code: 409, message: "Expired", nothing: true},
		"Gone":          {lease: "demo", fail: apierrors.NewNotFound(v1alpha1.Resource("containerleases/stats"), "demo"), code: 404, nothing: true},
		"EngineTrouble": {lease: "demo", fail: errors.New("the engine sulks"), code: 503, message: "sulks"},
	} {
		for _, query := range []string{"", "follow=true"} {
			t.Run(name+query, func(t *testing.T) {
				fail = tc.fail
				if query != "" && tc.nothing {
					if got, err := statsOf(clients["InProcess"], tc.lease, query).DoRaw(t.Context()); err != nil || len(got) != 0 {
						t.Errorf("got %q, %v; want nothing", got, err)
					}
					return
				}
				err := statsOf(clients["InProcess"], tc.lease, query).MaxRetries(0).Do(t.Context()).Error()
				var status apierrors.APIStatus
				if !errors.As(err, &status) || int(status.Status().Code) != tc.code || !strings.Contains(err.Error(), tc.message) {
					t.Errorf("got %v, want %d that says %q", err, tc.code, tc.message)
				}
			})
		}
	}
	t.Run("Malformed", func(t *testing.T) {
		if _, err := statsOf(clients["InProcess"], "demo", "follow=maybe").DoRaw(t.Context()); !apierrors.IsBadRequest(err) {
			t.Errorf("got %v, want 400", err)
		}
	})
}

func TestStatsWithoutAStreamer(t *testing.T) {
	_, clients := withStats(t, nil)
	if _, err := statsOf(clients["InProcess"], "demo", "").DoRaw(t.Context()); !apierrors.IsMethodNotSupported(err) {
		t.Errorf("got %v, want 405", err)
	}
}

// TestFollowStats: measurements come as they are made, and each end of the stream notices the other's.
func TestFollowStats(t *testing.T) {
	measured, ended := make(chan bool), make(chan struct{}, 1)
	f, clients := withStats(t, usageStreamer(func(ctx context.Context, handle func(server.Usage) error) error {
		for {
			select {
			case <-ctx.Done():
				ended <- struct{}{}
				return ctx.Err()
			case ok := <-measured:
				if !ok {
					return errors.New("broke")
				}
				if err := handle(usage); err != nil {
					return err
				}
			}
		}
	}))
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
		go func() { measured <- true }() // the response begins with it
		body, err := statsOf(c, "demo", "follow=true").Stream(t.Context())
		must(t, err)
		t.Cleanup(func() { body.Close() })
		scanner := bufio.NewScanner(body)
		var got v1alpha1.LeaseStats
		if !scanner.Scan() || json.Unmarshal(scanner.Bytes(), &got) != nil || got.Pids.Current != 3 {
			t.Fatalf("got %q, %v", scanner.Text(), scanner.Err())
		}
		return body, scanner
	}
	for way, c := range clients {
		t.Run("ClientLeaves"+way, func(t *testing.T) {
			body, scanner := follow(t, c)
			measured <- true
			if !scanner.Scan() {
				t.Error(scanner.Err())
			}
			body.Close()
			await(t)
		})
		t.Run("BreaksOff"+way, func(t *testing.T) {
			_, scanner := follow(t, c)
			measured <- false
			if scanner.Scan() || scanner.Err() == nil {
				t.Error("the client can't tell a broken stream from the end of the container")
			}
		})
	}
	t.Run("ServerStops", func(t *testing.T) {
		follow(t, clients["Socket"])
		begun := time.Now()
		f.stop()
		await(t)
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("stopping took %v while somebody followed", took)
		}
	})
}

// TestStatsAreDescribed: clients can generate the type from the OpenAPI document, and find by discovery what it is.
func TestStatsAreDescribed(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := restClients(t, f)["InProcess"]
	body, err := c.Get().AbsPath("/openapi/v3/apis/containerlease.dev/v1alpha1").DoRaw(t.Context())
	must(t, err)
	var doc struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct{ Name string }
				Responses  map[string]struct {
					Content map[string]struct {
						Schema struct {
							Ref string `json:"$ref"`
						}
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	must(t, json.Unmarshal(body, &doc))
	const kind = "dev.containerlease.v1alpha1.LeaseStats"
	for _, property := range []string{"kind", "apiVersion", "timestamp", "cpu", "memory", "pids"} {
		if doc.Components.Schemas[kind].Properties[property] == nil {
			t.Errorf("%s has no %s", kind, property)
		}
	}
	get := doc.Paths["/apis/containerlease.dev/v1alpha1/namespaces/{namespace}/containerleases/{name}/stats"].Get
	if len(get.Responses["200"].Content) == 0 {
		t.Error("no response is described")
	}
	for contentType, media := range get.Responses["200"].Content {
		if media.Schema.Ref != "#/components/schemas/"+kind {
			t.Errorf("%s is %q", contentType, media.Schema.Ref)
		}
	}

	body, err = c.Get().AbsPath("/apis/containerlease.dev/v1alpha1").DoRaw(t.Context())
	must(t, err)
	var list metav1.APIResourceList
	must(t, json.Unmarshal(body, &list))
	for _, r := range list.APIResources {
		if r.Name == "containerleases/stats" {
			if diff := cmp.Diff(metav1.Verbs{"get"}, r.Verbs); r.Kind != "LeaseStats" || !r.Namespaced || diff != "" {
				t.Errorf("discovered as %+v", r)
			}
			return
		}
	}
	t.Error("discovery doesn't know it")
}
