package lifecycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/controllers/internal/controllertest"
	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/reconciler/driver/pull"
)

const uid = "00000000-0000-0000-0000-000000000001"

// running returns a world in which the lease "demo" runs.
func running(t *testing.T, change ...func(*v1alpha1.ContainerLease)) *controllertest.Fixture {
	t.Helper()
	f := controllertest.New(t)
	f.Create(f.NewLease(change...))
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Events.Take()
	return f
}

func wantPhase(t *testing.T, f *controllertest.Fixture, want v1alpha1.LeasePhase) {
	t.Helper()
	if got := f.Lease().Status.Phase; got != want {
		t.Fatalf("phase is %q, want %q\n%s", got, want, f.Describe())
	}
}

func wantFinish(t *testing.T, f *controllertest.Fixture, want v1alpha1.FinishReason, amount string) {
	t.Helper()
	status := f.Lease().Status
	if status.FinishReason != want {
		t.Errorf("finish reason is %q, want %q", status.FinishReason, want)
	}
	if status.FinishTime == nil {
		t.Error("there is no finish time")
	}
	record := f.Record()
	if record.FinishReason != want || record.Amount != amount {
		t.Errorf("billed %s for %q, want %s for %q", record.Amount, record.FinishReason, amount, want)
	}
	if status.Cost != nil && status.Cost.Final != amount {
		t.Errorf("final cost is %q, want %q", status.Cost.Final, amount)
	}
	if f.Container(uid) != nil {
		t.Error("the container is still there")
	}
}

// reasons returns the conditions as "Ready=True/Running".
func reasons(f *controllertest.Fixture) []string {
	var out []string
	for _, c := range f.Lease().Status.Conditions {
		out = append(out, c.Type+"="+string(c.Status)+"/"+c.Reason)
	}
	return out
}

func TestRunsToExpiration(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease())
	f.Settle()
	start := f.Clock.Now()

	wantPhase(t, f, v1alpha1.LeaseRunning)
	want := []string{"Accepted=True/Accepted", "Provisioned=True/Provisioned", "Ready=True/Running",
		"Finished=False/NotFinished", "Billed=False/NotFinishedYet"}
	if diff := cmp.Diff(want, reasons(f)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	status := f.Lease().Status
	if !status.StartTime.Time.Equal(start) || !status.ExpirationTime.Time.Equal(start.Add(30*time.Minute)) {
		t.Errorf("runs from %v to %v, want 30 minutes from %v", status.StartTime, status.ExpirationTime, start)
	}
	if diff := cmp.Diff(&v1alpha1.LeaseCost{Currency: "USD", HourlyRate: "0.0225", Estimated: "0.01125"}, status.Cost); diff != "" {
		t.Errorf("cost (-want +got):\n%s", diff)
	}
	if status.Container.Image != controllertest.Image || status.Container.Engine != "fake" || status.Container.ImageDigest == "" {
		t.Errorf("container is %+v", status.Container)
	}

	f.Step(30*time.Minute - time.Millisecond)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Step(time.Millisecond)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseFinished)
	wantFinish(t, f, v1alpha1.FinishExpired, "0.01125")
	want = []string{"Accepted=True/Accepted", "Provisioned=False/Removed", "Ready=False/Finished",
		"Finished=True/Expired", "Billed=True/Billed"}
	if diff := cmp.Diff(want, reasons(f)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}

	f.Step(time.Hour)
	f.Settle()
	if f.Lease() != nil {
		t.Error("the lease is still there an hour after it finished")
	}
	if len(f.Records()) != 1 {
		t.Error("the record is gone with its lease")
	}
}

func TestUnchangedWorldWritesNothing(t *testing.T) {
	settled := map[string]func(*testing.T) *controllertest.Fixture{
		"Running": func(t *testing.T) *controllertest.Fixture { return running(t) },
		"Suspended": func(t *testing.T) *controllertest.Fixture {
			f := running(t)
			f.Update(suspend)
			f.Settle()
			return f
		},
		"Pulling": func(t *testing.T) *controllertest.Fixture {
			f := controllertest.New(t)
			f.Engine.RemoveImage(controllertest.Image)
			f.Create(f.NewLease())
			f.Settle()
			return f
		},
		"Finished": func(t *testing.T) *controllertest.Fixture {
			f := running(t)
			f.Engine.Exit(uid, 0)
			f.Settle()
			return f
		},
		"AwaitingItsBill": func(t *testing.T) *controllertest.Fixture {
			f := running(t)
			f.Engine.Exit(uid, 0)
			f.MustReconcile()
			return f
		},
	}
	for name, world := range settled {
		t.Run(name, func(t *testing.T) {
			f := world(t)
			version, writes := f.Lease().ResourceVersion, f.Fuse.Writes()
			f.Events.Take()
			f.MustReconcile()
			f.Step(5 * time.Second)
			f.MustReconcile()
			if got := f.Fuse.Writes(); got != writes {
				t.Errorf("%d calls that could change something, want none", got-writes)
			}
			if got := f.Lease().ResourceVersion; got != version {
				t.Errorf("the lease was written: resourceVersion %s, was %s", got, version)
			}
			if events := f.Events.Take(); len(events) != 0 {
				t.Errorf("events %v, want none", events)
			}
		})
	}
}

func TestEndsByItself(t *testing.T) {
	tests := map[string]struct {
		happens  func(*controllertest.Fixture)
		want     v1alpha1.FinishReason
		phase    v1alpha1.LeasePhase
		amount   string
		evidence v1alpha1.UsageEvidence
	}{
		"ExitZero": {
			happens: func(f *controllertest.Fixture) { f.Engine.Exit(uid, 0) },
			want:    v1alpha1.FinishCompleted, phase: v1alpha1.LeaseFinished, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
		"ExitNonZero": {
			happens: func(f *controllertest.Fixture) { f.Engine.Exit(uid, 3) },
			want:    v1alpha1.FinishFailed, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
		"ExitCode255IsNoCrash": {
			happens: func(f *controllertest.Fixture) { f.Engine.Exit(uid, 255) },
			want:    v1alpha1.FinishFailed, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
		"KilledFromOutside": {
			happens: func(f *controllertest.Fixture) { f.Engine.Kill(uid) },
			want:    v1alpha1.FinishFailed, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
		"OutOfMemory": {
			happens: func(f *controllertest.Fixture) { f.Engine.OOM(uid) },
			want:    v1alpha1.FinishOOMKilled, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
		"RemovedBehindOurBack": {
			happens: func(f *controllertest.Fixture) { f.Engine.RemoveBehind(uid) },
			want:    v1alpha1.FinishLost, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceLastSeen,
		},
		"RemovedAndForgotten": {
			happens: func(f *controllertest.Fixture) {
				f.MustReconcile() // Seen now, ten minutes in,
				f.Step(20 * time.Second)
				f.Engine.RemoveBehind(uid) // and gone before the next look.
				f.Engine.ForgetEvents()
			},
			want: v1alpha1.FinishLost, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceLastSeen,
		},
		"EngineCrashed": {
			happens: func(f *controllertest.Fixture) {
				f.MustReconcile()
				f.Step(20 * time.Second)
				f.Engine.CrashEngine()
			},
			want: v1alpha1.FinishLost, phase: v1alpha1.LeaseFailed, amount: "0.00375", evidence: v1alpha1.EvidenceLastSeen,
		},
		"Deleted": {
			happens: func(f *controllertest.Fixture) { f.Delete() },
			want:    v1alpha1.FinishDeleted, amount: "0.00375", evidence: v1alpha1.EvidenceEngineExit,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.Step(10 * time.Minute)
			tc.happens(f)
			f.Settle()
			if tc.want == v1alpha1.FinishDeleted {
				if f.Lease() != nil {
					t.Fatalf("the deleted lease is still there\n%s", f.Describe())
				}
			} else {
				wantPhase(t, f, tc.phase)
				wantFinish(t, f, tc.want, tc.amount)
			}
			record := f.Record()
			if record.Amount != tc.amount || record.FinishReason != tc.want {
				t.Errorf("billed %s for %s, want %s for %s", record.Amount, record.FinishReason, tc.amount, tc.want)
			}
			if got := record.Segments[len(record.Segments)-1].Evidence; got != tc.evidence {
				t.Errorf("evidence is %s, want %s", got, tc.evidence)
			}
			if want := tc.evidence == v1alpha1.EvidenceLastSeen; record.Estimated != want {
				t.Errorf("estimated is %v, want %v", record.Estimated, want)
			}
			if f.Container(uid) != nil {
				t.Error("the container is still there")
			}
		})
	}
}

func TestNeverRan(t *testing.T) {
	tests := map[string]struct {
		lease     func(*v1alpha1.ContainerLease)
		before    func(*controllertest.Fixture)
		after     func(*controllertest.Fixture)
		condition string
		reason    string
	}{
		"ClassNotFound": {
			lease:     func(l *v1alpha1.ContainerLease) { l.Spec.ClassName = "absent" },
			condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonClassNotFound,
		},
		"ImageNotAllowed": {
			lease:     func(l *v1alpha1.ContainerLease) { l.Spec.Image = "evil.example/alpine:3.22" },
			condition: v1alpha1.ConditionAccepted, reason: v1alpha1.ReasonNotAllowed,
		},
		"CommandDoesNotExist": {
			before: func(f *controllertest.Fixture) { f.Engine.FailStart(uid, driver.ErrInvalid) },
		},
		"EngineRefusesTheSpec": {
			before:    func(f *controllertest.Fixture) { f.Engine.FailNext(fake.OpCreate, driver.ErrInvalid) },
			condition: v1alpha1.ConditionProvisioned, reason: v1alpha1.ReasonCreateFailed,
		},
		"PullNeverEnds": {
			before:    func(f *controllertest.Fixture) { f.Engine.RemoveImage(controllertest.Image) },
			after:     func(f *controllertest.Fixture) { f.Step(300 * time.Second) },
			condition: v1alpha1.ConditionProvisioned, reason: v1alpha1.ReasonDeadlineExceeded,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := controllertest.New(t)
			if tc.before != nil {
				tc.before(f)
			}
			if tc.lease == nil {
				tc.lease = func(*v1alpha1.ContainerLease) {}
			}
			f.Create(f.NewLease(tc.lease))
			f.Settle()
			if tc.after != nil {
				tc.after(f)
				f.Settle()
			}
			wantPhase(t, f, v1alpha1.LeaseFailed)
			wantFinish(t, f, v1alpha1.FinishProvisioningFailed, "0")
			if tc.condition != "" {
				if got := meta.FindStatusCondition(f.Lease().Status.Conditions, tc.condition); got.Reason != tc.reason {
					t.Errorf("%s is %s, want %s", tc.condition, got.Reason, tc.reason)
				}
			}
			finish := meta.FindStatusCondition(f.Lease().Status.Conditions, v1alpha1.ConditionFinished)
			if finish.Message == "" {
				t.Error("the lease does not say why it failed")
			}
		})
	}
}

func TestPull(t *testing.T) {
	f := controllertest.New(t)
	f.Engine.RemoveImage(controllertest.Image)
	f.Create(f.NewLease())
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseProvisioning)
	if result := f.MustReconcile(); result.RequeueAfter != 2*time.Second {
		t.Errorf("looks again after %v, want 2s", result.RequeueAfter)
	}

	f.Pulls[controllertest.Image] = pull.State{Progress: driver.PullProgress{LayersTotal: 3, LayersDone: 1, BytesTotal: 30e6, BytesDone: 10e6}}
	f.MustReconcile()
	provisioned := meta.FindStatusCondition(f.Lease().Status.Conditions, v1alpha1.ConditionProvisioned)
	if want := "Pulling " + controllertest.Image + ": 1 of 3 layers, 10.0 of 30.0 MB."; provisioned.Message != want {
		t.Errorf("message is %q, want %q", provisioned.Message, want)
	}

	f.Events.Take()
	f.Pulls[controllertest.Image] = pull.State{Done: true, Err: driver.ErrDenied}
	for range 3 {
		if _, err := f.Reconcile(); !errors.Is(err, driver.ErrDenied) {
			t.Fatalf("error is %v, want %v, which is retried with back-off", err, driver.ErrDenied)
		}
	}
	if diff := cmp.Diff([]string{"Warning PullFailed"}, f.Events.Take()); diff != "" {
		t.Errorf("events of three failures for the same reason (-want +got):\n%s", diff)
	}
	f.Pulls[controllertest.Image] = pull.State{} // The next attempt has begun.
	f.MustReconcile()
	if events := f.Events.Take(); len(events) != 0 {
		t.Errorf("events %v of another attempt, want none: the condition must not flap", events)
	}
	wantPhase(t, f, v1alpha1.LeaseProvisioning)

	f.Engine.AddImage(controllertest.Image)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
}

func suspend(l *v1alpha1.ContainerLease) { l.Spec.OperatingMode = v1alpha1.OperatingModeSuspended }
func resume(l *v1alpha1.ContainerLease)  { l.Spec.OperatingMode = v1alpha1.OperatingModeRunning }

func TestSuspendAndResume(t *testing.T) {
	f := running(t)
	f.Step(10 * time.Minute)
	f.Update(suspend)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseSuspended)
	if f.Container(uid).State != driver.StateExited {
		t.Fatal("the container still runs")
	}
	f.Step(5 * time.Minute)
	f.Update(resume)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Step(5 * time.Minute)
	f.Engine.Exit(uid, 0)
	f.Settle()
	wantFinish(t, f, v1alpha1.FinishCompleted, "0.005625") // 15 of the 20 minutes.
	segments := f.Record().Segments
	if len(segments) != 2 || segments[0].ContainerID != segments[1].ContainerID {
		t.Errorf("segments are %+v, want two of the same container", segments)
	}
}

func TestSuspensionIsCarriedThrough(t *testing.T) {
	f := running(t)
	f.Engine.IgnoreTerm(uid)
	f.Update(suspend)
	f.MustReconcile()
	f.Update(resume) // Within the grace period: the stop can't be taken back,
	f.MustReconcile()
	f.Step(10 * time.Second)
	f.Settle() // and must not end the lease.
	wantPhase(t, f, v1alpha1.LeaseRunning)
	if n := len(f.Lease().Status.Segments); n != 2 {
		t.Errorf("%d segments, want 2", n)
	}
}

func TestExpiryIsCarriedThrough(t *testing.T) {
	f := running(t)
	f.Engine.IgnoreTerm(uid)
	f.Step(30 * time.Minute)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseTerminating)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.TTL = "1h" })
	f.Step(10 * time.Second)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseFinished)
	wantFinish(t, f, v1alpha1.FinishExpired, "0.0113125")
}

func TestTTLChanges(t *testing.T) {
	f := running(t)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.TTL = "1h" })
	f.Settle()
	f.Step(59 * time.Minute)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.TTL = "10m" })
	f.Settle()
	wantFinish(t, f, v1alpha1.FinishExpired, "0.022125")
}

func TestSuspendedLeaseExpires(t *testing.T) {
	f := running(t)
	f.Step(10 * time.Minute)
	f.Update(suspend)
	f.Settle()
	if result := f.MustReconcile(); result.RequeueAfter != 20*time.Minute {
		t.Errorf("looks again after %v, want at the expiration", result.RequeueAfter)
	}
	f.Step(20 * time.Minute)
	f.Settle()
	wantFinish(t, f, v1alpha1.FinishExpired, "0.00375")
}

func TestSuspendedFromTheStart(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease(suspend))
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseSuspended)
	if f.Container(uid) != nil {
		t.Error("there is a container")
	}
	f.Step(time.Hour) // The deadline for provisioning does not run meanwhile.
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseSuspended)
	f.Engine.RemoveImage(controllertest.Image)
	f.Update(resume)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseProvisioning)
	f.Step(299 * time.Second)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseProvisioning)
	f.Step(2 * time.Second)
	f.Settle()
	wantFinish(t, f, v1alpha1.FinishProvisioningFailed, "0")
}

func TestResize(t *testing.T) {
	f := running(t)
	f.Step(15 * time.Minute)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.Resources = controllertest.Size("1", "1Gi") })
	f.Settle()
	if got, want := f.Container(uid).Limits, (driver.Limits{MilliCPU: 1000, MemoryBytes: 1 << 30}); got != want {
		t.Errorf("limits are %+v, want %+v", got, want)
	}
	if diff := cmp.Diff([]string{"Normal Resizing", "Normal Resized"}, f.Events.Take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.Step(15 * time.Minute)
	f.Settle()
	// Fifteen minutes at 0.0225 an hour, fifteen at 0.045.
	wantFinish(t, f, v1alpha1.FinishExpired, "0.016875")
	segments := f.Record().Segments
	if len(segments) != 2 || segments[0].Evidence != v1alpha1.EvidenceResized || !segments[0].FinishedAt.Equal(&segments[1].StartedAt) {
		t.Errorf("segments are %+v, want the second to begin where the first was resized", segments)
	}
}

func TestResizeRefused(t *testing.T) {
	f := running(t)
	f.Engine.SetMemoryInUse(uid, 400<<20)
	f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.Resources = controllertest.Size("500m", "256Mi") })
	for range 3 {
		if _, err := f.Reconcile(); !errors.Is(err, driver.ErrInvalid) {
			t.Fatalf("error is %v, want %v", err, driver.ErrInvalid)
		}
	}
	if diff := cmp.Diff([]string{"Normal Resizing", "Warning ResizeFailed"}, f.Events.Take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Engine.SetMemoryInUse(uid, 0)
	f.Settle()
	if f.Container(uid).Limits.MemoryBytes != 256<<20 {
		t.Error("the limits are not in force")
	}
}

func TestDriftIsPutRight(t *testing.T) {
	f := running(t)
	f.Engine.SetLimitsBehind(uid, driver.Limits{MilliCPU: 2000, MemoryBytes: 2 << 30})
	f.Settle()
	if got, want := f.Container(uid).Limits, (driver.Limits{MilliCPU: 500, MemoryBytes: 512 << 20}); got != want {
		t.Errorf("limits are %+v, want %+v", got, want)
	}
	if n := len(f.Lease().Status.Segments); n != 1 {
		t.Errorf("%d segments, want 1: nobody agreed to another price", n)
	}
}

func TestRestartedBehindOurBack(t *testing.T) {
	f := running(t)
	f.Step(5 * time.Minute)
	f.Engine.Exit(uid, 0)
	f.Step(time.Minute)
	f.Engine.StartBehind(uid)
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	f.Step(4 * time.Minute)
	f.Engine.Exit(uid, 0)
	f.Settle()
	wantFinish(t, f, v1alpha1.FinishCompleted, "0.003375") // Nine minutes.
}

func TestLastObservedTime(t *testing.T) {
	f := running(t)
	first := f.Lease().Status.LastObservedTime
	f.Step(29 * time.Second)
	f.Settle()
	if got := f.Lease().Status.LastObservedTime; !got.Equal(first) {
		t.Errorf("refreshed after 29s: %v", got)
	}
	f.Step(time.Second)
	f.Settle()
	if got := f.Lease().Status.LastObservedTime; !got.Time.Equal(f.Clock.Now()) {
		t.Errorf("last observed at %v, want %v", got, f.Clock.Now())
	}
	if result := f.MustReconcile(); result.RequeueAfter < 30*time.Second || result.RequeueAfter > 33*time.Second {
		t.Errorf("looks again after %v, want about 30s", result.RequeueAfter)
	}
}

func TestEngineUnavailable(t *testing.T) {
	f := running(t)
	for range 3 {
		f.Engine.FailNext(fake.OpObserve, driver.ErrUnavailable)
		if _, err := f.Reconcile(); !errors.Is(err, driver.ErrUnavailable) {
			t.Fatalf("error is %v, want %v", err, driver.ErrUnavailable)
		}
	}
	if diff := cmp.Diff([]string{"Warning EngineUnavailable"}, f.Events.Take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
	if !meta.IsStatusConditionTrue(f.Lease().Status.Conditions, v1alpha1.ConditionProvisioned) {
		t.Error("Provisioned is not True again")
	}
}

func TestLostReplies(t *testing.T) {
	for _, op := range []fake.Op{fake.OpCreate, fake.OpStart, fake.OpStop, fake.OpRemove, fake.OpResize} {
		t.Run(string(op), func(t *testing.T) {
			f := controllertest.New(t)
			f.Create(f.NewLease())
			f.Engine.LoseNext(op, driver.ErrUnavailable)
			settle := func() {
				if _, err := f.Reconcile(); err != nil && !errors.Is(err, driver.ErrUnavailable) {
					t.Fatal(err)
				}
				f.Settle()
			}
			settle()
			f.Update(func(l *v1alpha1.ContainerLease) { l.Spec.Resources = controllertest.Size("1", "1Gi") })
			settle()
			f.Step(10 * time.Minute)
			f.Delete()
			settle()
			if _, err := f.Bill(); err != nil {
				t.Fatal(err)
			}
			settle()
			if f.Lease() != nil || f.Container(uid) != nil {
				t.Fatalf("something is left\n%s", f.Describe())
			}
			if got := f.Record().Amount; got != "0.0075" {
				t.Errorf("billed %s, want 0.0075", got)
			}
		})
	}
}

func TestCreationsAreCapped(t *testing.T) {
	f := controllertest.New(t)
	f.Create(f.NewLease())
	f.Creations = 0
	f.Restart()
	if result := f.MustReconcile(); result.RequeueAfter != 2*time.Second {
		t.Errorf("looks again after %v, want to wait for a turn", result.RequeueAfter)
	}
	if f.Container(uid) != nil {
		t.Error("created out of turn")
	}
	f.Creations = 4
	f.Restart()
	f.Settle()
	wantPhase(t, f, v1alpha1.LeaseRunning)
}

func TestDeletedBeforeItRan(t *testing.T) {
	f := controllertest.New(t)
	f.Engine.RemoveImage(controllertest.Image)
	f.Create(f.NewLease())
	f.Settle()
	f.Delete()
	f.Settle()
	if f.Lease() != nil {
		t.Fatalf("the lease is still there\n%s", f.Describe())
	}
	if record := f.Record(); record.Amount != "0" || record.FinishReason != v1alpha1.FinishDeleted || len(record.Segments) != 0 {
		t.Errorf("record is %+v, want nothing for a deleted lease", record)
	}
}

func TestTeardownOrder(t *testing.T) {
	f := running(t)
	f.Engine.ClearCalls()
	var order []string
	f.Fuse.Check = note(&order)
	f.Delete()
	f.Settle()
	// The controllers take turns in any order: a bill may be written, in vain, twice in a row.
	want := "engine.Stop PatchStatus(Finished) Create(BillingRecord) engine.Remove Patch(released)"
	if got := strings.Join(slices.Compact(order), " "); got != want {
		t.Errorf("order is\n%s, want\n%s", got, want)
	}
}
