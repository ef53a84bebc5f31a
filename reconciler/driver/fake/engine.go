// Package fake is a container engine in memory, for the unit tests of whatever uses a
// driver. It keeps the contract of driver.Driver, which the conformance suite checks,
// takes time from an injected clock, and lets a test do to the containers what life does to
// them: exit, be killed, vanish, lose their engine.
package fake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// DefaultTimeout is the deadline of each call, on the engine's clock. It matters to a
// call that hangs.
const DefaultTimeout = 15 * time.Second

// Op names a method of the driver, for the journal and for faults.
type Op string

// The methods of driver.Driver.
const (
	OpInfo        Op = "Info"
	OpObserve     Op = "Observe"
	OpList        Op = "List"
	OpImageExists Op = "ImageExists"
	OpPullImage   Op = "PullImage"
	OpCreate      Op = "Create"
	OpStart       Op = "Start"
	OpResize      Op = "Resize"
	OpStop        Op = "Stop"
	OpRemove      Op = "Remove"
	OpLastExit    Op = "LastExit"
	OpLogs        Op = "Logs"
	OpStats       Op = "Stats"
	OpWatch       Op = "Watch"
	OpListStrays  Op = "ListStrays"
	OpRemoveStray Op = "RemoveStray"
)

// Call is an entry of the journal: a method that was called and what it was about (a UID, an
// image reference, a container ID, or nothing).
type Call struct {
	Op     Op
	Target string
}

// String writes a call as "Stop(uid)".
func (c Call) String() string { return fmt.Sprintf("%s(%s)", c.Op, c.Target) }

// Engine is a container engine in memory. Its methods may be called from several goroutines.
type Engine struct {
	clock clock.Clock

	mu         sync.Mutex
	info       driver.Info
	containers map[string]*container // by engine ID
	images     map[string]driver.Image
	pulls      map[string]Pull
	programs   map[string]Program
	strays     []stray
	exits      map[string][]driver.Exit
	nextID     int
	nextPort   int32

	calls  []Call
	faults map[Op][]error
	losses map[Op][]error
	hangs  map[Op]chan struct{}

	ignoring  map[string]bool
	inUse     map[string]int64 // memory, by UID
	cpuInUse  map[string]int64
	broken    map[string]error // what a start of a UID's container fails with
	watchers  map[*watcher]struct{}
	closed    chan struct{}
	closeOnce sync.Once
	timers    sync.WaitGroup
}

var _ driver.Driver = (*Engine)(nil)

// New returns an engine without images or containers, whose time is clk's.
func New(clk clock.Clock) *Engine {
	return &Engine{
		clock:      clk,
		info:       driver.Info{Name: "fake", Version: "0", APIVersion: "0", CPUs: 8, Memory: 32 << 30},
		containers: map[string]*container{},
		images:     map[string]driver.Image{},
		pulls:      map[string]Pull{},
		programs:   map[string]Program{},
		exits:      map[string][]driver.Exit{},
		nextPort:   32768,
		faults:     map[Op][]error{},
		losses:     map[Op][]error{},
		hangs:      map[Op]chan struct{}{},
		ignoring:   map[string]bool{},
		inUse:      map[string]int64{},
		cpuInUse:   map[string]int64{},
		broken:     map[string]error{},
		watchers:   map[*watcher]struct{}{},
		closed:     make(chan struct{}),
	}
}

// Close ends what the engine runs in the background.
func (e *Engine) Close() error {
	e.closeOnce.Do(func() { close(e.closed) })
	e.timers.Wait()
	return nil
}

// call runs a method: it writes the journal, applies the faults that a test asked for, and
// holds the lock while f works.
func call[T any](ctx context.Context, e *Engine, op Op, target string, f func() (T, error)) (T, error) {
	var zero T
	if err := e.enter(ctx, op, target); err != nil {
		return zero, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.catchUp()
	value, err := f()
	if lost := pop(e.losses, op); lost != nil {
		return zero, fmt.Errorf("fake %s: %w", op, lost)
	}
	if err != nil {
		return zero, fmt.Errorf("fake %s: %w", op, err)
	}
	return value, nil
}

// enter is what every method begins with.
func (e *Engine) enter(ctx context.Context, op Op, target string) error {
	e.mu.Lock()
	e.calls = append(e.calls, Call{Op: op, Target: target})
	hang := e.hangs[op]
	fault := pop(e.faults, op)
	e.mu.Unlock()

	if hang != nil {
		if err := e.wait(ctx, op, hang); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return ended(op, err)
	}
	if fault != nil {
		return fmt.Errorf("fake %s: %w", op, fault)
	}
	return nil
}

// wait hangs like an engine that doesn't answer: until it is released, or a deadline passes.
func (e *Engine) wait(ctx context.Context, op Op, release <-chan struct{}) error {
	var overdue <-chan time.Time
	if op != OpPullImage && op != OpLogs && op != OpStats && op != OpWatch {
		timer := e.clock.NewTimer(DefaultTimeout)
		defer timer.Stop()
		overdue = timer.C()
	}
	select {
	case <-release:
		return nil
	case <-ctx.Done():
		return ended(op, ctx.Err())
	case <-overdue:
		return ended(op, context.DeadlineExceeded)
	}
}

// ended is the error of a call whose time is up: a deadline means the engine didn't answer.
func ended(op Op, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("fake %s: %w: %w", op, driver.ErrUnavailable, err)
	}
	return fmt.Errorf("fake %s: %w", op, err)
}

func pop(queues map[Op][]error, op Op) error {
	queue := queues[op]
	if len(queue) == 0 {
		return nil
	}
	queues[op] = queue[1:]
	return queue[0]
}

// Info describes the engine.
func (e *Engine) Info(ctx context.Context) (driver.Info, error) {
	return call(ctx, e, OpInfo, "", func() (driver.Info, error) { return e.info, nil })
}
