package rest_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// bill writes a billing record as the controllers would.
func (f *fixture) bill(namespace string, n int, amount, currency string) {
	f.t.Helper()
	uid := types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
	record := &v1alpha1.BillingRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: string(uid)},
		Spec: v1alpha1.BillingRecordSpec{
			Lease: v1alpha1.LeaseReference{Name: fmt.Sprintf("lease-%d", n), UID: uid}, ClassName: "standard", Image: "docker.io/library/ubuntu:22.04",
			Pricing: v1alpha1.Pricing{Currency: currency, PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"},
			Amount:  amount, BillableSeconds: "0", Currency: currency, FinishReason: v1alpha1.FinishDeleted,
		},
	}
	if err := f.Admin.Create(f.t.Context(), record); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) billing(credential, query string) openapi.Billing {
	f.t.Helper()
	return as[openapi.Billing](f, f.do(http.MethodGet, "/api/billing"+query, credential, ""), http.StatusOK)
}

func TestBilling(t *testing.T) {
	f := start(t)
	made := f.provision(f.People.Owner, "", `{"imageType":"alpine","durationMinutes":30,"name":"real","command":["true"]}`)
	var real openapi.Bill
	f.Await("the lease is billed", func() bool {
		records := f.billing(f.People.Owner, "").Records
		if len(records) == 1 {
			real = records[0]
		}
		return len(records) == 1
	})
	if real.ID != made.ID || real.Name != "real" || real.FinishReason != v1alpha1.FinishCompleted || len(real.Segments) != 1 || real.StartedAt == nil ||
		!real.StartedAt.Equal(*made.StartTime) || real.Segments[0].ContainerID != made.ContainerID || real.Segments[0].CPUMilli != 500 || real.Segments[0].MemoryMB != 512 {
		t.Errorf("got %+v", real)
	}

	// The owner's home is there by now.
	f.provision(f.People.Other, "", `{"imageType":"alpine","durationMinutes":30}`)
	for i := range 7 {
		f.bill("alice", i, "0.1", "USD")
	}
	f.bill("alice", 7, "0.000000001", "EUR")
	f.bill("bob", 8, "5", "USD")

	t.Run("Whose", func(t *testing.T) {
		f := f.in(t)
		for name, tc := range map[string]struct {
			credential, query string
			count             int
		}{
			"Owner": {f.People.Owner, "", 9}, "Viewer": {f.People.Viewer, "?namespace=alice", 9}, "Other": {f.People.Other, "", 1},
			"Admin": {f.People.Admin, "", 10}, "AdminNamespace": {f.People.Admin, "?namespace=bob", 1},
			"Until": {f.People.Owner, "?until=2020-01-01", 0}, "Since": {f.People.Owner, "?since=2020-01-01&until=2120-01-01T00:00:00Z", 9},
			"Both": {f.Token("dora", time.Hour, roles.Group(roles.Viewer, "bob"), roles.Group(roles.Viewer, "alice")), "", 10},
		} {
			if got := len(f.billing(tc.credential, tc.query).Records); got != tc.count {
				t.Errorf("%s: %d bills, want %d", name, got, tc.count)
			}
		}
	})

	t.Run("Pages", func(t *testing.T) {
		f := f.in(t)
		seen := map[string]bool{}
		next := ""
		for {
			page := f.billing(f.People.Admin, "?limit=4&continue="+next)
			for _, bill := range page.Records {
				if seen[bill.ID] {
					t.Errorf("%s twice", bill.ID)
				}
				seen[bill.ID] = true
			}
			if next = page.Continue; next == "" {
				break
			}
		}
		if len(seen) != 10 {
			t.Errorf("%d bills", len(seen))
		}
	})

	t.Run("Totals", func(t *testing.T) {
		f := f.in(t)
		got := f.billing(f.People.Other, "").Totals
		if diff := cmp.Diff([]openapi.Total{{Currency: "USD", Amount: "5"}}, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		got = f.billing(f.People.Owner, "").Totals
		if len(got) != 2 || got[0] != (openapi.Total{Currency: "EUR", Amount: "0.000000001"}) || !strings.HasPrefix(got[1].Amount, "0.7") {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("CSV", func(t *testing.T) {
		f := f.in(t)
		asCSV := header("Accept", "text/csv")
		for name, tc := range map[string]struct {
			credential, query string
			rows              int
		}{
			"All": {f.People.Admin, "", 10}, "Own": {f.People.Other, "", 1}, "None": {f.People.Other, "?until=2020-01-01", 0},
			"NoNamespaces": {f.Token("nobody", time.Hour), "", 0},
		} {
			answer := f.do(http.MethodGet, "/api/billing"+tc.query, tc.credential, "", asCSV)
			rows, err := csv.NewReader(strings.NewReader(answer.Text)).ReadAll()
			if err != nil || answer.StatusCode != http.StatusOK || len(rows) != tc.rows+1 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/csv") {
				t.Errorf("%s: %d %s: %d rows, %v: %s", name, answer.StatusCode, answer.Header.Get("Content-Type"), len(rows), err, answer.Text)
			}
		}
		refused(f, f.do(http.MethodGet, "/api/billing?limit=1", f.People.Owner, "", asCSV), problem.Invalid)
		refused(f, f.do(http.MethodGet, "/api/billing", f.People.Owner, "", header("Accept", "text/html")), problem.NotAcceptable)
	})
}

func TestEvents(t *testing.T) {
	f := start(t)
	first := f.provision(f.People.Owner, "", `{"imageType":"alpine","durationMinutes":30,"name":"first","command":["true"]}`)
	second := f.provision(f.People.Owner, "", `{"imageType":"alpine","durationMinutes":30,"name":"second"}`)
	f.provision(f.People.Other, "", `{"imageType":"alpine","durationMinutes":30,"name":"foreign"}`)
	events := func(credential, query string) []openapi.Event {
		t.Helper()
		return as[openapi.EventList](f, f.do(http.MethodGet, "/api/events"+query, credential, ""), http.StatusOK).Events
	}
	f.Await("the first lease was billed, and says so", func() bool {
		for _, event := range events(f.People.Owner, "?container="+first.ID) {
			if event.Reason == v1alpha1.ReasonBilled {
				return true
			}
		}
		return false
	})
	f.Await("all three have events", func() bool {
		about := map[string]bool{}
		for _, event := range events(f.People.Admin, "") {
			about[event.ContainerName] = true
		}
		return about["first"] && about["second"] && about["foreign"]
	})
	for _, event := range events(f.People.Viewer, "") {
		if event.Namespace != "alice" || event.ContainerName == "foreign" || event.Count < 1 || event.Time.IsZero() || event.LeaseID == "" {
			t.Errorf("got %+v", event)
		}
	}
	all := events(f.People.Owner, "")
	for i := range all[1:] {
		if all[i].Time.Before(all[i+1].Time) {
			t.Errorf("%v comes before %v", all[i].Time, all[i+1].Time)
		}
	}
	if newest := events(f.People.Owner, "?limit=1"); len(newest) != 1 || newest[0] != all[0] {
		t.Errorf("the newest is %+v, want %+v", newest, all[0])
	}
	for _, event := range events(f.People.Owner, "?container="+second.ContainerID) {
		if event.LeaseID != second.ID {
			t.Errorf("got %+v", event)
		}
	}
	refused(f, f.do(http.MethodGet, "/api/events?container="+first.ID, f.People.Other, ""), problem.NotFound)
	refused(f, f.do(http.MethodGet, "/api/events?container=first", f.People.Owner, ""), problem.NotFound)
	refused(f, f.do(http.MethodGet, "/api/events?namespace=bob", f.People.Owner, ""), problem.NotFound)

	as[openapi.Success](f, f.do(http.MethodDelete, "/api/containers/"+first.ID, f.People.Owner, ""), http.StatusOK)
	f.Await("the first lease is gone", func() bool {
		return f.Do(http.MethodGet, "/api/containers/"+first.ID, f.People.Owner, "").StatusCode == http.StatusNotFound
	})
	if len(events(f.People.Owner, "?container="+first.ID)) == 0 {
		t.Error("its events went with it")
	}
}
