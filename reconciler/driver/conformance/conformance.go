// Package conformance is the contract of driver.Driver as tests. Every implementation runs it; a
// fake that passes it may stand in for a real engine.
package conformance

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Program is what a container of the suite does.
type Program struct {
	// Stdout and Stderr are lines it writes first.
	Stdout, Stderr []string
	// Exits ends it then, with ExitCode. Otherwise it runs until something ends it.
	Exits    bool
	ExitCode int
	// IgnoreTerm makes it survive SIGTERM.
	IgnoreTerm bool
	// Busy makes it use all the CPU it gets.
	Busy bool
}

// Harness is what the suite needs of an engine besides the driver: to look at it and to change it
// behind the driver's back. Its methods fail the test if they can't.
type Harness interface {
	// Image is the reference of an image the engine has, in which commands of Command run.
	Image() string
	// Command returns a command that does what the program says.
	Command(p Program) []string

	// RemoveBehind removes the owner's container, running or not.
	RemoveBehind(t *testing.T, uid string)
	// SetLimitsBehind changes the limits of the owner's container.
	SetLimitsBehind(t *testing.T, uid string, limits driver.Limits)

	// AddForeign adds and starts a container with these labels, which don't make it owned, and
	// returns its engine ID. The harness removes it when the test ends.
	AddForeign(t *testing.T, name string, labels map[string]string) string
	// Running reports whether the container with this engine ID runs.
	Running(t *testing.T, containerID string) bool

	// AddStray makes a network or volume with these labels and returns its ID. The harness removes it
	// when the test ends.
	AddStray(t *testing.T, kind string, labels map[string]string) string
	// HasStray reports whether there is such a network or volume.
	HasStray(t *testing.T, kind, id string) bool

	// PullableImage returns a reference the engine can pull and doesn't have.
	PullableImage(t *testing.T) string
	// MissingImage returns a reference that the registry doesn't know.
	MissingImage(t *testing.T) string
	// DeniedImage returns a reference that the registry keeps from us.
	DeniedImage(t *testing.T) string
	// StalledImage returns a reference whose pull never ends by itself.
	StalledImage(t *testing.T) string
}

// Run runs the suite. newEngine is called for each of its tests; engines may share containers.
func Run(t *testing.T, newEngine func(t *testing.T) (driver.Driver, Harness)) {
	for _, test := range []struct {
		name string
		run  func(*fixture)
	}{
		{"InfoDescribesTheEngine", testInfo},
		{"ObserveUnknownIsNotFound", testObserveNotFound},
		{"CreateDescribesAContainerThatNeverRan", testCreate},
		{"CreateAgainAdopts", testAdoption},
		{"CreateAdoptsWhatRunsAsItIs", testAdoptionRunning},
		{"CreateConflictsWithAForeignContainer", testForeignName},
		{"CreateConflictsWithAnotherOwnerOfTheUID", testForeignOwner},
		{"CreateWithoutItsImageIsNotFound", testCreateNoImage},
		{"CreateRefusesWhatIsInvalid", testCreateInvalid},
		{"StartIsIdempotent", testStart},
		{"StartAgainAfterAnExit", testRestart},
		{"CommandThatDoesNotExist", testStartNoCommand},
		{"UnknownOwner", testUnknownOwner},
		{"ExitIsObserved", testExit},
		{"LimitsAreInForce", testLimits},
		{"ResizeUpAndDown", testResize},
		{"ResizeRefusesNoLimits", testResizeInvalid},
		{"LimitsChangedBehindAreObserved", testLimitsBehind},
		{"StopDoesNotWait", testStopDoesNotWait},
		{"StopSendsTheStopSignal", testStopSignal},
		{"StopKillsAfterGrace", testStopKills},
		{"StopOfWhatDoesNotRunIsNoError", testStopIdle},
		{"RemoveIsIdempotent", testRemove},
		{"RemoveKills", testRemoveRunning},
		{"ListReturnsOwnedContainersOnly", testList},
		{"ForeignContainersAreNotTouched", testForeignUntouched},
		{"LastExitOfAContainerThatIsGone", testLastExit},
		{"LastExitUnknownIsNotFound", testLastExitUnknown},
		{"PublishedPorts", testPorts},
		{"LogsInOrder", testLogs},
		{"LogsTail", testLogsTail},
		{"LogsSince", testLogsSince},
		{"LogsOfATTY", testLogsTTY},
		{"LogsFollowUntilTheEnd", testLogsFollow},
		{"LogsFollowUntilTheContextEnds", testLogsCancel},
		{"LogsOfAllRuns", testLogsFollowAgain},
		{"LogsHandlerFails", testLogsHandlerFails},
		{"StatsOfABusyContainer", testStats},
		{"StatsAfterAResize", testStatsResize},
		{"StatsEndWithTheContainer", testStatsEnd},
		{"StatsOfWhatDoesNotRun", testStatsIdle},
		{"StatsEndWithTheirContext", testStatsCancel},
		{"StatsHandlerFails", testStatsHandlerFails},
		{"WatchTellsOfOwnedContainers", testWatch},
		{"WatchEndsWithItsContext", testWatchCancel},
		{"ImageExists", testImageExists},
		{"PullImage", testPull},
		{"PullMissingIsNotFound", testPullMissing},
		{"PullDenied", testPullDenied},
		{"PullEndsWithItsContext", testPullCancel},
		{"Strays", testStrays},
		{"CallsEndWithTheirContext", testContext},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, h := newEngine(t)
			test.run(&fixture{T: t, Driver: d, Harness: h})
		})
	}
}

// fixture is a test with its engine.
type fixture struct {
	*testing.T
	driver.Driver
	Harness
}

// patience bounds every wait of the suite; a healthy engine needs a fraction.
const patience = 30 * time.Second

// ctx returns a context for calls that should end much earlier.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	f.Cleanup(cancel)
	return ctx
}

// cleanupContext serves calls after the test, when its own context has ended.
func cleanupContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// spec returns a spec for a new owner, whose container is removed when the test ends.
func (f *fixture) spec(p Program) driver.ContainerSpec {
	f.Helper()
	uid := uuid.NewString()
	f.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		if err := f.Remove(ctx, uid); err != nil {
			f.Errorf("removing the container of %s: %v", uid, err)
		}
	})
	return driver.ContainerSpec{
		Owner:     driver.Identity{Namespace: "conformance", Name: strings.ToLower(uid[:8]), UID: uid},
		Image:     f.Image(),
		Command:   f.Command(p),
		Limits:    driver.Limits{MilliCPU: 250, MemoryBytes: 64 << 20},
		PidsLimit: 64,
		Network:   driver.NetworkNone,
	}
}

// run creates and starts a container.
func (f *fixture) run(p Program) *driver.Container {
	f.Helper()
	spec := f.spec(p)
	f.create(spec)
	f.start(spec.Owner.UID)
	return f.observe(spec.Owner.UID)
}

func (f *fixture) create(spec driver.ContainerSpec) *driver.Container {
	f.Helper()
	c, err := f.Create(f.ctx(), spec)
	if err != nil {
		f.Fatalf("Create: %v", err)
	}
	return c
}

func (f *fixture) start(uid string) {
	f.Helper()
	if err := f.Start(f.ctx(), uid); err != nil {
		f.Fatalf("Start: %v", err)
	}
}

func (f *fixture) observe(uid string) *driver.Container {
	f.Helper()
	c, err := f.Observe(f.ctx(), uid)
	if err != nil {
		f.Fatalf("Observe: %v", err)
	}
	return c
}

// eventually polls until done returns true.
func (f *fixture) eventually(what string, done func() bool) {
	f.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-deadline.C:
			f.Fatalf("not within %v: %s", patience, what)
		case <-poll.C:
		}
	}
}

// exited waits for the end of a container and returns it.
func (f *fixture) exited(uid string) *driver.Container {
	f.Helper()
	var c *driver.Container
	f.eventually("the container exits", func() bool {
		c = f.observe(uid)
		return c.State == driver.StateExited
	})
	return c
}
