package rest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

var (
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 500, time.UTC)
	pricing = v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005"}
)

// leaseAt is a lease of half an hour in some state.
func leaseAt(change func(*v1alpha1.ContainerLeaseStatus)) *v1alpha1.ContainerLease {
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "alice"},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: "ubuntu", ClassName: "standard", TTL: "30m", OperatingMode: v1alpha1.OperatingModeRunning,
			Resources: v1alpha1.ResourceLimits{CPU: ptr.To(resource.MustParse("500m")), Memory: ptr.To(resource.MustParse("512Mi"))},
			Env:       []v1alpha1.EnvVar{{Name: "TOKEN", Value: "secret"}},
		},
		Status: v1alpha1.ContainerLeaseStatus{Phase: v1alpha1.LeasePending},
	}
	change(&lease.Status)
	return lease
}

func condition(kind string, status metav1.ConditionStatus, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: "Reason", Message: message}
}

func TestContainerModel(t *testing.T) {
	started := func(s *v1alpha1.ContainerLeaseStatus) {
		s.Phase = v1alpha1.LeaseRunning
		s.Pricing = &pricing
		s.StartTime = ptr.To(v1alpha1.NewTimestamp(noon))
		// As it was before the lease was extended.
		s.ExpirationTime = ptr.To(v1alpha1.NewTimestamp(noon.Add(10 * time.Minute)))
		s.Cost = &v1alpha1.LeaseCost{Currency: "USD", HourlyRate: "1", Estimated: "1"}
		s.Conditions = []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue, "The container runs.")}
	}
	type part struct {
		Message, Estimate, Final string
		Expiry                   *time.Time
		Remaining                *int64
	}
	for _, tc := range []struct {
		name  string
		lease *v1alpha1.ContainerLease
		want  part
	}{
		{"Pending", leaseAt(func(*v1alpha1.ContainerLeaseStatus) {}), part{Estimate: "0.01125"}},
		{"Pulling", leaseAt(func(s *v1alpha1.ContainerLeaseStatus) {
			s.Pricing = &pricing
			s.Conditions = []metav1.Condition{
				condition(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, "Pulling."),
				condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "Not yet."),
			}
		}), part{Message: "Pulling.", Estimate: "0.01125"}},
		{"NotAccepted", leaseAt(func(s *v1alpha1.ContainerLeaseStatus) {
			s.Conditions = []metav1.Condition{condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, "No such class.")}
		}), part{Message: "No such class.", Estimate: "0.01125"}},
		{"Running", leaseAt(started), part{Estimate: "0.01125", Expiry: ptr.To(noon.Add(30 * time.Minute)), Remaining: ptr.To[int64](1739)}},
		{"Suspended", leaseAt(func(s *v1alpha1.ContainerLeaseStatus) {
			started(s)
			s.Conditions = []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "Stopped.")}
		}), part{Message: "Stopped.", Estimate: "0.01125", Expiry: ptr.To(noon.Add(30 * time.Minute)), Remaining: ptr.To[int64](1739)}},
		{"Ended", leaseAt(func(s *v1alpha1.ContainerLeaseStatus) {
			started(s)
			s.FinishReason = v1alpha1.FinishExpired
			s.Cost.Final = "0.5"
			s.Conditions = []metav1.Condition{condition(v1alpha1.ConditionFinished, metav1.ConditionTrue, "The time was up.")}
		}), part{Message: "The time was up.", Estimate: "1", Final: "0.5", Expiry: ptr.To(noon.Add(10 * time.Minute)), Remaining: ptr.To[int64](0)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := containerModel(tc.lease, prices{"standard": pricing}, noon.Add(time.Minute+time.Nanosecond))
			if diff := cmp.Diff(tc.want, part{got.Message, got.EstimatedCost, got.FinalCost, got.ExpiryTime, got.RemainingSeconds}); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff([]string{"TOKEN"}, got.EnvNames); diff != "" {
				t.Errorf("variables: -want +got\n%s", diff)
			}
		})
	}
}

func TestPriceOfAClassThatIsGone(t *testing.T) {
	got := containerModel(leaseAt(func(*v1alpha1.ContainerLeaseStatus) {}), prices{}, noon)
	if got.EstimatedCost != "" || got.Currency != "" {
		t.Errorf("got %s %s for a price that nobody knows", got.EstimatedCost, got.Currency)
	}
}

func TestFieldNames(t *testing.T) {
	env := []v1alpha1.EnvVar{{Name: "A"}, {Name: "1B"}}
	for path, want := range map[string]string{
		"metadata.name":           "name",
		"spec.image":              "imageType",
		"spec.ttl":                "durationMinutes",
		"spec.resources.cpu":      "cpuMilli",
		"spec.resources.memory":   "memoryMB",
		"spec.resources":          "spec.resources",
		"spec.className":          "className",
		"spec.command":            "command",
		"spec.command[3]":         "command[3]",
		"spec.commander":          "spec.commander",
		"spec.env":                "env",
		"spec.env[1].name":        "env.1B",
		"spec.env[0].value":       "env.A",
		"spec.env[2].name":        "env",
		"spec.env[-1]":            "env",
		"spec.env[":               "env",
		"spec":                    "command, env",
		"spec.workingDir":         "spec.workingDir",
		"metadata.annotations[a]": "metadata.annotations[a]",
	} {
		if got := fieldName(path, env); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestNameBase(t *testing.T) {
	for image, want := range map[string]string{
		"ubuntu":                          "ubuntu-",
		"docker.io/library/Alpine:3.22":   "alpine-",
		"reg:5000/team/my_app@sha256:abc": "my-app-",
		"":                                "lease-",
		"...":                             "lease-",
		"日本語":                             "lease-",
		strings.Repeat("a", 300):          strings.Repeat("a", 50) + "-",
		strings.Repeat("a", 49) + "__b":   strings.Repeat("a", 49) + "-",
	} {
		if got := nameBase(image); got != want {
			t.Errorf("%q: got %q, want %q", image, got, want)
		}
	}
}

func TestTotals(t *testing.T) {
	bills := []openapi.Bill{
		{Amount: "0.1", Currency: "USD"}, {Amount: "0.2", Currency: "USD"}, {Amount: "0.000000001", Currency: "USD"},
		{Amount: "99999999999999999999", Currency: "EUR"}, {Amount: "1", Currency: "EUR"},
	}
	got, err := totals(bills)
	if err != nil {
		t.Fatal(err)
	}
	want := []openapi.Total{{Amount: "100000000000000000000", Currency: "EUR"}, {Amount: "0.300000001", Currency: "USD"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, amount := range []string{"", "x", "1.0000000001"} {
		if got, err := totals([]openapi.Bill{{Amount: amount}}); err == nil {
			t.Errorf("%q was added up to %v", amount, got)
		}
	}
}

func TestCSVRowHoldsNoFormula(t *testing.T) {
	row := csvRow(&openapi.Bill{Name: "=1+1", Namespace: "+1", ClassName: "-1", Image: "@a", Amount: "0.5"})
	formula := regexp.MustCompile(`^[=+\-@\t\r]`)
	for i, cell := range row {
		if formula.MatchString(cell) {
			t.Errorf("%s is the formula %s", csvHeader[i], cell)
		}
	}
	if len(row) != len(csvHeader) {
		t.Errorf("%d cells for %d columns", len(row), len(csvHeader))
	}
}
