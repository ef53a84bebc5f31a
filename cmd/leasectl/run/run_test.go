package run

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

// invoke runs the command to its end.
func invoke(ctx context.Context, server *stubapi.Server, args ...string) (stdout, stderr string, err error) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	cmd := NewCommand("leasectl", server.Getter(), streams)
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err = cmd.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// becomes plays the controllers: once the client watches, the lease goes through states.
func becomes(t *testing.T, server *stubapi.Server, name string, states ...v1alpha1.ContainerLeaseStatus) {
	var once sync.Once
	server.OnWatch = func() {
		once.Do(func() {
			for _, state := range states {
				lease := server.Lease(t, name)
				lease.Status = state
				server.Put(t, stubapi.Leases, lease)
			}
		})
	}
}

func pulling(message string) v1alpha1.ContainerLeaseStatus {
	return v1alpha1.ContainerLeaseStatus{Phase: v1alpha1.LeaseProvisioning, Conditions: []metav1.Condition{
		condition(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonPulling, message),
	}}
}

func ready() v1alpha1.ContainerLeaseStatus {
	start := v1alpha1.NewTimestamp(time.Now())
	expiration := v1alpha1.NewTimestamp(start.Add(30 * time.Minute))
	return v1alpha1.ContainerLeaseStatus{
		Phase:          v1alpha1.LeaseRunning,
		StartTime:      &start,
		ExpirationTime: &expiration,
		Cost:           &v1alpha1.LeaseCost{Currency: "USD", HourlyRate: "0.0225", Estimated: "0.01125"},
		Container: &v1alpha1.ContainerStatus{ID: "c", Ports: []v1alpha1.PortStatus{
			{ContainerPort: 80, Protocol: "TCP", HostIP: "127.0.0.1", HostPort: 32768},
		}},
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionProvisioned, metav1.ConditionTrue, v1alpha1.ReasonProvisioned, ""),
			condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRunning, ""),
		},
	}
}

func finished(reason v1alpha1.FinishReason, message string) v1alpha1.ContainerLeaseStatus {
	return v1alpha1.ContainerLeaseStatus{
		Phase: v1alpha1.LeaseFailed, FinishReason: reason,
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionFinished, metav1.ConditionTrue, string(reason), message),
		},
	}
}

func TestRunWaitsUntilReady(t *testing.T) {
	server := stubapi.New(t)
	becomes(t, server, "alpine-x7k2p", pulling("1 of 3 MB"), pulling("2 of 3 MB"), ready())

	stdout, stderr, err := invoke(t.Context(), server, "alpine", "--ttl", "30m", "--", "sleep", "60")
	if err != nil {
		t.Fatalf("run: %v\n%s", err, stderr)
	}
	if stdout != "alpine-x7k2p\n" {
		t.Errorf("stdout = %q, want the bare name", stdout)
	}
	for _, want := range []string{
		"alpine-x7k2p: Pending\n", "alpine-x7k2p: Pulling: 1 of 3 MB\n", "alpine-x7k2p: Running\n",
		"expires in", "about 0.01125 USD", "port 80/tcp is at 127.0.0.1:32768",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
	if strings.Contains(stderr, "2 of 3 MB") {
		t.Errorf("off a terminal, only the first message of a reason is shown:\n%s", stderr)
	}
}

func TestRunOutcomes(t *testing.T) {
	tests := map[string]struct {
		state   v1alpha1.ContainerLeaseStatus
		wantErr string // "" for success
	}{
		"CompletedBeforeReadyWasSeen": {finished(v1alpha1.FinishCompleted, "exit code 0"), ""},
		"CommandFailed":               {finished(v1alpha1.FinishFailed, "exit code 3"), `lease "demo" has ended: Failed: exit code 3`},
		"NeverStarted":                {finished(v1alpha1.FinishProvisioningFailed, "no such image"), `lease "demo" has ended: ProvisioningFailed: no such image`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := stubapi.New(t)
			becomes(t, server, "demo", tc.state)
			stdout, _, err := invoke(t.Context(), server, "alpine", "--name", "demo")
			if got := errorText(err); got != tc.wantErr {
				t.Errorf("error = %q, want %q", got, tc.wantErr)
			}
			if stdout != "demo\n" {
				t.Errorf("stdout = %q, want the name whatever came of it", stdout)
			}
		})
	}
}

func TestRunReportsDeletion(t *testing.T) {
	server := stubapi.New(t)
	server.OnWatch = sync.OnceFunc(func() { server.Remove(stubapi.Leases, "demo") })
	_, _, err := invoke(t.Context(), server, "alpine", "--name", "demo")
	if !apierrors.IsNotFound(err) {
		t.Errorf("error = %v, want NotFound", err)
	}
}

func TestRunStopsWaiting(t *testing.T) {
	t.Run("Timeout", func(t *testing.T) {
		server := stubapi.New(t)
		stdout, _, err := invoke(t.Context(), server, "alpine", "--name", "demo", "--timeout", "50ms")
		if text := errorText(err); !strings.Contains(text, `did not run within 50ms`) || !strings.Contains(text, "leasectl delete lease demo") {
			t.Errorf("error = %q, want what happened and what to do", text)
		}
		if stdout != "demo\n" {
			t.Errorf("stdout = %q", stdout)
		}
	})
	t.Run("Interrupt", func(t *testing.T) {
		server := stubapi.New(t)
		ctx, interrupt := context.WithCancel(t.Context())
		server.OnWatch = interrupt
		_, _, err := invoke(ctx, server, "alpine", "--name", "demo")
		if text := errorText(err); text != "stopped waiting, but lease \"demo\" goes on: end it with `leasectl delete lease demo`" {
			t.Errorf("error = %q", text)
		}
		server.Lease(t, "demo") // is still there
	})
}

func TestRunWithoutWaiting(t *testing.T) {
	server := stubapi.New(t)
	stdout, stderr, err := invoke(t.Context(), server, "alpine", "--name", "demo", "--wait=false", "-o", "name")
	if err != nil || stdout != "containerlease.containerlease.dev/demo\n" || stderr != "" {
		t.Errorf("stdout, stderr, err = %q, %q, %v", stdout, stderr, err)
	}
	_, _, err = invoke(t.Context(), server, "alpine", "--name", "demo")
	if !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second one: error = %v, want the server's own, unwrapped", err)
	}
}

func TestRunDry(t *testing.T) {
	server := stubapi.New(t)
	for _, strategy := range []string{"client", "server"} {
		stdout, _, err := invoke(t.Context(), server, "alpine", "--name", "demo", "--dry-run="+strategy, "-o", "yaml")
		if err != nil || !strings.Contains(stdout, "kind: ContainerLease") || !strings.Contains(stdout, "image: alpine") {
			t.Errorf("%s: %v\n%s", strategy, err, stdout)
		}
	}
	stdout, _, err := invoke(t.Context(), server, "alpine", "--dry-run=client")
	if err != nil || stdout != "containerlease.containerlease.dev/alpine-<generated> created (dry run)\n" {
		t.Errorf("stdout, err = %q, %v", stdout, err)
	}
	if _, _, err := invoke(t.Context(), server, "alpine", "--name", "demo", "--wait=false"); err != nil {
		t.Errorf("a dry run left something behind: %v", err)
	}
}

func TestRunUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"NoImage":           {nil, "IMAGE is required"},
		"NoImageButCommand": {[]string{"--", "sh"}, "IMAGE is required"},
		"CommandUndashed":   {[]string{"alpine", "sh"}, "put the command after --"},
		"TwoImages":         {[]string{"alpine", "ubuntu", "--", "sh"}, "one IMAGE is expected"},
		"FractionalTTL":     {[]string{"alpine", "--ttl", "1.5h"}, `--ttl "1.5h": must be a duration`},
		"NegativeTimeout":   {[]string{"alpine", "--timeout", "-1s"}, "--timeout can't be negative"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := invoke(t.Context(), stubapi.New(t), tc.args...)
			if !strings.Contains(errorText(err), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSummaryOfACompletedLease(t *testing.T) {
	lease := &v1alpha1.ContainerLease{ObjectMeta: metav1.ObjectMeta{Name: "demo"}, Status: finished(v1alpha1.FinishCompleted, "exit code 0")}
	if got, want := summary(lease, time.Now()), "demo: Completed: exit code 0"; got != want {
		t.Errorf("summary = %q, want %q", got, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
