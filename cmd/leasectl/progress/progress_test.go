package progress

import (
	"bytes"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestOf(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
	}
	accepted := condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "")
	provisioned := condition(v1alpha1.ConditionProvisioned, metav1.ConditionTrue, v1alpha1.ReasonProvisioned, "")
	tests := map[string]struct {
		conditions []metav1.Condition
		want       string
	}{
		"Nothing":     {nil, "Pending"},
		"NotAccepted": {[]metav1.Condition{condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonClassNotFound, "no class big")}, "ClassNotFound: no class big"},
		"Pulling":     {[]metav1.Condition{accepted, condition(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonPulling, "1 of 2 MB\n")}, "Pulling: 1 of 2 MB"},
		"Ready":       {[]metav1.Condition{accepted, provisioned, condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")}, "Running"},
		"Finished": {[]metav1.Condition{
			accepted,
			condition(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonRemoved, ""),
			condition(v1alpha1.ConditionFinished, metav1.ConditionTrue, string(v1alpha1.FinishExpired), "time is up"),
		}, "Expired: time is up"},
		"NotFinished": {[]metav1.Condition{
			accepted, provisioned, condition(v1alpha1.ConditionFinished, metav1.ConditionFalse, v1alpha1.ReasonNotFinished, ""),
		}, "Provisioned"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			lease := &v1alpha1.ContainerLease{Status: v1alpha1.ContainerLeaseStatus{Conditions: tc.conditions}}
			if got := Of(lease).String(); got != tc.want {
				t.Errorf("Of() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPrinterOnATerminal(t *testing.T) {
	out := &bytes.Buffer{}
	printer := NewPrinter(out)
	printer.width = func() int { return 12 }
	printer.Show("demo", Step{"Pulling", "1 MB"})
	printer.Show("demo", Step{"Pulling", "1 MB"}) // nothing new
	printer.Show("demo", Step{"Pulling", "2 MB"})
	printer.Done()
	printer.Done() // nothing on the line any more

	want := "\r\033[Kdemo: Pull…" + "\r\033[Kdemo: Pull…" + "\r\033[K"
	if got := out.String(); got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestPrinterElsewhere(t *testing.T) {
	out := &bytes.Buffer{}
	printer := NewPrinter(out)
	for _, step := range []Step{{"Pulling", "1 MB"}, {"Pulling", "2 MB"}, {"PullFailed", "no route"}, {"Pulling", "1 MB"}} {
		printer.Show("demo", step)
	}
	printer.Done()
	want := "demo: Pulling: 1 MB\ndemo: PullFailed: no route\ndemo: Pulling: 1 MB\n"
	if got := out.String(); got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}
