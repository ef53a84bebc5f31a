package bill

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

func invoke(t *testing.T, server *stubapi.Server, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	cmd := NewCommand("leasectl", server.Getter(), streams)
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

// record is the bill of a lease that ended some time ago, after ten minutes.
func record(namespace, lease, uid, amount, currency string, ago time.Duration) *v1alpha1.BillingRecord {
	end := time.Now().Add(-ago)
	finished := v1alpha1.NewTimestamp(end)
	return &v1alpha1.BillingRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: uid, CreationTimestamp: metav1.NewTime(end)},
		Spec: v1alpha1.BillingRecordSpec{
			Lease:           v1alpha1.LeaseReference{Name: lease, UID: types.UID(uid)},
			ClassName:       "standard",
			Image:           "docker.io/library/alpine:3.22",
			Segments:        []v1alpha1.UsageSegment{{ContainerID: "c", StartedAt: v1alpha1.NewTimestamp(end.Add(-10 * time.Minute)), FinishedAt: &finished}},
			BillableSeconds: "600",
			Amount:          amount,
			Currency:        currency,
			FinishReason:    v1alpha1.FinishExpired,
		},
	}
}

func running(name, uid string) *v1alpha1.ContainerLease {
	start := v1alpha1.NewTimestamp(time.Now())
	expiration := v1alpha1.NewTimestamp(start.Add(30 * time.Minute))
	return &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: name, UID: types.UID(uid)},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", ClassName: "standard", TTL: "30m"},
		Status: v1alpha1.ContainerLeaseStatus{
			Phase: v1alpha1.LeaseRunning, StartTime: &start, ExpirationTime: &expiration,
			Cost: &v1alpha1.LeaseCost{Currency: "USD", HourlyRate: "0.0225", Estimated: "0.01125"},
		},
	}
}

func ledger(t *testing.T) *stubapi.Server {
	server := stubapi.New(t)
	for _, r := range []*v1alpha1.BillingRecord{
		record("default", "demo", "uid-1", "0.1", "USD", 48*time.Hour),
		record("default", "demo", "uid-2", "0.2", "USD", 5*time.Minute),
		record("default", "web", "uid-3", "0.011251338", "EUR", time.Hour),
		record("other", "demo", "uid-4", "1", "USD", time.Hour),
	} {
		server.Put(t, stubapi.Records, r)
	}
	return server
}

// cells splits a table into its words.
func cells(table string) [][]string {
	var rows [][]string
	for line := range strings.Lines(table) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

func TestBillTable(t *testing.T) {
	tests := map[string]struct {
		args []string
		want [][]string
	}{
		"Namespace": {nil, [][]string{
			{"LEASE", "CLASS", "STATE", "SECONDS", "AMOUNT", "CURRENCY", "ENDED"},
			{"demo", "standard", "Expired", "600", "0.1", "USD", "2d", "ago"},
			{"web", "standard", "Expired", "600", "0.011251338", "EUR", "60m", "ago"},
			{"demo", "standard", "Expired", "600", "0.2", "USD", "5m", "ago"},
			{"TOTAL", "0.011251338", "EUR"},
			{"TOTAL", "0.3", "USD"}, // and not 0.30000000000000004
		}},
		"SameName": {[]string{"demo"}, [][]string{
			{"LEASE", "CLASS", "STATE", "SECONDS", "AMOUNT", "CURRENCY", "ENDED"},
			{"demo", "standard", "Expired", "600", "0.1", "USD", "2d", "ago"},
			{"demo", "standard", "Expired", "600", "0.2", "USD", "5m", "ago"},
			{"TOTAL", "0.3", "USD"},
		}},
		"UID": {[]string{"uid-2"}, [][]string{
			{"LEASE", "CLASS", "STATE", "SECONDS", "AMOUNT", "CURRENCY", "ENDED"},
			{"demo", "standard", "Expired", "600", "0.2", "USD", "5m", "ago"},
			{"TOTAL", "0.2", "USD"},
		}},
		"AllNamespacesSince": {[]string{"-A", "--since", "24h", "-o", "wide"}, [][]string{
			{"NAMESPACE", "LEASE", "CLASS", "STATE", "SECONDS", "AMOUNT", "CURRENCY", "ENDED", "IMAGE", "UID"},
			{"default", "web", "standard", "Expired", "600", "0.011251338", "EUR", "60m", "ago", "docker.io/library/alpine:3.22", "uid-3"},
			{"other", "demo", "standard", "Expired", "600", "1", "USD", "60m", "ago", "docker.io/library/alpine:3.22", "uid-4"},
			{"default", "demo", "standard", "Expired", "600", "0.2", "USD", "5m", "ago", "docker.io/library/alpine:3.22", "uid-2"},
			{"TOTAL", "0.011251338", "EUR"},
			{"TOTAL", "1.2", "USD"},
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, err := invoke(t, ledger(t), tc.args...)
			if err != nil || stderr != "" {
				t.Fatalf("stderr, err = %q, %v", stderr, err)
			}
			if diff := cmp.Diff(tc.want, cells(stdout)); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBillOfARunningLeaseIsAnEstimate(t *testing.T) {
	server := ledger(t)
	server.Put(t, stubapi.Leases, running("demo", "uid-5"))
	stdout, _, err := invoke(t, server, "demo")
	if err != nil {
		t.Fatal(err)
	}
	rows := cells(stdout)
	if diff := cmp.Diff([]string{"demo", "standard", "Running", "~0.01125", "USD"}, rows[3][:5]); diff != "" {
		t.Errorf("estimate (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"TOTAL", "0.3", "USD"}, rows[4]); diff != "" {
		t.Errorf("the total must not hold what is not charged (-want +got):\n%s", diff)
	}
}

func TestBillOfAFinishedLeaseIsNoEstimate(t *testing.T) {
	server := ledger(t)
	server.Put(t, stubapi.Leases, running("demo", "uid-2")) // is still there to be read
	stdout, _, err := invoke(t, server, "demo", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var statement Statement
	if err := json.Unmarshal([]byte(stdout), &statement); err != nil {
		t.Fatal(err)
	}
	if len(statement.Items) != 2 || !statement.Items[0].Billed || !statement.Items[1].Billed {
		t.Errorf("items = %+v, want the two records", statement.Items)
	}
	if diff := cmp.Diff([]Total{{"USD", "0.3"}}, statement.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func TestBillOfANewLease(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, &v1alpha1.ContainerLease{ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: "new"}})
	stdout, stderr, err := invoke(t, server, "new")
	if err != nil || stdout != "" || stderr != "No bills found in default namespace.\n" {
		t.Errorf("stdout, stderr, err = %q, %q, %v", stdout, stderr, err)
	}
}

func TestBillOfNobody(t *testing.T) {
	_, _, err := invoke(t, ledger(t), "nobody")
	if err == nil || !strings.Contains(err.Error(), `no bill for "nobody"`) {
		t.Errorf("error = %v", err)
	}
}

func TestBillCSV(t *testing.T) {
	stdout, _, err := invoke(t, ledger(t), "web", "-o", "csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("rows, err = %v, %v", rows, err)
	}
	got := map[string]string{}
	for i, column := range rows[0] {
		got[column] = rows[1][i]
	}
	for _, varying := range []string{"started_at", "ends_at"} {
		if _, err := time.Parse(time.RFC3339Nano, got[varying]); err != nil {
			t.Errorf("%s: %v", varying, err)
		}
		delete(got, varying)
	}
	want := map[string]string{
		"namespace": "default", "lease": "web", "uid": "uid-3", "class": "standard", "image": "docker.io/library/alpine:3.22",
		"state": "Expired", "billed": "true", "estimated": "false", "billable_seconds": "600", "amount": "0.011251338", "currency": "EUR",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestBillMachineFormatsWithoutBills(t *testing.T) {
	for format, want := range map[string]string{
		"json": "{\n    \"items\": [],\n    \"totals\": []\n}\n",
		"yaml": "items: []\ntotals: []\n",
		"csv":  strings.Join(csvHeader, ",") + "\n",
	} {
		stdout, stderr, err := invoke(t, stubapi.New(t), "-o", format)
		if err != nil || stdout != want || stderr != "" {
			t.Errorf("%s: stdout, stderr, err = %q, %q, %v", format, stdout, stderr, err)
		}
	}
}

func TestBillUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"TwoNames":      {[]string{"a", "b"}, "at most one NAME"},
		"UnknownFormat": {[]string{"-o", "pdf"}, "--output must be one of"},
		"NegativeSince": {[]string{"--since=-1h"}, "--since can't be negative"},
		"AnotherKind":   {[]string{"leaseclass/a"}, "is not a lease"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := invoke(t, stubapi.New(t), tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}
