package server_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// as returns an in-process client that speaks as a user who is in groups.
func (f *fixture) as(t *testing.T, user string, groups ...string) client.WithWatch {
	t.Helper()
	config := f.LoopbackConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	c, err := client.NewWithWatch(config, client.Options{Scheme: clientScheme(t)})
	must(t, err)
	return c
}

func leaseIn(namespace, name string) *v1alpha1.ContainerLease {
	l := lease(name)
	l.Namespace = namespace
	return l
}

// TestHomes: a namespace comes into being when somebody who is an editor of it first leases
// in it, and for no other reason.
func TestHomes(t *testing.T) {
	f := start(t, startRedis(t), nil)
	admin := f.client(t)
	exists := func(name string) bool {
		t.Helper()
		err := admin.Get(t.Context(), client.ObjectKey{Name: name}, &corev1.Namespace{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	bad := leaseIn("ann", "bad")
	bad.Spec.Image = "evil/image"
	for name, tc := range map[string]struct {
		client    client.Client
		lease     *v1alpha1.ContainerLease
		options   []client.CreateOption
		wrong     func(error) bool
		namespace string
	}{
		"Viewer":         {f.as(t, "ann", roles.Group(roles.Viewer, "")), leaseIn("ann", "x"), nil, apierrors.IsForbidden, "ann"},
		"OtherEditor":    {f.as(t, "eve", roles.Group(roles.Editor, "")), leaseIn("ann", "x"), nil, apierrors.IsForbidden, "ann"},
		"AdminElsewhere": {f.as(t, "root", roles.Group(roles.Admin, "")), leaseIn("anm", "x"), nil, apierrors.IsNotFound, "anm"},
		"RefusedLease":   {f.as(t, "ann", roles.Group(roles.Editor, "")), bad, nil, apierrors.IsInvalid, "ann"},
		"DryRun":         {f.as(t, "ann", roles.Group(roles.Editor, "")), leaseIn("ann", "x"), []client.CreateOption{client.DryRunAll}, nil, "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.client.Create(t.Context(), tc.lease.DeepCopy(), tc.options...)
			if tc.wrong == nil && err != nil || tc.wrong != nil && !tc.wrong(err) {
				t.Errorf("got %v", err)
			}
			if exists(tc.namespace) {
				t.Errorf("namespace %s was made", tc.namespace)
			}
		})
	}

	// Two at once, and by server-side apply.
	editor := f.as(t, "bob", roles.Group(roles.Editor, "team"), roles.Group(roles.Editor, ""))
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { errs[i] = editor.Create(t.Context(), leaseIn("team", "l"+string(rune('a'+i)))) })
	}
	wait.Wait()
	must(t, errors.Join(errs...))
	manifest := `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"applied","namespace":"bob"},"spec":{"image":"ubuntu"}}`
	must(t, editor.Patch(t.Context(), leaseIn("bob", "applied"), client.RawPatch(types.ApplyPatchType, []byte(manifest)), client.FieldOwner("test")))
	must(t, f.as(t, "root", roles.Group(roles.Admin, "")).Create(t.Context(), leaseIn("root", "at-home")))
	var made corev1.Namespace
	must(t, admin.Get(t.Context(), client.ObjectKey{Name: "team"}, &made))
	if made.Annotations[v1alpha1.CreatedByAnnotation] != "bob" {
		t.Errorf("made by %v", made.Annotations)
	}

	// One that ends is not brought back.
	must(t, admin.Delete(t.Context(), namespace("team")))
	if err := editor.Create(t.Context(), leaseIn("team", "late")); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("in a namespace that ends: %v", err)
	}
	if err := editor.Create(t.Context(), leaseIn("team", "late"), client.DryRunAll); !apierrors.IsForbidden(err) {
		t.Errorf("a dry run in a namespace that ends: %v", err)
	}
}

// TestNoWayAroundTheBill: whatever an editor tries, the finalizer that keeps a lease until
// it is billed stays, and so does who created it.
func TestNoWayAroundTheBill(t *testing.T) {
	f := start(t, startRedis(t), nil)
	controllers := f.client(t)
	editor := f.as(t, "ann", roles.Group(roles.Editor, ""))
	var current v1alpha1.ContainerLease
	key := client.ObjectKey{Namespace: "ann", Name: "demo"}
	created := leaseIn("ann", "demo")
	created.UID = "11111111-0000-4000-8000-000000000000"
	created.DeletionTimestamp, created.DeletionGracePeriodSeconds = ptr.To(metav1.Now()), ptr.To[int64](0)
	created.Annotations = map[string]string{v1alpha1.CreatedByAnnotation: "eve"}
	created.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: "gone", UID: "gone", BlockOwnerDeletion: ptr.To(true)}}
	must(t, editor.Create(t.Context(), created))
	uid := created.UID
	if uid == "11111111-0000-4000-8000-000000000000" || created.DeletionTimestamp != nil {
		t.Errorf("created with uid %s, deleted %v", uid, created.DeletionTimestamp)
	}
	patch := func(kind types.PatchType, body string, options ...client.PatchOption) error {
		return editor.Patch(t.Context(), leaseIn("ann", "demo"), client.RawPatch(kind, []byte(body)), options...)
	}
	replace := func(change func(*v1alpha1.ContainerLease)) error {
		changed := current.DeepCopy()
		change(changed)
		return editor.Update(t.Context(), changed)
	}
	const identity = `"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease"`
	attempts := []struct {
		name    string
		attempt func() error
		// refused says what the attempt fails with; nil means that it silently comes to nothing.
		refused func(error) bool
	}{
		{"Replace", func() error { return replace(func(l *v1alpha1.ContainerLease) { l.Finalizers = nil }) }, nil},
		{"ReplaceByAnother", func() error {
			return replace(func(l *v1alpha1.ContainerLease) { l.Finalizers = []string{"example.com/mine"} })
		}, nil},
		{"MergePatch", func() error { return patch(types.MergePatchType, `{"metadata":{"finalizers":null}}`) }, nil},
		{"JSONPatch", func() error {
			return patch(types.JSONPatchType, `[{"op":"remove","path":"/metadata/finalizers"},{"op":"remove","path":"/metadata/annotations"}]`)
		}, nil},
		{"StrategicPatch", func() error {
			return patch(types.StrategicMergePatchType, `{"metadata":{"$deleteFromPrimitiveList/finalizers":["containerlease.dev/container"]}}`)
		}, nil},
		{"ApplyThenApplyWithout", func() error {
			return errors.Join(
				patch(types.ApplyPatchType, `{`+identity+`,"metadata":{"finalizers":["containerlease.dev/container"],"annotations":{"containerlease.dev/created-by":"eve"}},"spec":{"image":"ubuntu"}}`, client.ForceOwnership, client.FieldOwner("x")),
				patch(types.ApplyPatchType, `{`+identity+`,"metadata":{},"spec":{"image":"ubuntu"}}`, client.ForceOwnership, client.FieldOwner("x")))
		}, nil},
		{"TheNoteOfWhoCreatedIt", func() error {
			return patch(types.MergePatchType, `{"metadata":{"annotations":{"containerlease.dev/created-by":"eve"}}}`)
		}, nil},
		{"ItsStatus", func() error {
			return patch(types.MergePatchType, `{"status":{"finishReason":"Completed","segments":null}}`)
		}, nil},
		{"DeletionTimestamp", func() error {
			return patch(types.MergePatchType, `{"metadata":{"deletionTimestamp":"2020-01-01T00:00:00Z","deletionGracePeriodSeconds":0,"finalizers":null}}`)
		}, apierrors.IsInvalid},
		{"AnotherUID", func() error {
			return patch(types.MergePatchType, `{"metadata":{"uid":"22222222-0000-4000-8000-000000000000"}}`)
		}, apierrors.IsInvalid},
		{"TheSameName", func() error { return editor.Create(t.Context(), leaseIn("ann", "demo")) }, apierrors.IsAlreadyExists},
		{"StatusSubresource", func() error {
			return editor.Status().Patch(t.Context(), leaseIn("ann", "demo"), client.RawPatch(types.MergePatchType, []byte(`{"status":{"finishReason":"Completed"}}`)))
		}, apierrors.IsForbidden},
		{"FinalizersSubresource", func() error {
			return editor.SubResource("finalizers").Update(t.Context(), current.DeepCopy())
		}, apierrors.IsForbidden},
		{"ABillOfItsOwn", func() error { return editor.Create(t.Context(), record(string(uid), "ann")) }, apierrors.IsForbidden},
		{"TheNamespace", func() error { return editor.Delete(t.Context(), namespace("ann")) }, apierrors.IsForbidden},
		{"FinalizeTheNamespace", func() error { return editor.SubResource("finalize").Update(t.Context(), namespace("ann")) }, apierrors.IsForbidden},
		{"Delete", func() error {
			return editor.Delete(t.Context(), leaseIn("ann", "demo"), client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationOrphan))
		}, nil},
		{"DeleteAgain", func() error { return editor.Delete(t.Context(), leaseIn("ann", "demo"), client.GracePeriodSeconds(0)) }, nil},
		{"DeleteAll", func() error {
			return editor.DeleteAllOf(t.Context(), &v1alpha1.ContainerLease{}, client.InNamespace("ann"), client.PropagationPolicy(metav1.DeletePropagationBackground))
		}, nil},
		{"ReplaceTheDeleted", func() error { return replace(func(l *v1alpha1.ContainerLease) { l.Finalizers = nil }) }, nil},
		{"MergePatchTheDeleted", func() error { return patch(types.MergePatchType, `{"metadata":{"finalizers":[]}}`) }, nil},
	}
	must(t, controllers.Get(t.Context(), key, &current))
	for _, tc := range attempts {
		err := tc.attempt()
		if tc.refused == nil && err != nil || tc.refused != nil && !tc.refused(err) {
			t.Errorf("%s: %v", tc.name, err)
		}
		current = v1alpha1.ContainerLease{}
		if err := controllers.Get(t.Context(), key, &current); err != nil {
			t.Fatalf("%s: the lease is gone: %v", tc.name, err)
		}
		kept := current.UID == uid && strings.Contains(strings.Join(current.Finalizers, " "), v1alpha1.Finalizer) &&
			current.Annotations[v1alpha1.CreatedByAnnotation] == "ann" && current.Status.FinishReason == ""
		if !kept {
			t.Fatalf("%s: uid %s, finalizers %v, annotations %v, finish reason %q", tc.name, current.UID, current.Finalizers, current.Annotations, current.Status.FinishReason)
		}
	}

	// The controllers can. After that, nobody holds the lease back by putting it on again.
	must(t, controllers.Patch(t.Context(), leaseIn("ann", "demo"), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
	if err := controllers.Get(t.Context(), key, &current); !apierrors.IsNotFound(err) {
		t.Errorf("when its finalizer is gone: %v", err)
	}
	held := leaseIn("ann", "held")
	held.Finalizers = []string{"example.com/mine"}
	must(t, editor.Create(t.Context(), held))
	must(t, controllers.Patch(t.Context(), leaseIn("ann", "held"), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/mine"]}}`))))
	must(t, editor.Patch(t.Context(), leaseIn("ann", "held"), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/mine","containerlease.dev/container"]}}`))))
	must(t, controllers.Get(t.Context(), client.ObjectKeyFromObject(held), &current))
	if len(current.Finalizers) != 1 {
		t.Errorf("put back late: %v", current.Finalizers)
	}
}

// TestLookUp: a lease is found by its UID and by its container, wherever it is, but only by
// those who may see it there.
func TestLookUp(t *testing.T) {
	f := start(t, startRedis(t), nil)
	admin := f.client(t)
	editor := f.as(t, "ann", roles.Group(roles.Editor, ""))
	var wanted *v1alpha1.ContainerLease
	for _, name := range []string{"one", "two", "three"} {
		l := leaseIn("ann", name)
		must(t, editor.Create(t.Context(), l))
		l.Status.Container = &v1alpha1.ContainerStatus{ID: "container-" + name}
		must(t, admin.Status().Update(t.Context(), l))
		if name == "two" {
			wanted = l
		}
	}
	must(t, admin.Create(t.Context(), lease("elsewhere")))
	for name, tc := range map[string]struct {
		client    client.Client
		namespace string
		fields    client.MatchingFields
		want      int
		forbidden bool
	}{
		"ByUID":             {admin, "", client.MatchingFields{"metadata.uid": string(wanted.UID)}, 1, false},
		"ByContainer":       {admin, "", client.MatchingFields{"status.container.id": "container-two"}, 1, false},
		"InItsNamespace":    {editor, "ann", client.MatchingFields{"metadata.uid": string(wanted.UID)}, 1, false},
		"InAnother":         {admin, "default", client.MatchingFields{"metadata.uid": string(wanted.UID)}, 0, false},
		"Unknown":           {admin, "", client.MatchingFields{"status.container.id": "container-"}, 0, false},
		"WithoutContainer":  {admin, "", client.MatchingFields{"status.container.id": ""}, 1, false},
		"AndAnotherField":   {admin, "", client.MatchingFields{"metadata.uid": string(wanted.UID), "status.phase": "Running"}, 0, false},
		"AllWhereOneMayNot": {editor, "", client.MatchingFields{"metadata.uid": string(wanted.UID)}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			var list v1alpha1.ContainerLeaseList
			err := tc.client.List(t.Context(), &list, client.InNamespace(tc.namespace), tc.fields)
			if apierrors.IsForbidden(err) != tc.forbidden || !tc.forbidden && err != nil {
				t.Fatal(err)
			}
			if len(list.Items) != tc.want {
				t.Errorf("found %d, want %d", len(list.Items), tc.want)
			}
		})
	}
	// A lookup sees what was written before it.
	wanted.Status.Container.ID = "another"
	must(t, admin.Status().Update(t.Context(), wanted))
	var list v1alpha1.ContainerLeaseList
	must(t, admin.List(t.Context(), &list, client.MatchingFields{"status.container.id": "another"}))
	if len(list.Items) != 1 {
		t.Errorf("found %d by the new container", len(list.Items))
	}
	must(t, admin.List(t.Context(), &list, client.MatchingFields{"status.container.id": "container-two"}))
	if len(list.Items) != 0 {
		t.Errorf("found %d by the old container", len(list.Items))
	}
}
