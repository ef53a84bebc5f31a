package change

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

type constructor func(string, genericclioptions.RESTClientGetter, genericiooptions.IOStreams) *cobra.Command

func invoke(ctx context.Context, command constructor, server *stubapi.Server, args ...string) (string, error) {
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	cmd := command("leasectl", server.Getter(), streams)
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

func demo(ttl v1alpha1.Duration) *v1alpha1.ContainerLease {
	cpu, memory := resource.MustParse("500m"), resource.MustParse("512Mi")
	return &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: "demo"},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image: "alpine", TTL: ttl, OperatingMode: v1alpha1.OperatingModeRunning,
			Resources: v1alpha1.ResourceLimits{CPU: &cpu, Memory: &memory},
		},
	}
}

func serving(t *testing.T, leases ...*v1alpha1.ContainerLease) *stubapi.Server {
	server := stubapi.New(t)
	for _, lease := range leases {
		server.Put(t, stubapi.Leases, lease)
	}
	return server
}

func TestExtendBy(t *testing.T) {
	server := serving(t, demo("30m"))
	out, err := invoke(t.Context(), NewExtendCommand, server, "demo", "--by", "15m")
	if err != nil {
		t.Fatal(err)
	}
	if want := "containerlease.containerlease.dev/demo extended from 30m to 45m, counted from when its container starts\n"; out != want {
		t.Errorf("out = %q, want %q", out, want)
	}
	if got := server.Lease(t, "demo").Spec.TTL; got != "45m" {
		t.Errorf("ttl = %s, want 45m", got)
	}
}

func TestExtendAddsToWhatAnotherUserSet(t *testing.T) {
	server := serving(t, demo("30m"))
	interfered := false
	server.BeforePatch = func(string) {
		if interfered {
			return
		}
		interfered = true
		server.Put(t, stubapi.Leases, demo("1h"))
	}
	if _, err := invoke(t.Context(), NewExtendCommand, server, "demo", "--by", "15m"); err != nil {
		t.Fatal(err)
	}
	if got := server.Lease(t, "demo").Spec.TTL; got != "1h15m" {
		t.Errorf("ttl = %s: one of two extensions is lost", got)
	}
}

func TestExtendGoesOnAfterAFailure(t *testing.T) {
	server := serving(t, demo("30m"))
	_, err := invoke(t.Context(), NewExtendCommand, server, "absent", "lease/demo", "--to", "1h")
	if !apierrors.IsNotFound(err) && !strings.Contains(err.Error(), `"absent" not found`) {
		t.Errorf("error = %v", err)
	}
	if got := server.Lease(t, "demo").Spec.TTL; got != "1h" {
		t.Errorf("ttl = %s, want 1h as written", got)
	}
}

func TestChangeRefusesWhatIsOver(t *testing.T) {
	ended := demo("30m")
	ended.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionFinished, Status: metav1.ConditionTrue, Reason: string(v1alpha1.FinishExpired)}}
	deleted := demo("30m")
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	tests := map[string]struct {
		lease *v1alpha1.ContainerLease
		want  string
	}{
		"Ended":   {ended, `lease "demo" has ended (Expired)`},
		"Deleted": {deleted, `lease "demo" is being deleted`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := serving(t, tc.lease)
			server.BeforePatch = func(string) { t.Error("the lease was patched") }
			_, err := invoke(t.Context(), NewExtendCommand, server, "demo", "--by", "5m")
			if err == nil || err.Error() != tc.want {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestResize(t *testing.T) {
	server := serving(t, demo("30m"))
	out, err := invoke(t.Context(), NewResizeCommand, server, "demo", "--memory", "1Gi")
	if err != nil {
		t.Fatal(err)
	}
	if want := "containerlease.containerlease.dev/demo resized from 500m CPU, 512Mi memory to 500m CPU, 1Gi memory\n"; out != want {
		t.Errorf("out = %q, want %q", out, want)
	}
	limits := server.Lease(t, "demo").Spec.Resources
	if limits.CPU.String() != "500m" || limits.Memory.String() != "1Gi" {
		t.Errorf("limits = %s", size(limits))
	}
}

func TestSuspendAndResume(t *testing.T) {
	server := serving(t, demo("30m"))
	patches := 0
	server.BeforePatch = func(string) { patches++ }
	for _, step := range []struct {
		command  constructor
		want     string
		wantMode v1alpha1.OperatingMode
	}{
		{NewSuspendCommand, "suspended", v1alpha1.OperatingModeSuspended},
		{NewSuspendCommand, "unchanged", v1alpha1.OperatingModeSuspended},
		{NewResumeCommand, "resumed", v1alpha1.OperatingModeRunning},
	} {
		out, err := invoke(t.Context(), step.command, server, "demo")
		if err != nil || out != "containerlease.containerlease.dev/demo "+step.want+"\n" {
			t.Errorf("out, err = %q, %v, want %s", out, err, step.want)
		}
		if mode := server.Lease(t, "demo").Spec.OperatingMode; mode != step.wantMode {
			t.Errorf("mode = %s, want %s", mode, step.wantMode)
		}
	}
	if patches != 2 {
		t.Errorf("%d patches, want 2: what is unchanged isn't written", patches)
	}
}

func TestChangePrintsTheObject(t *testing.T) {
	out, err := invoke(t.Context(), NewExtendCommand, serving(t, demo("30m")), "demo", "--to", "1h", "-o", "jsonpath={.kind} {.spec.ttl}")
	if err != nil || out != "ContainerLease 1h" {
		t.Errorf("out, err = %q, %v", out, err)
	}
}

func TestUsage(t *testing.T) {
	tests := map[string]struct {
		command constructor
		args    []string
		want    string
	}{
		"ExtendNothing":  {NewExtendCommand, []string{"--by", "5m"}, "the NAME of a lease is required"},
		"ExtendBySome":   {NewExtendCommand, []string{"demo"}, "one of --by and --to is required"},
		"ExtendByAndTo":  {NewExtendCommand, []string{"demo", "--by", "5m", "--to", "5m"}, "one of --by and --to is required"},
		"ExtendByLess":   {NewExtendCommand, []string{"demo", "--by=-5m"}, `--by "-5m": must be a duration`},
		"ExtendToNever":  {NewExtendCommand, []string{"demo", "--to", "tomorrow"}, "or a moment such as"},
		"ResizeToWhat":   {NewResizeCommand, []string{"demo"}, "--cpu or --memory is required"},
		"ResizeToLarge":  {NewResizeCommand, []string{"demo", "--cpu", "large"}, `--cpu "large": must be a quantity`},
		"SuspendNothing": {NewSuspendCommand, nil, "the NAME of a lease is required"},
		"SuspendAClass":  {NewSuspendCommand, []string{"leaseclass/standard"}, "is not a lease"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := invoke(t.Context(), tc.command, serving(t, demo("30m")), tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}
