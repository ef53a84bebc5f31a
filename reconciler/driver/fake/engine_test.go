package fake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const uid = "1234"

// patience bounds every wait.
const patience = 20 * time.Second

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

type fixture struct {
	*testing.T
	*fake.Engine
	clock *clocktesting.FakeClock
}

func newFixture(t *testing.T) *fixture {
	clk := clocktesting.NewFakeClock(epoch)
	f := &fixture{T: t, Engine: fake.New(clk), clock: clk}
	t.Cleanup(func() { _ = f.Close() })
	f.AddImage("alpine")
	return f
}

// run starts the container of uid.
func (f *fixture) run() *driver.Container {
	f.Helper()
	_, err := f.Create(f.Context(), driver.ContainerSpec{
		Owner: driver.Identity{Namespace: "team", Name: "demo", UID: uid},
		Image: "docker.io/library/alpine:latest", Network: driver.NetworkNone,
		Limits: driver.Limits{MilliCPU: 1, MemoryBytes: 1 << 20}, PidsLimit: 1,
	})
	if err != nil {
		f.Fatalf("Create: %v", err)
	}
	if err := f.Start(f.Context(), uid); err != nil {
		f.Fatalf("Start: %v", err)
	}
	return f.observe()
}

func (f *fixture) observe() *driver.Container {
	f.Helper()
	c, err := f.Observe(f.Context(), uid)
	if err != nil {
		f.Fatalf("Observe: %v", err)
	}
	return c
}

// awaitTimer waits until somebody waits for the clock.
func (f *fixture) awaitTimer() {
	f.Helper()
	deadline, poll := time.After(patience), time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !f.clock.HasWaiters() {
		select {
		case <-deadline:
			f.Fatal("nobody waits for the clock")
		case <-poll.C:
		}
	}
}

func TestStopHappensNow(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.clock.Step(time.Minute)
	if err := f.Stop(t.Context(), uid, time.Hour); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	if c := f.observe(); c.State != driver.StateExited || c.ExitCode != 143 || !c.FinishedAt.Equal(epoch.Add(time.Minute)) {
		t.Errorf("after Stop: %+v", c)
	}
}

// TestGraceEndsOnTheClock: the kill bears the time it was due, and whoever looks after that sees it.
func TestGraceEndsOnTheClock(t *testing.T) {
	f := newFixture(t)
	f.IgnoreTerm(uid)
	f.run()
	if err := f.Stop(t.Context(), uid, 10*time.Second); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	f.clock.Step(9 * time.Second)
	if c := f.observe(); c.State != driver.StateRunning {
		t.Fatalf("a second before: %+v", c)
	}
	f.clock.Step(5 * time.Second)
	if c := f.observe(); c.State != driver.StateExited || c.ExitCode != 137 || !c.FinishedAt.Equal(epoch.Add(10*time.Second)) {
		t.Errorf("after its grace: %+v", c)
	}
}

func TestGraceEndsForAWatcher(t *testing.T) {
	f := newFixture(t)
	f.IgnoreTerm(uid)
	f.run()
	ctx, cancel := context.WithCancel(t.Context())
	connected, died, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- f.Watch(ctx, func() { close(connected) }, func(e driver.Event) {
			if e.Action == "die" {
				close(died)
			}
		})
	}()
	<-connected
	if err := f.Stop(t.Context(), uid, time.Second); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	f.awaitTimer()
	f.clock.Step(time.Second)
	select {
	case <-died:
	case <-time.After(patience):
		t.Error("nobody told the watcher")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Watch: %v", err)
	}
}

func TestCrashEngine(t *testing.T) {
	f := newFixture(t)
	running := f.run()
	connected, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- f.Watch(t.Context(), func() { close(connected) }, func(driver.Event) {})
	}()
	<-connected
	f.CrashEngine()
	if err := <-ended; !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("Watch: got %v, want ErrUnavailable", err)
	}
	if c := f.observe(); c.State != driver.StateExited || c.ExitCode != 255 {
		t.Errorf("after a crash: %+v", c)
	}
	if _, err := f.LastExit(t.Context(), running.ID, time.Time{}); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("LastExit: got %v, want ErrNotFound", err)
	}
}

func TestOOM(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.OOM(uid)
	if c := f.observe(); !c.OOMKilled || c.ExitCode != 137 {
		t.Errorf("after OOM: %+v", c)
	}
}

func TestFaults(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.FailNext(fake.OpStop, driver.ErrUnavailable)
	if err := f.Stop(t.Context(), uid, 0); !errors.Is(err, driver.ErrUnavailable) || f.observe().State != driver.StateRunning {
		t.Errorf("a Stop that fails: %v, %s", err, f.observe().State)
	}
	f.LoseNext(fake.OpStop, driver.ErrUnavailable)
	if err := f.Stop(t.Context(), uid, 0); !errors.Is(err, driver.ErrUnavailable) || f.observe().State != driver.StateExited {
		t.Errorf("a Stop whose reply is lost: %v, %s", err, f.observe().State)
	}
	if err := f.Stop(t.Context(), uid, 0); err != nil {
		t.Errorf("the Stop after: %v", err)
	}
}

func TestHang(t *testing.T) {
	f := newFixture(t)
	release := f.Hang(fake.OpList)
	list := func() <-chan error {
		result := make(chan error, 1)
		go func() {
			_, err := f.List(t.Context())
			result <- err
		}()
		f.awaitTimer()
		return result
	}
	late := list()
	f.clock.Step(fake.DefaultTimeout)
	if err := <-late; !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("past its deadline: got %v, want ErrUnavailable", err)
	}
	freed := list()
	release()
	if err := <-freed; err != nil {
		t.Errorf("once released: %v", err)
	}
}

func TestJournal(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.ClearCalls()
	_ = f.Stop(t.Context(), uid, 0)
	f.observe()
	_ = f.Remove(t.Context(), uid)
	want := []fake.Call{{Op: fake.OpStop, Target: uid}, {Op: fake.OpObserve, Target: uid}, {Op: fake.OpRemove, Target: uid}}
	if diff := cmp.Diff(want, f.Calls()); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[2:], f.CallsOf(fake.OpRemove)); diff != "" {
		t.Errorf("removals (-want +got):\n%s", diff)
	}
}
