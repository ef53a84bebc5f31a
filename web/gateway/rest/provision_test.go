package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

func TestProvision(t *testing.T) {
	f := start(t)
	owner := f.People.Owner

	t.Run("Running", func(t *testing.T) {
		f := f.in(t)
		answer := f.do(http.MethodPost, "/api/provision", owner, `{"imageType":"ubuntu","durationMinutes":30}`)
		got := as[openapi.Provisioned](f, answer, http.StatusCreated)
		if got.Status != v1alpha1.LeaseRunning || got.Namespace != "alice" || !strings.HasPrefix(got.Name, "ubuntu-") || got.ImageType != "ubuntu" {
			t.Errorf("got %+v", got)
		}
		if got.StartTime == nil || got.ExpiryTime == nil || got.ExpiryTime.Sub(*got.StartTime) != 30*time.Minute {
			t.Errorf("from %v to %v, want half an hour", got.StartTime, got.ExpiryTime)
		}
		if got.EstimatedCost != "0.01125" || got.HourlyRate != "0.0225" || got.Currency != "USD" {
			t.Errorf("costs %s, %s an hour, in %s", got.EstimatedCost, got.HourlyRate, got.Currency)
		}
		if location := answer.Header.Get("Location"); location != "/api/containers/"+got.ID {
			t.Errorf("Location is %s", location)
		}
		lease := f.Lease("alice", got.Name)
		if string(lease.UID) != got.ID || lease.Annotations[v1alpha1.CreatedByAnnotation] != gatewaytest.OwnerUser {
			t.Errorf("the lease is %s of %s", lease.UID, lease.Annotations[v1alpha1.CreatedByAnnotation])
		}
	})

	t.Run("Everything", func(t *testing.T) {
		f := f.in(t)
		got := f.provision(owner, "?wait=1m", `{"imageType":"alpine","durationMinutes":90,"cpuMilli":1500,"memoryMB":300,
			"name":"mine","command":["sleep","1"],"env":{"B":"2","A":"secret-value"},"className":"standard"}`)
		lease := f.Lease("alice", "mine")
		spec := &lease.Spec
		want := []v1alpha1.EnvVar{{Name: "A", Value: "secret-value"}, {Name: "B", Value: "2"}}
		if diff := cmp.Diff(want, spec.Env); diff != "" {
			t.Errorf("env: -want +got\n%s", diff)
		}
		if spec.TTL != "1h30m" || spec.Resources.CPU.String() != "1500m" || spec.Resources.Memory.String() != "300Mi" || len(spec.Command) != 2 {
			t.Errorf("got %+v", spec)
		}
		refused(f, f.do(http.MethodPost, "/api/provision", owner, `{"imageType":"alpine","durationMinutes":90,"name":"mine"}`), problem.AlreadyExists)
		c := f.container(owner, got.ID)
		if diff := cmp.Diff([]string{"A", "B"}, c.EnvNames); diff != "" {
			t.Errorf("names: -want +got\n%s", diff)
		}
		if text := f.Do(http.MethodGet, "/api/containers", f.People.Admin, "").Text; strings.Contains(text, "secret-value") || strings.Contains(f.Log.String(), "secret-value") {
			t.Error("the value of a variable is told")
		}
	})

	t.Run("NotYet", func(t *testing.T) {
		f := f.in(t)
		release := f.Engine.Hang(fake.OpCreate)
		defer release()
		answer := f.do(http.MethodPost, "/api/provision?wait=0", owner, `{"imageType":"ubuntu","durationMinutes":30}`)
		got := as[openapi.Provisioned](f, answer, http.StatusAccepted)
		if got.ExpiryTime != nil || !strings.Contains(answer.Text, `"expiryTime":null`) || got.EstimatedCost != "0.01125" {
			t.Errorf("got %s", answer.Text)
		}
		as[openapi.Provisioned](f, f.do(http.MethodPost, "/api/provision?wait=50ms", owner, `{"imageType":"ubuntu","durationMinutes":30}`), http.StatusAccepted)
		release()
		f.awaitContainer(owner, got.ID, "the container runs after all", func(c openapi.Container) bool { return c.Status == v1alpha1.LeaseRunning })
	})

	t.Run("EndedAlready", func(t *testing.T) {
		f := f.in(t)
		got := f.provision(owner, "", `{"imageType":"ubuntu","durationMinutes":30,"command":["true"]}`)
		switch {
		case got.Status == v1alpha1.LeaseRunning:
		case got.StartTime == nil || got.Status != v1alpha1.LeaseFinished || got.FinishReason != v1alpha1.FinishCompleted || got.ExitCode == nil:
			t.Errorf("got %+v", got)
		}
		f.awaitContainer(owner, got.ID, "the command has ended", func(c openapi.Container) bool {
			return c.FinishReason == v1alpha1.FinishCompleted && c.ExitCode != nil && *c.ExitCode == 0
		})
	})

	t.Run("CannotBeStarted", func(t *testing.T) {
		f := f.in(t)
		f.Engine.FailNext(fake.OpCreate, fmt.Errorf("no such device: %w", driver.ErrInvalid))
		p := refused(f, f.do(http.MethodPost, "/api/provision", owner, `{"imageType":"ubuntu","durationMinutes":30,"name":"hopeless"}`), problem.ProvisioningFailed)
		if p.ID != string(f.Lease("alice", "hopeless").UID) || !strings.Contains(p.Detail, "no such device") {
			t.Errorf("got %+v", p)
		}
		f.awaitContainer(owner, p.ID, "the lease says so, too", func(c openapi.Container) bool {
			return c.Status == v1alpha1.LeaseFailed && c.FinishReason == v1alpha1.FinishProvisioningFailed && strings.Contains(c.Message, "no such device")
		})
	})

	t.Run("DeletedMeanwhile", func(t *testing.T) {
		f := f.in(t)
		release := f.Engine.Hang(fake.OpCreate)
		defer release()
		go func() {
			f.Await("the lease is there", func() bool {
				lease := &v1alpha1.ContainerLease{}
				if f.Admin.Get(context.Background(), client.ObjectKey{Namespace: "alice", Name: "shortlived"}, lease) != nil {
					return false
				}
				return f.Admin.Delete(context.Background(), lease) == nil
			})
			release()
		}()
		refused(f, f.do(http.MethodPost, "/api/provision", owner, `{"imageType":"ubuntu","durationMinutes":30,"name":"shortlived"}`), problem.Gone)
	})

	t.Run("ClientLeaves", func(t *testing.T) {
		f := f.in(t)
		release := f.Engine.Hang(fake.OpCreate)
		defer release()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		left := make(chan error, 1)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL+"/api/provision?wait=5m", strings.NewReader(`{"imageType":"ubuntu","durationMinutes":30,"name":"stays"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+owner)
		transport := &http.Transport{DisableKeepAlives: true}
		go func() {
			response, err := transport.RoundTrip(request)
			if err == nil {
				response.Body.Close()
			}
			left <- err
		}()
		f.Await("the lease is there", func() bool {
			return f.Admin.Get(t.Context(), client.ObjectKey{Namespace: "alice", Name: "stays"}, &v1alpha1.ContainerLease{}) == nil
		})
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the client got %v", err)
		}
		release()
		f.AwaitLease("alice", "stays", "the lease runs without its client", func(l *v1alpha1.ContainerLease) bool {
			return l.Status.Phase == v1alpha1.LeaseRunning
		})
	})
}

func TestProvisionRefuses(t *testing.T) {
	f := start(t)
	const good = `{"imageType":"ubuntu","durationMinutes":30}`
	for _, tc := range []struct {
		name, credential, query, body string
		want                          problem.Problem
		fields                        string
	}{
		{name: "ForeignNamespace", query: "?namespace=bob", body: good, want: problem.NotFound},
		{name: "NoNamespace", query: "?namespace=nowhere", body: good, want: problem.NotFound},
		{name: "NamespaceThatCantBe", query: "?namespace=..%2Fdefault", body: good, want: problem.NotFound},
		{name: "AdminNamespaceThatCantBe", credential: f.People.Admin, query: "?namespace=..%2Fdefault", body: good, want: problem.NotFound},
		{name: "AdminNoNamespace", credential: f.People.Admin, query: "?namespace=nowhere", body: good, want: problem.NotFound},
		{name: "Viewer", credential: f.People.Viewer, query: "?namespace=alice", body: good, want: problem.Forbidden},
		{name: "ViewerWithoutHome", credential: f.People.Viewer, body: good, want: problem.Forbidden},
		{name: "Wait", query: "?wait=1h", body: good, want: problem.Invalid, fields: "?wait"},
		{name: "Nothing", body: `{}`, want: problem.Invalid, fields: "durationMinutes imageType"},
		{name: "Unknown", body: `{"imageType":"ubuntu","durationMinutes":30,"gpu":1}`, want: problem.BadRequest, fields: "gpu"},
		{name: "Negative", body: `{"imageType":"ubuntu","durationMinutes":-1,"cpuMilli":-1,"memoryMB":0}`, want: problem.Invalid, fields: "durationMinutes cpuMilli memoryMB"},
		{name: "Overflow", body: `{"imageType":"ubuntu","durationMinutes":9223372036854775807,"cpuMilli":9223372036854775807,"memoryMB":9223372036854775807}`,
			want: problem.Invalid, fields: "durationMinutes cpuMilli memoryMB"},
		{name: "ClassBounds", body: `{"imageType":"ubuntu","durationMinutes":4,"cpuMilli":249,"memoryMB":2049}`,
			want: problem.Invalid, fields: "durationMinutes cpuMilli memoryMB"},
		{name: "Image", body: `{"imageType":"debian","durationMinutes":30}`, want: problem.Invalid, fields: "imageType"},
		{name: "ImageThatCantBe", body: `{"imageType":"UPPER","durationMinutes":30}`, want: problem.Invalid, fields: "imageType"},
		{name: "Class", body: `{"imageType":"ubuntu","durationMinutes":30,"className":"gold"}`, want: problem.Invalid, fields: "className"},
		{name: "ClassThatCantBe", body: `{"imageType":"ubuntu","durationMinutes":30,"className":"../gold"}`, want: problem.Invalid, fields: "className"},
		{name: "Name", body: `{"imageType":"ubuntu","durationMinutes":30,"name":"../demo"}`, want: problem.Invalid, fields: "name"},
		{name: "Command", body: `{"imageType":"ubuntu","durationMinutes":30,"command":["","a\u0000"]}`, want: problem.Invalid, fields: "command[0] command[1]"},
		{name: "Env", body: `{"imageType":"ubuntu","durationMinutes":30,"env":{"A":"","B=":"","C":"a\u0000"}}`, want: problem.Invalid, fields: "env.B= env.C"},
		{name: "EnvWithoutName", body: `{"imageType":"ubuntu","durationMinutes":30,"env":{"":"a"}}`, want: problem.Invalid, fields: "env."},
		{name: "CommandTooLong", body: `{"imageType":"ubuntu","durationMinutes":30,"command":["` + strings.Repeat("a", 30<<10) + strings.Repeat(`","`+strings.Repeat("a", 30<<10), 5) + `"]}`,
			want: problem.Invalid, fields: "command, env"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			credential := f.People.Owner
			if tc.credential != "" {
				credential = tc.credential
			}
			p := refused(f, f.do(http.MethodPost, "/api/provision"+tc.query, credential, tc.body), tc.want)
			if got := fields(p); got != tc.fields {
				t.Errorf("names %q, want %q: %+v", got, tc.fields, p)
			}
			if tc.name == "ClassBounds" && !strings.Contains(p.Errors[1].Message, "must be from 250 to 2000") {
				t.Errorf("speaks in units that the request has not: %+v", p.Errors)
			}
			if strings.Contains(p.Detail, "spec.") {
				t.Errorf("speaks of what the request has not: %s", p.Detail)
			}
		})
	}
	var leases v1alpha1.ContainerLeaseList
	if err := f.Admin.List(t.Context(), &leases); err != nil || len(leases.Items) > 0 {
		t.Errorf("%d leases were made, %v", len(leases.Items), err)
	}
}

// TestEstimateIsWhatProvisionSays: the same price, and the same refusals in the same words.
func TestEstimateIsWhatProvisionSays(t *testing.T) {
	f := start(t)
	for name, body := range map[string]string{
		"Least":      `{"imageType":"ubuntu","durationMinutes":30}`,
		"Size":       `{"imageType":"ubuntu","durationMinutes":7,"cpuMilli":333,"memoryMB":777}`,
		"Bounds":     `{"imageType":"ubuntu","durationMinutes":4,"cpuMilli":249,"memoryMB":2049}`,
		"Absurd":     `{"imageType":"ubuntu","durationMinutes":527040,"cpuMilli":4096000,"memoryMB":67108864}`,
		"Tiny":       `{"imageType":"ubuntu","durationMinutes":1,"cpuMilli":1,"memoryMB":1}`,
		"Range":      `{"imageType":"ubuntu","durationMinutes":0,"cpuMilli":0}`,
		"Image":      `{"imageType":"debian","durationMinutes":30}`,
		"NoImage":    `{"imageType":"A B","durationMinutes":30}`,
		"Class":      `{"imageType":"ubuntu","durationMinutes":30,"className":"gold"}`,
		"ClassName":  `{"imageType":"ubuntu","durationMinutes":30,"className":"../gold"}`,
		"UnknownKey": `{"imageType":"ubuntu","durationMinutes":30,"x":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			provisioned := f.do(http.MethodPost, "/api/provision?wait=0", f.People.Owner, body)
			estimated := f.do(http.MethodPost, "/api/estimate", f.People.Viewer, body)
			if provisioned.StatusCode >= 400 {
				var want, got problem.Problem
				f.JSON(provisioned, &want)
				f.JSON(estimated, &got)
				want.RequestID, got.RequestID = "", ""
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-provision +estimate\n%s", diff)
				}
				return
			}
			want := as[openapi.Provisioned](f, provisioned, http.StatusAccepted)
			got := as[openapi.Estimate](f, estimated, http.StatusOK)
			if got.EstimatedCost != want.EstimatedCost || got.HourlyRate != want.HourlyRate || got.Currency != want.Currency {
				t.Errorf("estimated %+v, provisioned %+v", got, want)
			}
		})
	}
	if got := as[openapi.Estimate](f, f.do(http.MethodPost, "/api/estimate", f.People.Other, `{"durationMinutes":60}`), http.StatusOK); got.EstimatedCost != "0.0225" || got.CPUMilli != 500 || got.MemoryMB != 512 || got.ClassName != "standard" {
		t.Errorf("without an image: %+v", got)
	}
}

func TestIdempotency(t *testing.T) {
	f := start(t)
	const body = `{"imageType":"ubuntu","durationMinutes":30,"env":{"A":"1","B":"2"}}`
	key := func(key string) func(*http.Request) { return header("Idempotency-Key", key) }
	post := func(f *fixture, credential, query, body string, change ...func(*http.Request)) gatewaytest.Answer {
		f.t.Helper()
		return f.do(http.MethodPost, "/api/provision"+query, credential, body, change...)
	}
	count := func() int {
		t.Helper()
		var leases v1alpha1.ContainerLeaseList
		if err := f.Admin.List(t.Context(), &leases, client.InNamespace("alice")); err != nil {
			t.Fatal(err)
		}
		return len(leases.Items)
	}

	t.Run("FiftyAtOnce", func(t *testing.T) {
		f := f.in(t)
		answers := make([]gatewaytest.Answer, 50)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() { answers[i] = f.Do(http.MethodPost, "/api/provision", f.People.Owner, body, key("fifty")) })
		}
		group.Wait()
		made := 0
		for _, answer := range answers {
			if answer.StatusCode != http.StatusCreated || answer.Text != answers[0].Text {
				t.Errorf("got %d %s, want 201 %s", answer.StatusCode, answer.Text, answers[0].Text)
			}
			if answer.Header.Get("Idempotency-Replayed") == "" {
				made++
			}
		}
		if made != 1 || count() != 1 {
			t.Errorf("%d answers say that they made the lease; there are %d", made, count())
		}
	})
	first := f.provision(f.People.Owner, "", body, key("k"))
	for _, tc := range []struct {
		name, credential, query, body, key string
		want                               problem.Problem
		same                               bool
	}{
		{name: "Again", body: body, key: "k", same: true},
		{name: "OtherOrder", body: `{"env":{"B":"2","A":"1"},"durationMinutes":30,"imageType":"ubuntu"}`, key: "k", same: true},
		{name: "OtherWait", query: "?wait=1s", body: body, key: "k", same: true},
		{name: "OtherBody", body: `{"imageType":"ubuntu","durationMinutes":31}`, key: "k", want: problem.Invalid},
		{name: "OtherName", body: `{"imageType":"ubuntu","durationMinutes":30,"env":{"A":"1","B":"2"},"name":"n"}`, key: "k", want: problem.Invalid},
		{name: "OtherKey", body: body, key: "K"},
		{name: "OtherUser", credential: f.People.Admin, query: "?namespace=alice", body: body, key: "k"},
		{name: "OtherNamespace", credential: f.People.Other, body: body, key: "k"},
		{name: "BadKey", body: body, key: "\t\x7f", want: problem.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			credential := f.People.Owner
			if tc.credential != "" {
				credential = tc.credential
			}
			if tc.want.Type != "" {
				if tc.key == "\t\x7f" {
					tc.key = "é"
				}
				if p := refused(f, post(f, credential, tc.query, tc.body, key(tc.key)), tc.want); fields(p) != "Idempotency-Key" {
					t.Errorf("got %+v", p)
				}
				return
			}
			answer := post(f, credential, tc.query, tc.body, key(tc.key))
			got := as[openapi.Provisioned](f, answer, http.StatusCreated)
			if replayed := answer.Header.Get("Idempotency-Replayed") == "true"; replayed != tc.same || (got.ID == first.ID) != tc.same {
				t.Errorf("replayed: %t, %s; the first is %s", replayed, got.ID, first.ID)
			}
		})
	}

	t.Run("Named", func(t *testing.T) {
		f := f.in(t)
		const named = `{"imageType":"ubuntu","durationMinutes":30,"name":"named"}`
		got := f.provision(f.People.Owner, "", named, key("n"))
		if again := f.provision(f.People.Owner, "", named, key("n")); again.ID != got.ID {
			t.Errorf("made %s and %s", got.ID, again.ID)
		}
		refused(f, post(f, f.People.Owner, "", named, key("another")), problem.AlreadyExists)
		refused(f, post(f, f.People.Owner, "", named), problem.AlreadyExists)
	})

	t.Run("AfterTheEnd", func(t *testing.T) {
		f := f.in(t)
		as[openapi.Success](f, f.do(http.MethodDelete, "/api/containers/"+first.ID, f.People.Owner, ""), http.StatusOK)
		f.Await("the lease is gone", func() bool {
			return f.Do(http.MethodGet, "/api/containers/"+first.ID, f.People.Owner, "").StatusCode == http.StatusNotFound
		})
		if got := f.provision(f.People.Owner, "", body, key("k")); got.ID == first.ID {
			t.Error("the lease is back")
		}
	})
}
