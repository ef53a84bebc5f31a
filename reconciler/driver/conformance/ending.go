package conformance

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func testStopDoesNotWait(f *fixture) {
	uid := f.run(Program{IgnoreTerm: true}).Owner.UID
	const grace = 2 * patience
	for range 3 {
		started := time.Now()
		if err := f.Stop(f.ctx(), uid, grace); err != nil {
			f.Fatalf("Stop: %v", err)
		}
		if took := time.Since(started); took > grace/4 {
			f.Fatalf("Stop took %v", took)
		}
	}
	if c := f.observe(uid); c.State != driver.StateRunning {
		f.Errorf("in its grace period the container is %s", c.State)
	}
}

func testStopSignal(f *fixture) {
	uid := f.run(Program{}).Owner.UID
	if err := f.Stop(f.ctx(), uid, patience); err != nil {
		f.Fatalf("Stop: %v", err)
	}
	if c := f.exited(uid); c.ExitCode != 143 {
		f.Errorf("exit code %d, want 143 (SIGTERM)", c.ExitCode)
	}
}

func testStopKills(f *fixture) {
	// The container must be past the line that makes it ignore the signal.
	running := f.run(Program{IgnoreTerm: true, Stdout: []string{"ready"}})
	f.eventually("the container is ready", func() bool { return len(f.lines(running.Owner.UID, all).stdout) == 1 })
	asked := time.Now()
	const grace = time.Second
	if err := f.Stop(f.ctx(), running.Owner.UID, grace); err != nil {
		f.Fatalf("Stop: %v", err)
	}
	c := f.exited(running.Owner.UID)
	if c.ExitCode != 137 || c.OOMKilled {
		f.Errorf("exit code %d, OOM %v; want 137 (SIGKILL)", c.ExitCode, c.OOMKilled)
	}
	if after := c.FinishedAt.Sub(asked); after < grace-50*time.Millisecond {
		f.Errorf("killed after %v, before its grace of %v", after, grace)
	}
}

func testStopIdle(f *fixture) {
	created := f.create(f.spec(Program{}))
	if err := f.Stop(f.ctx(), created.Owner.UID, time.Second); err != nil {
		f.Errorf("Stop of what never ran: %v", err)
	}
	if diff := cmp.Diff(created, f.observe(created.Owner.UID)); diff != "" {
		f.Errorf("Stop changed what never ran (-before +after):\n%s", diff)
	}
	uid := f.run(Program{Exits: true}).Owner.UID
	exited := f.exited(uid)
	if err := f.Stop(f.ctx(), uid, time.Second); err != nil {
		f.Errorf("Stop of what has exited: %v", err)
	}
	if diff := cmp.Diff(exited, f.observe(uid)); diff != "" {
		f.Errorf("Stop changed what has exited (-before +after):\n%s", diff)
	}
}

func testRemove(f *fixture) {
	uid := f.create(f.spec(Program{})).Owner.UID
	f.removed(uid)
	if err := f.Remove(f.ctx(), uid); err != nil {
		f.Errorf("second Remove: %v", err)
	}
}

func testRemoveRunning(f *fixture) {
	f.removed(f.run(Program{IgnoreTerm: true}).Owner.UID)
}

func (f *fixture) removed(uid string) {
	f.Helper()
	f.eventually("the container is gone", func() bool {
		if err := f.Remove(f.ctx(), uid); err != nil {
			f.Fatalf("Remove: %v", err)
		}
		_, err := f.Observe(f.ctx(), uid)
		if err != nil && !errors.Is(err, driver.ErrNotFound) {
			f.Fatalf("Observe: %v", err)
		}
		return err != nil
	})
}

func testList(f *fixture) {
	created := f.create(f.spec(Program{}))
	running := f.run(Program{})
	foreign := f.AddForeign(f.T, "conformance-"+uuid.NewString(), map[string]string{driver.LabelUID: uuid.NewString()})

	listed, err := f.List(f.ctx())
	if err != nil {
		f.Fatalf("List: %v", err)
	}
	for _, want := range []*driver.Container{created, running} {
		i := slices.IndexFunc(listed, func(c driver.Container) bool { return c.ID == want.ID })
		if i < 0 {
			f.Fatalf("List lacks %s", want.ID)
		}
		got := listed[i]
		if got.CreatedAt.Sub(want.CreatedAt).Abs() > time.Second {
			f.Errorf("created at %v, want %v", got.CreatedAt, want.CreatedAt)
		}
		got.CreatedAt = time.Time{}
		if diff := cmp.Diff(driver.Container{ID: want.ID, Name: want.Name, Owner: want.Owner, State: want.State}, got); diff != "" {
			f.Errorf("List (-want +got):\n%s", diff)
		}
	}
	if slices.ContainsFunc(listed, func(c driver.Container) bool { return c.ID == foreign }) {
		f.Error("List returns a container that isn't owned")
	}
}

func testForeignUntouched(f *fixture) {
	uid := uuid.NewString()
	foreign := f.AddForeign(f.T, driver.ContainerName(uid), map[string]string{driver.LabelUID: uid})
	if _, err := f.Observe(f.ctx(), uid); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("Observe: got %v, want ErrNotFound", err)
	}
	if err := f.Resize(f.ctx(), uid, driver.Limits{MilliCPU: 250, MemoryBytes: 64 << 20}); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("Resize: got %v, want ErrNotFound", err)
	}
	if err := f.Stop(f.ctx(), uid, 0); err != nil {
		f.Errorf("Stop: %v", err)
	}
	if err := f.Remove(f.ctx(), uid); err != nil {
		f.Errorf("Remove: %v", err)
	}
	if !f.Running(f.T, foreign) {
		f.Error("the foreign container no longer runs")
	}
}

func testLastExit(f *fixture) {
	running := f.run(Program{})
	f.RemoveBehind(f.T, running.Owner.UID)
	if _, err := f.Observe(f.ctx(), running.Owner.UID); !errors.Is(err, driver.ErrNotFound) {
		f.Fatalf("Observe: got %v, want ErrNotFound", err)
	}
	exit, err := f.LastExit(f.ctx(), running.ID, running.StartedAt)
	if err != nil {
		f.Fatalf("LastExit: %v", err)
	}
	if exit.ExitCode != 137 || exit.At.Before(running.StartedAt) || time.Since(exit.At) > patience {
		f.Errorf("LastExit: got %+v for a container killed just now, started at %v", exit, running.StartedAt)
	}
	if _, err := f.LastExit(f.ctx(), running.ID, exit.At.Add(time.Microsecond)); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("LastExit since later: got %v, want ErrNotFound", err)
	}
	if _, err := f.LastExit(f.ctx(), running.ID, time.Time{}); err != nil {
		f.Errorf("LastExit since ever: %v", err)
	}
}

func testLastExitUnknown(f *fixture) {
	running := f.run(Program{})
	if _, err := f.LastExit(f.ctx(), running.ID, running.StartedAt); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("of what runs: got %v, want ErrNotFound", err)
	}
}

func testStrays(f *fixture) {
	owner := driver.Identity{Namespace: "conformance", Name: "stray", UID: uuid.NewString()}
	for _, kind := range []string{"network", "volume"} {
		stray := f.AddStray(f.T, kind, owner.Labels())
		foreign := f.AddStray(f.T, kind, map[string]string{driver.LabelUID: owner.UID})

		strays, err := f.ListStrays(f.ctx())
		if err != nil {
			f.Fatalf("ListStrays: %v", err)
		}
		i := slices.IndexFunc(strays, func(s driver.Stray) bool { return s.Kind == kind && s.ID == stray })
		if i < 0 {
			f.Fatalf("ListStrays lacks %s %s", kind, stray)
		}
		if strays[i].Owner != owner || time.Since(strays[i].CreatedAt).Abs() > patience {
			f.Errorf("ListStrays: got %+v, owned by %+v and made just now", strays[i], owner)
		}
		if slices.ContainsFunc(strays, func(s driver.Stray) bool { return s.ID == foreign }) {
			f.Errorf("ListStrays returns a %s that isn't owned", kind)
		}

		lie := driver.Stray{Kind: kind, ID: foreign, Owner: owner}
		if err := f.RemoveStray(f.ctx(), lie); !errors.Is(err, driver.ErrConflict) {
			f.Errorf("RemoveStray of a foreign %s: got %v, want ErrConflict", kind, err)
		}
		for range 2 {
			if err := f.RemoveStray(f.ctx(), strays[i]); err != nil {
				f.Errorf("RemoveStray: %v", err)
			}
		}
		if f.HasStray(f.T, kind, stray) {
			f.Errorf("the %s is still there", kind)
		}
		if !f.HasStray(f.T, kind, foreign) {
			f.Errorf("the foreign %s is gone", kind)
		}
	}
}
