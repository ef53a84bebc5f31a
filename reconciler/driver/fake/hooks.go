package fake

import (
	"fmt"
	"slices"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Program is what a container's process does.
type Program struct {
	// Stdout and Stderr are lines it writes when it starts.
	Stdout, Stderr []string
	// Exits ends it then, with ExitCode. Otherwise it runs until something ends it.
	Exits    bool
	ExitCode int
	// IgnoreTerm makes a stop last as long as its grace.
	IgnoreTerm bool
	// Busy makes it use all the CPU it is allowed, unless SetCPUInUse says otherwise.
	Busy bool
}

// SetProgram says what containers do whose command begins with this word. Other containers write
// nothing and run until something ends them.
func (e *Engine) SetProgram(command string, program Program) {
	e.locked(func() { e.programs[command] = program })
}

func (e *Engine) programOf(command []string) Program {
	if len(command) == 0 {
		return Program{}
	}
	return e.programs[command[0]]
}

// SetInfo says what Info returns.
func (e *Engine) SetInfo(info driver.Info) {
	e.locked(func() { e.info = info })
}

// AddImage gives the engine an image under a reference.
func (e *Engine) AddImage(ref string) driver.Image {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addImage(ref)
}

// RemoveImage takes an image away.
func (e *Engine) RemoveImage(ref string) {
	e.locked(func() { delete(e.images, canonical(ref)) })
}

// SetPull says how pulls of a reference go, from the next one on.
func (e *Engine) SetPull(ref string, pull Pull) {
	e.locked(func() { e.pulls[canonical(ref)] = pull })
}

// Exit ends the process of the owner's container by itself. Exit and the hooks that follow panic if
// the owner has no container: a test that asks for it is wrong.
func (e *Engine) Exit(uid string, code int) {
	e.with(uid, func(c *container) {
		if c.State == driver.StateRunning {
			e.exit(c, code, e.clock.Now())
		}
	})
}

// Kill ends the process of the owner's container with SIGKILL from outside.
func (e *Engine) Kill(uid string) { e.Exit(uid, exitKilled) }

// OOM lets the kernel kill the owner's container for its memory.
func (e *Engine) OOM(uid string) {
	e.with(uid, func(c *container) {
		if c.State != driver.StateRunning {
			return
		}
		c.OOMKilled = true
		e.emit(c, "oom")
		e.exit(c, exitKilled, e.clock.Now())
	})
}

// Write adds a line to the standard output of the owner's container.
func (e *Engine) Write(uid, text string) {
	e.with(uid, func(c *container) {
		e.write(c, text, false)
		c.notify()
	})
}

// RemoveBehind removes the owner's container as an administrator would, not as the driver.
func (e *Engine) RemoveBehind(uid string) {
	e.with(uid, e.remove)
}

// StartBehind starts the owner's container again, not as the driver.
func (e *Engine) StartBehind(uid string) {
	e.with(uid, e.start)
}

// SetLimitsBehind changes the limits of the owner's container, not as the driver.
func (e *Engine) SetLimitsBehind(uid string, limits driver.Limits) {
	e.with(uid, func(c *container) {
		c.Limits = limits
		e.emit(c, "update")
	})
}

// IgnoreTerm makes the owner's container, present or to come, ignore SIGTERM.
func (e *Engine) IgnoreTerm(uid string) {
	e.locked(func() { e.ignoring[uid] = true })
}

// SetCPUInUse says how much CPU, in billionths of a core, Stats finds the owner's container to use.
func (e *Engine) SetCPUInUse(uid string, nano int64) {
	e.locked(func() { e.cpuInUse[uid] = nano })
}

// SetMemoryInUse is what Stats finds the owner's container to use, and makes Resize refuse it less.
func (e *Engine) SetMemoryInUse(uid string, bytes int64) {
	e.locked(func() { e.inUse[uid] = bytes })
}

// FailStart makes every start of the owner's container fail with err, until it is nil.
func (e *Engine) FailStart(uid string, err error) {
	e.locked(func() { e.broken[uid] = err })
}

// AddForeign adds a running container with these labels, which may be none or too few to be owned,
// and returns its engine ID.
func (e *Engine) AddForeign(name string, labels map[string]string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.add(name, labels)
	e.start(c)
	return c.ID
}

// AddOwned adds a running container with an identity that Create never saw, such as an orphan, and
// returns its engine ID.
func (e *Engine) AddOwned(owner driver.Identity) string {
	return e.AddForeign(driver.ContainerName(owner.UID), owner.Labels())
}

// Running reports whether the container with this engine ID, of whoever, is there and runs.
func (e *Engine) Running(containerID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.catchUp()
	c := e.containers[containerID]
	return c != nil && c.State == driver.StateRunning
}

// AddStray adds a network or volume with these labels, which may be too few to be owned, and returns its ID.
func (e *Engine) AddStray(kind string, labels map[string]string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.nextID++
	owner, owned := driver.IdentityOf(labels)
	id := fmt.Sprintf("%s-%d", kind, e.nextID)
	e.strays = append(e.strays, stray{
		Stray: driver.Stray{Kind: kind, ID: id, Owner: owner, CreatedAt: e.clock.Now()},
		owned: owned,
	})
	return id
}

// Strays returns the IDs of the networks or volumes there are, owned or not.
func (e *Engine) Strays(kind string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, s := range e.strays {
		if s.Kind == kind {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// FailNext makes the next call of a method fail with err before it does anything. Several queue up.
func (e *Engine) FailNext(op Op, err error) {
	e.locked(func() { e.faults[op] = append(e.faults[op], err) })
}

// LoseNext lets the next call of a method have its effect, but answers err: a reply that got
// lost. Several queue up. PullImage, Logs, Stats and Watch don't have it.
func (e *Engine) LoseNext(op Op, err error) {
	e.locked(func() { e.losses[op] = append(e.losses[op], err) })
}

// Hang makes calls of a method hang from now on, until release is called, their context ends, or
// DefaultTimeout passes on the engine's clock.
func (e *Engine) Hang(op Op) (release func()) {
	hang := make(chan struct{})
	e.locked(func() { e.hangs[op] = hang })
	return func() {
		e.locked(func() {
			if e.hangs[op] == hang {
				delete(e.hangs, op)
				close(hang)
			}
		})
	}
}

// CrashEngine is a crash and restart of the engine: what ran has exited, with 255 and at a time nobody
// saw; the event history is lost; streams of events end.
func (e *Engine) CrashEngine() {
	e.locked(func() {
		for _, c := range e.containers {
			if c.State == driver.StateRunning {
				e.exit(c, exitUnknown, e.clock.Now())
			}
		}
		clear(e.exits)
		for w := range e.watchers {
			close(w.ended)
			delete(e.watchers, w)
		}
	})
}

// ForgetEvents loses the event history.
func (e *Engine) ForgetEvents() {
	e.locked(func() { clear(e.exits) })
}

// Calls returns the journal: every call of a driver's method since the last ClearCalls.
func (e *Engine) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// CallsOf returns the entries of the journal for these methods, in order.
func (e *Engine) CallsOf(ops ...Op) []Call {
	return slices.DeleteFunc(e.Calls(), func(c Call) bool { return !slices.Contains(ops, c.Op) })
}

// ClearCalls empties the journal.
func (e *Engine) ClearCalls() {
	e.locked(func() { e.calls = nil })
}

func (e *Engine) locked(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

func (e *Engine) with(uid string, f func(*container)) {
	e.locked(func() {
		e.catchUp()
		c, err := e.find(uid)
		if err != nil {
			panic(fmt.Sprintf("fake engine: %v", err))
		}
		f(c)
	})
}
