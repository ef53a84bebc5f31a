package server_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// TestFirstStart: the standard class is installed once. What the user makes of it stays.
func TestFirstStart(t *testing.T) {
	store := startRedis(t)
	key := client.ObjectKey{Name: "standard"}

	f := start(t, store, nil)
	var class v1alpha1.LeaseClass
	must(t, f.client(t).Get(t.Context(), key, &class))
	if class.Annotations[v1alpha1.DefaultClassAnnotation] != "true" || class.Spec.TTL.Max != "2h" || class.Spec.Pricing.PerCPUHour != "0.04" {
		t.Errorf("installed: %+v", class)
	}
	class.Spec.TTL.Max = "3h"
	must(t, f.client(t).Update(t.Context(), &class))
	f.stop()

	f = start(t, store, nil)
	must(t, f.client(t).Get(t.Context(), key, &class))
	if class.Spec.TTL.Max != "3h" {
		t.Errorf("after a restart the class was overwritten: max %s", class.Spec.TTL.Max)
	}
	must(t, f.client(t).Delete(t.Context(), &class))
	f.stop()

	f = start(t, store, nil)
	if err := f.client(t).Get(t.Context(), key, &class); !apierrors.IsNotFound(err) {
		t.Errorf("after a restart the deleted class: %v", err)
	}
}

// TestNamespaces: nothing is made where there is no namespace, or where one ends, but
// for bills; and a namespace ends when it is finalized.
func TestNamespaces(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	core, err := kubernetes.NewForConfig(f.LoopbackConfig())
	must(t, err)

	inside := lease("demo")
	inside.Namespace = "team"
	if err := c.Create(t.Context(), inside.DeepCopy()); !apierrors.IsNotFound(err) {
		t.Errorf("a lease without a namespace: %v", err)
	}
	team := namespace("team")
	must(t, c.Create(t.Context(), team))
	must(t, c.Create(t.Context(), inside.DeepCopy()))
	must(t, c.Delete(t.Context(), team))
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(team), team))
	if team.DeletionTimestamp == nil || team.Status.Phase != corev1.NamespaceTerminating || len(team.Spec.Finalizers) != 1 {
		t.Fatalf("after delete: %+v", team)
	}
	late := inside.DeepCopy()
	late.Name = "late"
	if err := c.Create(t.Context(), late); !apierrors.IsForbidden(err) {
		t.Errorf("a lease in a namespace that ends: %v", err)
	}
	must(t, c.Create(t.Context(), record("2ad3a3c4-0000-4000-8000-000000000000", "team")))

	team.Spec.Finalizers = nil
	_, err = core.CoreV1().Namespaces().Finalize(t.Context(), team, metav1.UpdateOptions{})
	must(t, err)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(team), team); !apierrors.IsNotFound(err) {
		t.Errorf("after it was finalized: %v", err)
	}
	var records v1alpha1.BillingRecordList
	must(t, c.List(t.Context(), &records, client.InNamespace("team")))
	if len(records.Items) != 1 {
		t.Errorf("%d records are left", len(records.Items))
	}
	for _, name := range []string{"default", "containerlease-system"} {
		if err := c.Delete(t.Context(), namespace(name)); !apierrors.IsForbidden(err) {
			t.Errorf("deleting %s: %v", name, err)
		}
	}
}

// TestEvents: one object in two APIs.
func TestEvents(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	recorded := &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "demo.1", Namespace: "default"},
		EventTime:  metav1.NewMicroTime(time.Now()), ReportingController: "containerlease.dev/lifecycle", ReportingInstance: "x",
		Action: "Starting", Reason: "Started", Note: "container runs", Type: corev1.EventTypeNormal,
		Regarding: corev1.ObjectReference{Kind: "ContainerLease", Namespace: "default", Name: "demo", UID: "1"},
		Series:    &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NewMicroTime(time.Now())},
	}
	must(t, c.Create(t.Context(), recorded))
	var list corev1.EventList
	must(t, c.List(t.Context(), &list, client.InNamespace("default"), client.MatchingFields{"involvedObject.name": "demo", "involvedObject.kind": "ContainerLease"}))
	if len(list.Items) != 1 || list.Items[0].Message != "container runs" || list.Items[0].Series.Count != 2 {
		t.Errorf("as core/v1: %+v", list.Items)
	}
	var again eventsv1.EventList
	must(t, c.List(t.Context(), &again, client.MatchingFields{"regarding.name": "demo"}))
	if len(again.Items) != 1 || again.Items[0].Note != "container runs" {
		t.Errorf("as events.k8s.io/v1: %+v", again.Items)
	}
	recorded.Series.Count = 3
	must(t, c.Update(t.Context(), recorded))
	recorded.Regarding.Namespace = "elsewhere"
	if err := c.Update(t.Context(), recorded); !apierrors.IsInvalid(err) {
		t.Errorf("an event about another namespace: %v", err)
	}
}

// TestElections: what client-go's leader election does, which finds its resource without
// discovery.
func TestElections(t *testing.T) {
	f := start(t, startRedis(t), nil)
	core, err := kubernetes.NewForConfig(f.LoopbackConfig())
	must(t, err)
	elections := core.CoordinationV1().Leases("containerlease-system")
	seen, err := elections.Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "leader"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("a"), LeaseDurationSeconds: ptr.To[int32](15), RenewTime: ptr.To(metav1.NowMicro())},
	}, metav1.CreateOptions{})
	must(t, err)
	rival := seen.DeepCopy()
	seen.Spec.HolderIdentity = ptr.To("b")
	_, err = elections.Update(t.Context(), seen, metav1.UpdateOptions{})
	must(t, err)
	rival.Spec.HolderIdentity = ptr.To("c")
	if _, err := elections.Update(t.Context(), rival, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("a rival with a stale version: %v", err)
	}
}

// TestCaches: controller-runtime's informers on the in-process connection, which stream,
// and end without leaving anything behind.
func TestCaches(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	before := goleak.IgnoreCurrent()
	informers, err := cache.New(f.LoopbackConfig(), cache.Options{Scheme: clientScheme(t)})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- informers.Start(ctx) }()
	for _, kind := range []client.Object{&v1alpha1.ContainerLease{}, &v1alpha1.LeaseClass{}, &v1alpha1.BillingRecord{}, &corev1.Namespace{}} {
		if _, err := informers.GetInformer(ctx, kind); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one", "two", "three"} {
		l := lease(name)
		must(t, c.Create(ctx, l))
		within(t, "the informer sees "+name, func() bool {
			return informers.Get(ctx, client.ObjectKeyFromObject(l), &v1alpha1.ContainerLease{}) == nil
		})
	}
	cancel()
	must(t, <-done)
	// The watch cache's timers for consistent reads end by themselves, in seconds.
	timers := goleak.IgnoreAnyFunction("k8s.io/apiserver/pkg/storage/cacher.(*watchCache).waitUntilFreshLocked.func2")
	if err := goleak.Find(before, timers); err != nil {
		t.Error(err)
	}
}

// TestWhoMayDoWhat: administrators everything, others what their roles allow, strangers
// see health.
func TestWhoMayDoWhat(t *testing.T) {
	f := start(t, startRedis(t), nil)
	admin, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
	must(t, err)
	nobody := rest.AnonymousClientConfig(admin)
	wrong := rest.AnonymousClientConfig(admin)
	wrong.BearerToken = "guess"
	other := rest.CopyConfig(admin)
	other.Impersonate = rest.ImpersonationConfig{UserName: "mallory"}
	const leases = "/apis/containerlease.dev/v1alpha1/containerleases"
	for name, tc := range map[string]struct {
		config *rest.Config
		path   string
		want   int
	}{
		"AdminLists":       {admin, leases, 200},
		"AdminSeesMetrics": {admin, "/metrics", 200},
		"NobodyLists":      {nobody, leases, 401},
		"NobodyReadiness":  {nobody, "/readyz", 200},
		"NobodyLiveness":   {nobody, "/livez", 200},
		"NobodyVersion":    {nobody, "/version", 200},
		"NobodyMetrics":    {nobody, "/metrics", 401},
		"NobodyDiscovers":  {nobody, "/apis", 401},
		"WrongToken":       {wrong, leases, 401},
		"OtherUser":        {other, leases, 403},
		"OtherUserHealth":  {other, "/readyz", 200},
		"OtherUserMetrics": {other, "/metrics", 403},
		"OtherUserOpenAPI": {other, "/openapi/v2", 200},
		"OtherUserClasses": {other, "/apis/containerlease.dev/v1alpha1/leaseclasses", 200},
	} {
		t.Run(name, func(t *testing.T) {
			httpClient, err := rest.HTTPClientFor(tc.config)
			must(t, err)
			resp, err := httpClient.Get(f.url + tc.path)
			must(t, err)
			_, err = io.Copy(io.Discard, resp.Body)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != tc.want {
				t.Errorf("got %d, want %d", resp.StatusCode, tc.want)
			}
			httpClient.CloseIdleConnections()
		})
	}
}

// TestServerSideApply: what is unchanged changes nothing, and managers do not overwrite each other.
func TestServerSideApply(t *testing.T) {
	f := start(t, startRedis(t), nil)
	c := f.client(t)
	apply := func(manager, ttl string, ports ...int32) error {
		obj := map[string]any{"apiVersion": "containerlease.dev/v1alpha1", "kind": "ContainerLease",
			"metadata": map[string]any{"name": "demo", "namespace": "default"}}
		spec := map[string]any{"image": "ubuntu", "ttl": ttl}
		for _, port := range ports {
			list, _ := spec["ports"].([]any)
			spec["ports"] = append(list, map[string]any{"containerPort": port}, map[string]any{"containerPort": port, "protocol": "UDP"})
		}
		obj["spec"] = spec
		body, err := json.Marshal(obj)
		must(t, err)
		return c.Patch(t.Context(), lease("demo"), client.RawPatch(types.ApplyPatchType, body), client.FieldOwner(manager))
	}
	must(t, apply("one", "20m", 53))
	var first, second v1alpha1.ContainerLease
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "demo"}, &first))
	must(t, apply("one", "20m", 53))
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "demo"}, &second))
	if first.ResourceVersion != second.ResourceVersion || len(second.Spec.Ports) != 2 {
		t.Errorf("applying the same again made %s of %s", second.ResourceVersion, first.ResourceVersion)
	}
	err := apply("two", "25m", 53)
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), ".spec.ttl") {
		t.Errorf("another manager's value: %v", err)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := server.New(server.Config{}); err == nil {
		t.Error("a server was made of nothing")
	}
}
