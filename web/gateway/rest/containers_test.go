package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// list reads a list page by page.
func (f *fixture) list(credential string, query url.Values) []openapi.Container {
	f.t.Helper()
	query = url.Values(http.Header(query).Clone())
	if query == nil {
		query = url.Values{}
	}
	var all []openapi.Container
	for {
		page := as[openapi.ContainerList](f, f.do(http.MethodGet, "/api/containers?"+query.Encode(), credential, ""), http.StatusOK)
		all = append(all, page.Containers...)
		if page.Continue == "" {
			return all
		}
		query.Set("continue", page.Continue)
	}
}

func names(containers []openapi.Container) []string {
	all := []string{}
	for _, c := range containers {
		all = append(all, c.Namespace+"/"+c.Name)
	}
	slices.Sort(all)
	return all
}

func TestListContainers(t *testing.T) {
	f := start(t)
	for _, namespace := range []string{"alice", "bob"} {
		credential := map[string]string{"alice": f.People.Owner, "bob": f.People.Other}[namespace]
		for i := range 3 {
			f.provision(credential, "", fmt.Sprintf(`{"imageType":"ubuntu","durationMinutes":30,"name":"u%d"}`, i))
		}
		f.provision(credential, "", `{"imageType":"alpine","durationMinutes":30,"name":"done","command":["true"]}`)
	}
	f.Await("what ends has ended", func() bool {
		return len(f.list(f.People.Admin, url.Values{"status": {"Finished"}})) == 2
	})
	both := f.Token("dora", time.Hour, roles.Group(roles.Viewer, "bob"), roles.Group(roles.Viewer, "alice"), roles.Group(roles.Editor, "empty"))
	for _, tc := range []struct {
		name, credential string
		query            url.Values
		want             []string
	}{
		{"Own", f.People.Owner, nil, []string{"alice/done", "alice/u0", "alice/u1", "alice/u2"}},
		{"Viewer", f.People.Viewer, nil, []string{"alice/done", "alice/u0", "alice/u1", "alice/u2"}},
		{"Both", both, nil, []string{"alice/done", "alice/u0", "alice/u1", "alice/u2", "bob/done", "bob/u0", "bob/u1", "bob/u2"}},
		{"Admin", f.People.Admin, nil, []string{"alice/done", "alice/u0", "alice/u1", "alice/u2", "bob/done", "bob/u0", "bob/u1", "bob/u2"}},
		{"Namespace", both, url.Values{"namespace": {"bob"}}, []string{"bob/done", "bob/u0", "bob/u1", "bob/u2"}},
		{"AdminNamespace", f.People.Admin, url.Values{"namespace": {"alice"}, "status": {"Finished"}}, []string{"alice/done"}},
		{"NamespaceWithoutLeases", both, url.Values{"namespace": {"empty"}}, []string{}},
		{"Status", both, url.Values{"status": {"Finished"}}, []string{"alice/done", "bob/done"}},
		{"Statuses", both, url.Values{"status": {"Finished", "Running"}}, []string{"alice/done", "alice/u0", "alice/u1", "alice/u2", "bob/done", "bob/u0", "bob/u1", "bob/u2"}},
		{"NoneOfStatus", both, url.Values{"status": {"Suspended"}}, []string{}},
		{"Image", both, url.Values{"image": {"alpine"}}, []string{"alice/done", "bob/done"}},
		{"ImageAndStatus", both, url.Values{"image": {"alpine"}, "status": {"Running"}}, []string{}},
		{"ImageNobodyHas", both, url.Values{"image": {"a=b,c!=d\\"}}, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			for _, limit := range []string{"", "1", "3", "4"} {
				query := url.Values(http.Header(tc.query).Clone())
				if limit != "" {
					query = url.Values(http.Header(query).Clone())
					if query == nil {
						query = url.Values{}
					}
					query.Set("limit", limit)
				}
				if diff := cmp.Diff(tc.want, names(f.list(tc.credential, query))); diff != "" {
					t.Errorf("limit %q: -want +got\n%s", limit, diff)
				}
			}
		})
	}

	foreign := as[openapi.ContainerList](f, f.do(http.MethodGet, "/api/containers?limit=1", f.People.Owner, ""), http.StatusOK).Continue
	for _, tc := range []struct {
		name, credential, query string
		want                    problem.Problem
	}{
		{"ForeignNamespace", f.People.Owner, "namespace=bob", problem.NotFound},
		{"ForeignContinue", f.People.Other, "continue=" + foreign, problem.Invalid},
		{"NoContinue", f.People.Owner, "continue=x", problem.Invalid},
		{"ForgedContinue", f.People.Owner, "continue=eyJuIjoiYWxpY2UiLCJjIjoieCJ9", problem.Invalid}, // {"n":"alice","c":"x"}
		{"Limit", f.People.Owner, "limit=0", problem.Invalid},
		{"Status", f.People.Owner, "status=Nice", problem.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			refused(f, f.do(http.MethodGet, "/api/containers?"+tc.query, tc.credential, ""), tc.want)
		})
	}
}

func TestContainer(t *testing.T) {
	f := start(t)
	made := f.provision(f.People.Owner, "", `{"imageType":"alpine","durationMinutes":30,"name":"demo","command":["sleep","1000"]}`)

	t.Run("Get", func(t *testing.T) {
		f := f.in(t)
		for _, id := range []string{made.ID, made.ContainerID, made.ContainerID[:12]} {
			c := f.container(f.People.Viewer, id)
			if c.ID != made.ID || c.Name != "demo" || c.ImageType != "alpine" || c.Image != "docker.io/library/alpine:3.22" || c.CreatedBy != "alice" ||
				c.DurationMinutes != 30 || c.CPUMilli != 500 || c.MemoryMB != 512 || c.RemainingSeconds == nil || *c.RemainingSeconds < 1700 || c.ExitCode != nil {
				t.Errorf("%s: got %+v", id, c)
			}
		}
	})

	t.Run("NotFound", func(t *testing.T) {
		f := f.in(t)
		for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
			body := ""
			if method == http.MethodPatch {
				body = `{"extendMinutes":5}`
			}
			for _, id := range []string{"11111111-1111-4111-8111-111111111111", "demo", "..%2f..", "%00", "ubuntu"} {
				refused(f, f.do(method, "/api/containers/"+id, f.People.Owner, body), problem.NotFound)
			}
			for _, id := range []string{made.ID, made.ContainerID, made.ContainerID[:12]} {
				refused(f, f.do(method, "/api/containers/"+id, f.People.Other, body), problem.NotFound)
			}
		}
	})

	t.Run("Viewer", func(t *testing.T) {
		f := f.in(t)
		refused(f, f.do(http.MethodPatch, "/api/containers/"+made.ID, f.People.Viewer, `{"extendMinutes":5}`), problem.Forbidden)
		refused(f, f.do(http.MethodDelete, "/api/containers/"+made.ID, f.People.Viewer, ""), problem.Forbidden)
	})

	change := func(f *fixture, body string) openapi.Container {
		f.t.Helper()
		return as[openapi.Container](f, f.do(http.MethodPatch, "/api/containers/"+made.ID, f.People.Owner, body), http.StatusOK)
	}
	t.Run("Extend", func(t *testing.T) {
		f := f.in(t)
		c := change(f, `{"extendMinutes":15}`)
		if c.DurationMinutes != 45 || c.ExpiryTime == nil || !c.ExpiryTime.Equal(made.ExpiryTime.Add(15*time.Minute)) || c.EstimatedCost != "0.016875" {
			t.Errorf("got %+v", c)
		}
		if c := change(f, `{"durationMinutes":20}`); c.DurationMinutes != 20 {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("Resize", func(t *testing.T) {
		f := f.in(t)
		if c := change(f, `{"cpuMilli":1500,"memoryMB":1024}`); c.CPUMilli != 1500 || c.MemoryMB != 1024 || c.HourlyRate != "0.065" {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("SuspendAndResume", func(t *testing.T) {
		f := f.in(t)
		change(f, `{"operatingMode":"Suspended"}`)
		f.awaitContainer(f.People.Owner, made.ID, "it is suspended", func(c openapi.Container) bool { return c.Status == v1alpha1.LeaseSuspended })
		change(f, `{"operatingMode":"Running"}`)
		f.awaitContainer(f.People.Owner, made.ID, "it runs", func(c openapi.Container) bool { return c.Status == v1alpha1.LeaseRunning })
	})
	t.Run("AtOnce", func(t *testing.T) {
		f := f.in(t)
		before := f.container(f.People.Owner, made.ID).DurationMinutes
		const times = 8
		var group sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range times {
			group.Go(func() {
				answer := f.Do(http.MethodPatch, "/api/containers/"+made.ID, f.People.Owner, `{"extendMinutes":5}`)
				mu.Lock()
				defer mu.Unlock()
				switch answer.StatusCode {
				case http.StatusOK:
					done++
				case http.StatusConflict: // too many at once, and said so
				default:
					t.Errorf("got %d %s", answer.StatusCode, answer.Text)
				}
			})
		}
		group.Wait()
		if got := f.container(f.People.Owner, made.ID).DurationMinutes; got != before+float64(5*done) || done == 0 {
			t.Errorf("%d of %d extensions by 5 made %g of %g", done, times, got, before)
		}
	})
	for _, tc := range []struct {
		name, body string
		want       problem.Problem
		fields     string
	}{
		{"Nothing", `{}`, problem.Invalid, ""},
		{"Both", `{"extendMinutes":5,"durationMinutes":10}`, problem.Invalid, "extendMinutes"},
		{"TooLong", `{"extendMinutes":500000}`, problem.Invalid, "extendMinutes"},
		{"TooLongInAll", `{"extendMinutes":120}`, problem.Invalid, "extendMinutes"},
		{"Zero", `{"extendMinutes":0,"durationMinutes":0}`, problem.Invalid, "durationMinutes extendMinutes extendMinutes"},
		{"TooLarge", `{"cpuMilli":4000,"memoryMB":1}`, problem.Invalid, "cpuMilli memoryMB"},
		{"Mode", `{"operatingMode":"Paused"}`, problem.Invalid, "operatingMode"},
		{"Image", `{"imageType":"ubuntu"}`, problem.BadRequest, "imageType"},
	} {
		t.Run("Change"+tc.name, func(t *testing.T) {
			f := f.in(t)
			p := refused(f, f.do(http.MethodPatch, "/api/containers/"+made.ID, f.People.Owner, tc.body), tc.want)
			if got := strings.TrimSpace(fields(p)); got != tc.fields {
				t.Errorf("names %q, want %q: %+v", got, tc.fields, p)
			}
		})
	}

	t.Run("Delete", func(t *testing.T) {
		f := f.in(t)
		f.Engine.IgnoreTerm(made.ID)
		for range 2 {
			if !as[openapi.Success](f, f.do(http.MethodDelete, "/api/containers/"+made.ID, f.People.Owner, ""), http.StatusOK).Success {
				t.Error("without success")
			}
		}
		refused(f, f.do(http.MethodPatch, "/api/containers/"+made.ID, f.People.Owner, `{"extendMinutes":5}`), problem.Conflict)
		f.Engine.Kill(made.ID)
		f.Await("it is gone", func() bool {
			return f.Do(http.MethodDelete, "/api/containers/"+made.ContainerID, f.People.Owner, "").StatusCode == http.StatusNotFound
		})
	})

	t.Run("DeleteEnded", func(t *testing.T) {
		f := f.in(t)
		ended := f.provision(f.People.Owner, "", `{"imageType":"alpine","durationMinutes":30,"command":["false"]}`)
		c := f.awaitContainer(f.People.Owner, ended.ID, "it has ended", func(c openapi.Container) bool { return c.Status == v1alpha1.LeaseFailed })
		if c.ExitCode == nil || *c.ExitCode != 3 || c.FinishReason != v1alpha1.FinishFailed || c.FinalCost == "" || *c.RemainingSeconds != 0 || c.FinishTime == nil {
			t.Errorf("got %+v", c)
		}
		refused(f, f.do(http.MethodPatch, "/api/containers/"+ended.ID, f.People.Owner, `{"extendMinutes":5}`), problem.Conflict)
		as[openapi.Success](f, f.do(http.MethodDelete, "/api/containers/"+ended.ID, f.People.Owner, ""), http.StatusOK)
		f.Await("it is gone", func() bool {
			return f.Do(http.MethodGet, "/api/containers/"+ended.ID, f.People.Owner, "").StatusCode == http.StatusNotFound
		})
	})
}

// TestTokenRevokedBetweenPages: where a list was left off opens no door.
func TestTokenRevokedBetweenPages(t *testing.T) {
	f := start(t)
	for range 2 {
		f.provision(f.People.Owner, "", `{"imageType":"ubuntu","durationMinutes":30}`)
	}
	page := as[openapi.ContainerList](f, f.do(http.MethodGet, "/api/containers?limit=1", f.People.Owner, ""), http.StatusOK)
	f.Revoke(f.People.Owner)
	refused(f, f.do(http.MethodGet, "/api/containers?limit=1&continue="+page.Continue, f.People.Owner, ""), problem.Unauthenticated)
}

func TestImages(t *testing.T) {
	f := start(t)
	const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	f.changeClass(func(class *v1alpha1.LeaseClass) {
		class.Spec.Images.Catalog = append(class.Spec.Images.Catalog, v1alpha1.CatalogImage{Name: "pinned", Reference: "team/app:1@" + digest, Description: "Ours"})
	})
	get := func(query, credential string) openapi.Images {
		t.Helper()
		return as[openapi.Images](f, f.do(http.MethodGet, "/api/images"+query, credential, ""), http.StatusOK)
	}
	got := get("", f.People.Viewer)
	want := openapi.Images{
		ClassName: "standard",
		Images: []openapi.Image{
			{ImageType: "ubuntu", Reference: "docker.io/library/ubuntu:22.04"},
			{ImageType: "alpine", Reference: "docker.io/library/alpine:3.22"},
			{ImageType: "pinned", Reference: "docker.io/team/app@" + digest, Digest: digest, Description: "Ours"},
		},
		Allow:           []string{"docker.io/library/ubuntu:*", "docker.io/library/alpine:*"},
		DurationMinutes: openapi.Bounds{Min: 5, Default: 30, Max: 120},
		CPUMilli:        openapi.Bounds{Min: 250, Default: 500, Max: 2000},
		MemoryMB:        openapi.Bounds{Min: 256, Default: 512, Max: 2048},
		Pricing:         openapi.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(want, get("?className=standard", f.People.Other)); diff != "" {
		t.Errorf("by name: -want +got\n%s", diff)
	}
	for _, name := range []string{"gold", "..%2fstandard", "%00"} {
		if p := refused(f, f.do(http.MethodGet, "/api/images?className="+name, f.People.Owner, ""), problem.Invalid); fields(p) != "?className" {
			t.Errorf("got %+v", p)
		}
	}
	if err := f.Admin.Delete(t.Context(), &v1alpha1.LeaseClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}}, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	refused(f, f.do(http.MethodGet, "/api/images", f.People.Owner, ""), problem.Invalid)
	refused(f, f.do(http.MethodPost, "/api/provision", f.People.Owner, `{"imageType":"ubuntu","durationMinutes":30}`), problem.Invalid)
}
