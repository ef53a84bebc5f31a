package redis

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/warning"
)

// openThrough opens a store of pods whose connections to the shared Redis go through a proxy.
func openThrough(t *testing.T) (*pods, *proxy) {
	t.Helper()
	p := startProxy(t, shared.URL())
	config := testConfig()
	config.URL = p.url()
	return newPods(t, openStore(t, config), podsOptions{prefix: "/registry"}), p
}

func pod(name string) *example.Pod {
	return &example.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"}}
}

func podKey(name string) string { return "/pods/ns/" + name }

func create(t testing.TB, s storage.Interface, name string) *example.Pod {
	t.Helper()
	out := &example.Pod{}
	if err := s.Create(context.Background(), podKey(name), pod(name), out, 0); err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return out
}

// touch updates a pod.
func touch(ctx context.Context, s storage.Interface, name, value string) (*example.Pod, error) {
	out := &example.Pod{}
	err := s.GuaranteedUpdate(ctx, podKey(name), out, false, nil, storage.SimpleUpdate(func(obj runtime.Object) (runtime.Object, error) {
		obj.(*example.Pod).Labels = map[string]string{"value": value}
		return obj, nil
	}), nil)
	return out, err
}

// names lists pods at any or, with "", the current revision.
func names(t testing.TB, s storage.Interface, resourceVersion string) []string {
	t.Helper()
	list := &example.PodList{}
	opts := storage.ListOptions{ResourceVersion: resourceVersion, Predicate: storage.Everything, Recursive: true}
	if err := s.GetList(context.Background(), "/pods/", opts, list); err != nil {
		t.Fatalf("listing: %v", err)
	}
	result := []string{}
	for _, item := range list.Items {
		result = append(result, item.Name)
	}
	return result
}

func startWatch(t testing.TB, s storage.Interface, from string) watch.Interface {
	t.Helper()
	w, err := s.Watch(context.Background(), "/pods/", storage.ListOptions{ResourceVersion: from, Predicate: storage.Everything, Recursive: true})
	if err != nil {
		t.Fatalf("watching: %v", err)
	}
	t.Cleanup(w.Stop)
	return w
}

// receive returns the next event of a watch that is no bookmark.
func receive(t testing.TB, w watch.Interface) watch.Event {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case event, ok := <-w.ResultChan():
			if !ok {
				t.Fatal("the watch has ended")
			}
			if event.Type != watch.Bookmark {
				return event
			}
		case <-timeout:
			t.Fatal("no event within 30 s")
		}
	}
}

// expectPod expects an event about a pod.
func expectPod(t testing.TB, w watch.Interface, kind watch.EventType, name string) *example.Pod {
	t.Helper()
	event := receive(t, w)
	object := event.Object
	if cacheable, ok := object.(runtime.CacheableObject); ok {
		object = cacheable.GetObject()
	}
	got, ok := object.(*example.Pod)
	if !ok || event.Type != kind || got.Name != name {
		t.Fatalf("got %s of %+v, want %s of %s", event.Type, event.Object, kind, name)
	}
	return got
}

// expectExpired expects a watch to end with 410.
func expectExpired(t testing.TB, w watch.Interface) {
	t.Helper()
	event := receive(t, w)
	status, ok := event.Object.(*metav1.Status)
	if event.Type != watch.Error || !ok || status.Code != http.StatusGone {
		t.Fatalf("got %s of %+v, want an error with code 410", event.Type, event.Object)
	}
	if _, open := <-w.ResultChan(); open {
		t.Error("the watch goes on after its error")
	}
}

// expectUnavailable expects a 503 that tells when to retry.
func expectUnavailable(t testing.TB, what string, err error) {
	t.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != http.StatusServiceUnavailable {
		t.Fatalf("%s: got %v, want 503", what, err)
	}
	if seconds, ok := apierrors.SuggestsClientDelay(err); !ok || seconds <= 0 {
		t.Errorf("%s: %v does not tell when to retry", what, err)
	}
	if !strings.Contains(err.Error(), "Redis") {
		t.Errorf("%s: %v does not mention Redis", what, err)
	}
}

// expectLastKnown expects people, and nobody else, to be shown what was last known.
func expectLastKnown(t testing.TB, s storage.Interface) {
	t.Helper()
	as := func(name string) (context.Context, *warnings) {
		shown := &warnings{}
		ctx := request.WithUser(t.Context(), &user.DefaultInfo{Name: name})
		return warning.WithWarningRecorder(ctx, shown), shown
	}
	everything := storage.ListOptions{Recursive: true, Predicate: storage.Everything}

	person, shown := as("jane")
	if err := s.Get(person, podKey("first"), storage.GetOptions{}, &example.Pod{}); err != nil {
		t.Errorf("Get: %v", err)
	}
	list := &example.PodList{}
	if err := s.GetList(person, "/pods/", everything, list); err != nil || len(list.Items) != 1 {
		t.Errorf("GetList: %v, %d pods", err, len(list.Items))
	}
	if len(*shown) != 2 {
		t.Errorf("got warnings %q, want one for each read", *shown)
	}
	expectUnavailable(t, "Get of what is not in the cache", s.Get(person, podKey("nothing"), storage.GetOptions{}, &example.Pod{}))

	server, _ := as(user.APIServerUser)
	expectUnavailable(t, "Get by the server itself", s.Get(server, podKey("first"), storage.GetOptions{}, &example.Pod{}))
	expectUnavailable(t, "GetList by the server itself", s.GetList(server, "/pods/", everything, list))
}

// warnings are what a client would be shown.
type warnings []string

// AddWarning implements warning.Recorder.
func (w *warnings) AddWarning(_, text string) { *w = append(*w, text) }

func revisionOf(t testing.TB, p *example.Pod) int64 {
	t.Helper()
	revision, err := strconv.ParseInt(p.ResourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestConnectionLossIsSurvived(t *testing.T) {
	raw, proxy := openThrough(t)
	c := startCache(t, raw, cachedOptions{})
	first := create(t, c, "first")
	direct, through := startWatch(t, raw, first.ResourceVersion), startWatch(t, c, first.ResourceVersion)
	if got := names(t, c, ""); len(got) != 1 {
		t.Fatalf("got %v, want the first pod", got)
	}

	proxy.down()
	expectUnavailable(t, "Create", c.Create(t.Context(), podKey("second"), pod("second"), &example.Pod{}, 0))
	_, err := touch(t.Context(), c, "first", "x")
	expectUnavailable(t, "GuaranteedUpdate", err)
	expectUnavailable(t, "Delete", c.Delete(t.Context(), podKey("first"), &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{}))
	expectUnavailable(t, "Get", c.Get(t.Context(), podKey("first"), storage.GetOptions{}, &example.Pod{}))
	if err := raw.ReadinessCheck(); !errors.Is(err, storage.ErrStorageNotReady) {
		t.Errorf("ReadinessCheck: got %v, want %v", err, storage.ErrStorageNotReady)
	}
	if got := names(t, c, "0"); len(got) != 1 {
		t.Errorf("the cache has %v while Redis is away, want the first pod", got)
	}
	if err := c.Get(t.Context(), podKey("first"), storage.GetOptions{ResourceVersion: "0"}, &example.Pod{}); err != nil {
		t.Errorf("reading from the cache while Redis is away: %v", err)
	}
	expectLastKnown(t, availableReads{c})

	// Meanwhile someone else writes.
	other := testConfig()
	other.Prefix = raw.store.config.Prefix
	create(t, newPods(t, openStore(t, other), podsOptions{prefix: "/registry"}), "meanwhile")

	proxy.up()
	eventually(t, "writes work again", func() bool {
		return c.Create(t.Context(), podKey("after"), pod("after"), &example.Pod{}, 0) == nil
	})
	for _, w := range []watch.Interface{direct, through} {
		expectPod(t, w, watch.Added, "meanwhile")
		expectPod(t, w, watch.Added, "after")
	}
	if err := raw.ReadinessCheck(); err != nil {
		t.Errorf("ReadinessCheck after the outage: %v", err)
	}
}

// TestLostReply is about writes whose connection breaks in the middle: each must have happened exactly once, or never.
func TestLostReply(t *testing.T) {
	tests := map[string]struct {
		fault   fault
		applied bool
	}{
		"ReplyLost":    {loseReply, true},
		"RequestLost":  {loseRequest, false},
		"RequestStuck": {holdRequest, false},
	}
	writes := map[string]func(s storage.Interface) error{
		"Create": func(s storage.Interface) error {
			return s.Create(context.Background(), podKey("new"), pod("new"), &example.Pod{}, 0)
		},
		"Update": func(s storage.Interface) error {
			_, err := touch(context.Background(), s, "old", "changed")
			return err
		},
		"Delete": func(s storage.Interface) error {
			return s.Delete(context.Background(), podKey("old"), &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
		},
	}
	for name, test := range tests {
		for kind, write := range writes {
			t.Run(name+kind, func(t *testing.T) {
				raw, proxy := openThrough(t)
				old := create(t, raw, "old")
				w := startWatch(t, raw, old.ResourceVersion)

				struck := proxy.strike(test.fault, mutateScript.lua.Hash())
				err := write(raw)
				select {
				case <-struck:
				default:
					t.Fatal("the fault did not happen")
				}
				if test.applied != (err == nil) {
					t.Fatalf("got error %v, want that it was applied: %v", err, test.applied)
				}
				if err != nil {
					expectUnavailable(t, kind, err)
				}
				if test.fault == holdRequest {
					if reply := string(proxy.release()); !strings.Contains(reply, "aborted") {
						t.Errorf("Redis answered %q to a write that was reported as failed, want it refused", reply)
					}
				}

				// The history shows what really happened.
				create(t, raw, "last")
				var seen []watch.EventType
				for {
					event := receive(t, w)
					if event.Object.(*example.Pod).Name == "last" {
						break
					}
					seen = append(seen, event.Type)
				}
				want := 0
				if test.applied {
					want = 1
				}
				if len(seen) != want {
					t.Errorf("got the events %v, want %d", seen, want)
				}
			})
		}
	}
}

func TestUnknownOutcomeSaysSo(t *testing.T) {
	p := startProxy(t, shared.URL())
	config := testConfig()
	config.URL, config.Timeout = p.url(), 200*time.Millisecond
	raw := newPods(t, openStore(t, config), podsOptions{})
	create(t, raw, "old")

	struck := p.strike(loseReply, mutateScript.lua.Hash())
	done := make(chan error, 1)
	go func() { done <- raw.Create(context.Background(), podKey("new"), pod("new"), &example.Pod{}, 0) }()
	<-struck
	p.down()
	err := <-done
	if !apierrors.IsTimeout(err) || !strings.Contains(err.Error(), "may have happened") {
		t.Errorf("got %v, want a timeout that says that the outcome is unknown", err)
	}
}

func TestForgottenScriptsAreSentAgain(t *testing.T) {
	_, p := openPods(t, podsOptions{})
	create(t, p, "first")
	if err := connect(t, shared.URL()).ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	create(t, p, "second")
	if got := names(t, p, ""); len(got) != 2 {
		t.Errorf("got %v, want both pods", got)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	s := openStore(t, testConfig())
	p := newPods(t, s, podsOptions{})
	w := startWatch(t, p, create(t, p, "first").ResourceVersion)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if event, open := <-w.ResultChan(); open {
		t.Errorf("got %v, want the watch closed", event)
	}
	if err := p.Create(t.Context(), podKey("second"), pod("second"), nil, 0); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("writing to a closed store: got %v, want 503", err)
	}
	if _, err := p.Watch(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: "1", Predicate: storage.Everything, Recursive: true}); err == nil {
		t.Error("a closed store can be watched")
	}
}

func TestOpenExplainsItself(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"NoURL":        {func(c *Config) { c.URL = "" }, "no Redis URL"},
		"BadURL":       {func(c *Config) { c.URL = "http://user:secret@x" }, "malformed"},
		"NoHashTag":    {func(c *Config) { c.Prefix = "plain" }, "hash tag"},
		"NegativeRev":  {func(c *Config) { c.InitialRevision = -1 }, "negative"},
		"NobodyThere":  {func(c *Config) { c.URL = "unix:///nonexistent/redis.sock" }, "no such file"},
		"NobodyOnPort": {func(c *Config) { c.URL = "redis://127.0.0.1:1" }, "connection refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			test.change(&config)
			_, err := Open(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want it to mention %q", err, test.want)
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("%v tells the password", err)
			}
		})
	}
}

// TestOpenAgain is about a server that starts before its Redis, and tries until that is there.
func TestOpenAgain(t *testing.T) {
	config := testConfig()
	config.Registerer = prometheus.NewRegistry()
	there := config.URL
	config.URL = "redis://127.0.0.1:1"
	if _, err := Open(t.Context(), config); err == nil {
		t.Fatal("a Redis that is not there was opened")
	}
	config.URL = there
	openStore(t, config)
}
