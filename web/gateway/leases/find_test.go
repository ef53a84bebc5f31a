package leases_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/leases"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	alicesUID = "11111111-1111-4111-8111-111111111111"
	bobsUID   = "22222222-2222-4222-8222-222222222222"
)

var (
	alicesContainer = strings.Repeat("ab", 32)
	twinContainer   = strings.Repeat("ab", 10) + strings.Repeat("cd", 22)
	bobsContainer   = strings.Repeat("ef", 32)
)

func lease(namespace, name, uid, container string) *v1alpha1.ContainerLease {
	l := &v1alpha1.ContainerLease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(uid)}}
	if container != "" {
		l.Status.Container = &v1alpha1.ContainerStatus{ID: container}
	}
	return l
}

// newAPI is an API without authorization; a list of namespace "taken" is forbidden.
func newAPI(t *testing.T) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).
		WithObjects(
			lease("alice", "one", alicesUID, alicesContainer),
			lease("alice", "twin", "33333333-3333-4333-8333-333333333333", twinContainer),
			lease("alice", "pending", "44444444-4444-4444-8444-444444444444", ""),
			lease("bob", "one", bobsUID, bobsContainer)).
		WithIndex(&v1alpha1.ContainerLease{}, "metadata.uid", func(o client.Object) []string { return []string{string(o.GetUID())} }).
		WithIndex(&v1alpha1.ContainerLease{}, "status.container.id", func(o client.Object) []string {
			if c := o.(*v1alpha1.ContainerLease).Status.Container; c != nil {
				return []string{c.ID}
			}
			return nil
		}).
		WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				var o client.ListOptions
				o.ApplyOptions(opts)
				if o.Namespace == "taken" {
					return apierrors.NewForbidden(v1alpha1.Resource("containerleases"), "", errors.New("no role there"))
				}
				return c.List(ctx, list, opts...)
			},
		}).Build()
}

func TestFind(t *testing.T) {
	api := newAPI(t)
	alice := caller.Identity{User: "alice", Namespace: "alice", Namespaces: []string{"alice", "taken"}}
	admin := caller.Identity{User: "root", Admin: true}
	for _, tc := range []struct {
		name string
		who  caller.Identity
		id   string
		want string
		fail problem.Problem
	}{
		{name: "UID", who: alice, id: alicesUID, want: "alice/one"},
		{name: "UIDInUpperCase", who: admin, id: strings.ToUpper("44444444-4444-4444-8444-444444444444"), want: "alice/pending"},
		{name: "ContainerID", who: alice, id: alicesContainer, want: "alice/one"},
		{name: "Abbreviation", who: alice, id: twinContainer[:30], want: "alice/twin"},
		{name: "AbbreviationOfTwo", who: alice, id: alicesContainer[:12], fail: problem.BadRequest},
		{name: "TooShort", who: alice, id: alicesContainer[:11], fail: problem.NotFound},
		{name: "TooLong", who: alice, id: alicesContainer + "a", fail: problem.NotFound},
		{name: "Foreign", who: alice, id: bobsUID, fail: problem.NotFound},
		{name: "ForeignContainer", who: alice, id: bobsContainer, fail: problem.NotFound},
		{name: "Admin", who: admin, id: bobsUID, want: "bob/one"},
		{name: "AdminContainer", who: admin, id: bobsContainer[:12], want: "bob/one"},
		{name: "Unknown", who: admin, id: "55555555-5555-4555-8555-555555555555", fail: problem.NotFound},
		{name: "Name", who: alice, id: "one", fail: problem.NotFound},
		{name: "Empty", who: alice, id: "", fail: problem.NotFound},
		{name: "Garbage", who: alice, id: "\xff\x00," + strings.Repeat("=", 1000), fail: problem.NotFound},
		{name: "OtherFormOfUID", who: alice, id: "urn:uuid:" + alicesUID, fail: problem.NotFound},
		{name: "WithoutRoles", who: caller.Identity{User: "new"}, id: alicesUID, fail: problem.NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := caller.Into(t.Context(), caller.Caller{Identity: tc.who})
			got, err := leases.Find(ctx, api, tc.id)
			if tc.want != "" {
				if err != nil || got.Namespace+"/"+got.Name != tc.want {
					t.Errorf("got %v, %v; want %s", got, err, tc.want)
				}
				return
			}
			var p *problem.Problem
			if !errors.As(err, &p) || p.Type != tc.fail.Type {
				t.Errorf("got %v, %v; want a problem %s", got, err, tc.fail.Type)
			}
		})
	}
}

func TestFindSignedOut(t *testing.T) {
	var p *problem.Problem
	if _, err := leases.Find(t.Context(), newAPI(t), alicesUID); !errors.As(err, &p) || p.Type != problem.Unauthenticated.Type {
		t.Errorf("got %v, want %s", err, problem.Unauthenticated.Type)
	}
}
