package pull_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/reconciler/driver/pull"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ref = "127.0.0.1:5000/app:1"

// patience bounds every wait.
const patience = 20 * time.Second

type fixture struct {
	*testing.T
	engine   *fake.Engine
	clock    *clocktesting.FakeClock
	puller   *pull.Puller
	notified chan string
}

func newFixture(t *testing.T, opts pull.Options) *fixture {
	f := &fixture{
		T:        t,
		engine:   fake.New(clock.RealClock{}),
		clock:    clocktesting.NewFakeClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)),
		notified: make(chan string, 1000),
	}
	f.puller = pull.New(f.engine, f.clock, opts, func(reference string) { f.notified <- reference })
	t.Cleanup(func() {
		f.puller.Close()
		_ = f.engine.Close()
	})
	return f
}

func (f *fixture) awaitNotification() string {
	f.Helper()
	select {
	case reference := <-f.notified:
		return reference
	case <-time.After(patience):
		f.Fatal("nobody was notified")
		return ""
	}
}

func (f *fixture) eventually(what string, done func() bool) {
	f.Helper()
	deadline, poll := time.After(patience), time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-deadline:
			f.Fatalf("not within %v: %s", patience, what)
		case <-poll.C:
		}
	}
}

func (f *fixture) pulls() int { return len(f.engine.CallsOf(fake.OpPullImage)) }

func TestPullSucceeds(t *testing.T) {
	f := newFixture(t, pull.Options{})
	release := make(chan struct{})
	progress := driver.PullProgress{LayersDone: 1, LayersTotal: 2, BytesDone: 5, BytesTotal: 9}
	f.engine.SetPull(ref, fake.Pull{Progress: []driver.PullProgress{progress}, Release: release})

	if state := f.puller.Pull(ref); state.Done {
		t.Fatalf("at first: %+v", state)
	}
	if got := f.awaitNotification(); got != ref {
		t.Fatalf("notified of %s", got)
	}
	if state := f.puller.Pull(ref); state.Done || state.Progress != progress || !state.StartedAt.Equal(f.clock.Now()) {
		t.Errorf("under way: %+v", state)
	}
	close(release)
	f.awaitNotification()
	state := f.puller.Pull(ref)
	if !state.Done || state.Err != nil || state.Image == nil || state.Image.Digest == "" {
		t.Errorf("at the end: %+v", state)
	}
	if f.pulls() != 1 {
		t.Errorf("%d pulls, want 1", f.pulls())
	}
}

func TestFailureIsKeptThenTriedAgain(t *testing.T) {
	f := newFixture(t, pull.Options{Keep: time.Minute})
	f.engine.SetPull(ref, fake.Pull{Err: driver.ErrDenied})
	f.puller.Pull(ref)
	f.awaitNotification()
	for range 2 { // two leases wait for the same image
		if state := f.puller.Pull(ref); !state.Done || !errors.Is(state.Err, driver.ErrDenied) {
			t.Fatalf("after a failure: %+v", state)
		}
	}
	f.engine.SetPull(ref, fake.Pull{})
	f.clock.Step(time.Minute)
	if state := f.puller.Pull(ref); state.Done {
		t.Fatalf("after Keep: %+v", state)
	}
	f.awaitNotification()
	if state := f.puller.Pull(ref); !state.Done || state.Err != nil {
		t.Errorf("second attempt: %+v", state)
	}
	if f.pulls() != 2 {
		t.Errorf("%d pulls, want 2", f.pulls())
	}
}

func TestFailuresBackOff(t *testing.T) {
	f := newFixture(t, pull.Options{Keep: 10 * time.Second})
	f.engine.SetPull(ref, fake.Pull{Err: driver.ErrUnavailable})
	waits := []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 2 * time.Minute, 2 * time.Minute}
	for i, wait := range waits {
		f.puller.Pull(ref)
		f.awaitNotification()
		f.clock.Step(wait - time.Second)
		if state := f.puller.Pull(ref); !state.Done {
			t.Fatalf("failure %d: tried again before %v", i+1, wait)
		}
		f.clock.Step(time.Second)
	}
	// A success starts anew.
	f.engine.SetPull(ref, fake.Pull{})
	f.puller.Pull(ref)
	f.awaitNotification()
	f.clock.Step(10 * time.Second)
	f.engine.SetPull(ref, fake.Pull{Err: driver.ErrUnavailable})
	f.puller.Pull(ref)
	f.awaitNotification()
	f.clock.Step(10 * time.Second)
	if state := f.puller.Pull(ref); state.Done {
		t.Error("the first failure after a success is kept for longer than the first")
	}
	f.awaitNotification()
}

func TestManyAskForOne(t *testing.T) {
	f := newFixture(t, pull.Options{})
	release := make(chan struct{})
	f.engine.SetPull(ref, fake.Pull{Release: release})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if state := f.puller.Pull(ref); state.Done {
				t.Errorf("done too early: %+v", state)
			}
		})
	}
	all.Wait()
	f.eventually("the pull starts", func() bool { return f.pulls() == 1 })
	close(release)
	f.awaitNotification()
	if f.pulls() != 1 {
		t.Errorf("%d pulls, want 1", f.pulls())
	}
}

func TestMaxParallel(t *testing.T) {
	f := newFixture(t, pull.Options{MaxParallel: 2})
	release := make(chan struct{})
	var refs []string
	for i := range 5 {
		refs = append(refs, fmt.Sprintf("%s.%d", ref, i))
		f.engine.SetPull(refs[i], fake.Pull{Release: release})
		f.puller.Pull(refs[i])
	}
	started := func() (n int) {
		for _, ref := range refs {
			if !f.puller.Pull(ref).StartedAt.IsZero() {
				n++
			}
		}
		return n
	}
	f.eventually("two start", func() bool { return started() == 2 && f.pulls() == 2 })
	close(release)
	for range refs {
		f.awaitNotification()
	}
	if started() != len(refs) {
		t.Errorf("%d started, want %d", started(), len(refs))
	}
}

func TestCancel(t *testing.T) {
	f := newFixture(t, pull.Options{MaxParallel: 1})
	f.engine.SetPull(ref, fake.Pull{Release: make(chan struct{})})
	f.puller.Pull(ref)
	f.eventually("the pull starts", func() bool { return f.pulls() == 1 })
	f.puller.Cancel(ref)
	f.puller.Cancel(ref)

	// The one slot is free again, and the next attempt is another.
	f.engine.SetPull(ref, fake.Pull{})
	f.puller.Pull(ref)
	f.awaitNotification()
	if state := f.puller.Pull(ref); !state.Done || state.Err != nil {
		t.Errorf("after a cancelled pull: %+v", state)
	}
}

func TestDeadline(t *testing.T) {
	f := newFixture(t, pull.Options{Timeout: time.Hour})
	f.engine.SetPull(ref, fake.Pull{Release: make(chan struct{})})
	f.puller.Pull(ref)
	f.eventually("the pull starts", func() bool { return f.pulls() == 1 })
	f.clock.Step(time.Hour)
	f.awaitNotification()
	if state := f.puller.Pull(ref); !state.Done || !errors.Is(state.Err, context.DeadlineExceeded) {
		t.Errorf("after its deadline: %+v", state)
	}
}

func TestProgressIsToldOnceASecond(t *testing.T) {
	f := newFixture(t, pull.Options{})
	var progress []driver.PullProgress
	for i := range 500 {
		progress = append(progress, driver.PullProgress{LayersTotal: 1, BytesDone: int64(i), BytesTotal: 500})
	}
	f.engine.SetPull(ref, fake.Pull{Progress: progress}) // on a clock that stands still
	f.puller.Pull(ref)
	f.awaitNotification()
	f.eventually("the pull is done", func() bool { return f.puller.Pull(ref).Done })
	f.awaitNotification()
	select {
	case <-f.notified:
		t.Error("notified a third time")
	default:
	}
	if got := f.puller.Pull(ref).Progress.BytesDone; got != 499 {
		t.Errorf("progress %d, want the last report", got)
	}
}

func TestCloseGivesUp(t *testing.T) {
	f := newFixture(t, pull.Options{MaxParallel: 1})
	for i := range 3 {
		queued := fmt.Sprintf("%s.%d", ref, i)
		f.engine.SetPull(queued, fake.Pull{Release: make(chan struct{})})
		f.puller.Pull(queued)
	}
	f.puller.Close()
	if state := f.puller.Pull(ref); !state.Done || !errors.Is(state.Err, context.Canceled) {
		t.Errorf("after Close: %+v", state)
	}
	select {
	case reference := <-f.notified:
		t.Errorf("notified of %s", reference)
	default:
	}
}
