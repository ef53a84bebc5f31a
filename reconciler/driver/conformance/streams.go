package conformance

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
)

var all = driver.LogOptions{Tail: -1}

type output struct{ stdout, stderr []string }

// add takes records of whole lines, with what a TTY makes of a line end.
func (o *output) add(records []driver.LogRecord) {
	for _, r := range records {
		line := strings.TrimSuffix(strings.TrimSuffix(string(r.Text), "\n"), "\r")
		if r.Stderr {
			o.stderr = append(o.stderr, line)
		} else {
			o.stdout = append(o.stdout, line)
		}
	}
}

// records reads what there is of a container's output, in copies.
func (f *fixture) records(uid string, opts driver.LogOptions) []driver.LogRecord {
	f.Helper()
	var all []driver.LogRecord
	err := f.Logs(f.ctx(), uid, opts, func(records []driver.LogRecord) error {
		for _, r := range records {
			r.Text = bytes.Clone(r.Text)
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		f.Fatalf("Logs: %v", err)
	}
	return all
}

func (f *fixture) lines(uid string, opts driver.LogOptions) output {
	f.Helper()
	var out output
	out.add(f.records(uid, opts))
	return out
}

var fiveLines = []string{"one", "two", "three", "four", "five"}

func testLogs(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines, Stderr: []string{"bad", "worse"}, Exits: true}).Owner.UID
	f.exited(uid)
	want := output{fiveLines, []string{"bad", "worse"}}
	if diff := cmp.Diff(want, f.lines(uid, all), cmp.AllowUnexported(output{})); diff != "" {
		f.Errorf("Logs (-want +got):\n%s", diff)
	}
}

func testLogsTail(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines, Exits: true}).Owner.UID
	f.exited(uid)
	for tail, want := range map[int][]string{0: nil, 2: fiveLines[3:], 5: fiveLines, 9: fiveLines} {
		if diff := cmp.Diff(want, f.lines(uid, driver.LogOptions{Tail: tail}).stdout); diff != "" {
			f.Errorf("the last %d lines (-want +got):\n%s", tail, diff)
		}
	}
}

func testLogsSince(f *fixture) {
	running := f.run(Program{Stdout: fiveLines, Exits: true})
	f.exited(running.Owner.UID)
	records := f.records(running.Owner.UID, all)
	if len(records) != len(fiveLines) {
		f.Fatalf("Logs: got %v", records)
	}
	for i, r := range records {
		if string(r.Text) != fiveLines[i]+"\n" || r.At.Before(running.CreatedAt) || time.Since(r.At) > patience || r.Partial || r.Stderr {
			f.Fatalf("record %+v: want the time of now and %q", r, fiveLines[i])
		}
		since := driver.LogOptions{Tail: -1, Since: r.At}
		if diff := cmp.Diff(fiveLines[i:], f.lines(running.Owner.UID, since).stdout); diff != "" {
			f.Errorf("since %v (-want +got):\n%s", r.At, diff)
		}
	}
	if diff := cmp.Diff(records, f.records(running.Owner.UID, all)); diff != "" {
		f.Errorf("read again (-want +got):\n%s", diff)
	}
}

func testLogsTTY(f *fixture) {
	spec := f.spec(Program{Stdout: []string{"out"}, Stderr: []string{"err"}, Exits: true})
	spec.TTY = true
	f.create(spec)
	f.start(spec.Owner.UID)
	if c := f.exited(spec.Owner.UID); !c.TTY {
		f.Error("the container isn't said to have a TTY")
	}
	want := output{stdout: []string{"out", "err"}}
	if diff := cmp.Diff(want, f.lines(spec.Owner.UID, all), cmp.AllowUnexported(output{})); diff != "" {
		f.Errorf("Logs (-want +got):\n%s", diff)
	}
}

// recorder collects output and can be read meanwhile.
type recorder struct {
	mu  sync.Mutex
	out output
}

func (r *recorder) handle(records []driver.LogRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.add(records)
	return nil
}

func (r *recorder) stdout() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.out.stdout)
}

// follow runs Logs in the background and waits for the first lines.
func (f *fixture) follow(ctx context.Context, uid string) (*recorder, <-chan error) {
	f.Helper()
	var got recorder
	done := make(chan error, 1)
	go func() { done <- f.Logs(ctx, uid, driver.LogOptions{Tail: -1, Follow: true}, got.handle) }()
	f.eventually("what there is arrives", func() bool { return slices.Equal(got.stdout(), fiveLines) })
	return &got, done
}

func (f *fixture) ends(what string, done <-chan error) error {
	f.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		f.Fatalf("%s didn't end within %v", what, patience)
		return nil
	}
}

func testLogsFollow(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines}).Owner.UID
	_, done := f.follow(f.ctx(), uid)
	if err := f.Stop(f.ctx(), uid, patience); err != nil {
		f.Fatalf("Stop: %v", err)
	}
	if err := f.ends("Logs", done); err != nil {
		f.Errorf("Logs: %v", err)
	}
}

func testLogsCancel(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines}).Owner.UID
	ctx, cancel := context.WithCancel(f.ctx())
	defer cancel()
	_, done := f.follow(ctx, uid)
	cancel()
	if err := f.ends("Logs", done); !errors.Is(err, context.Canceled) {
		f.Errorf("Logs: got %v, want context.Canceled", err)
	}
}

func testLogsFollowAgain(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines, Exits: true}).Owner.UID
	f.exited(uid)
	f.start(uid)
	f.exited(uid)
	var got recorder
	if err := f.Logs(f.ctx(), uid, driver.LogOptions{Tail: -1, Follow: true}, got.handle); err != nil {
		f.Fatalf("Logs: %v", err)
	}
	if diff := cmp.Diff(slices.Concat(fiveLines, fiveLines), got.stdout()); diff != "" {
		f.Errorf("two runs (-want +got):\n%s", diff)
	}
}

func testLogsHandlerFails(f *fixture) {
	uid := f.run(Program{Stdout: fiveLines, Exits: true}).Owner.UID
	f.exited(uid)
	gone := errors.New("the reader went away")
	err := f.Logs(f.ctx(), uid, all, func([]driver.LogRecord) error { return gone })
	if !errors.Is(err, gone) || errors.Is(err, driver.ErrUnavailable) {
		f.Errorf("Logs: got %v, want the handler's own error", err)
	}
}

// watch runs Watch in the background, once it stands. It ends with ctx.
func (f *fixture) watch(ctx context.Context) (events func() []driver.Event, done <-chan error) {
	f.Helper()
	var mu sync.Mutex
	var seen []driver.Event
	connected, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- f.Watch(ctx, func() { close(connected) }, func(e driver.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e)
		})
	}()
	select {
	case <-connected:
	case err := <-ended:
		f.Fatalf("Watch: %v", err)
	case <-ctx.Done():
		f.Fatal("Watch never stood")
	}
	return func() []driver.Event {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}, ended
}

func testWatch(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx())
	defer cancel()
	events, done := f.watch(ctx)

	foreign := f.spec(Program{}).Owner.UID
	f.AddForeign(f.T, "conformance-"+foreign, map[string]string{driver.LabelUID: foreign})
	spec := f.spec(Program{})
	f.create(spec)
	f.start(spec.Owner.UID)
	if err := f.Stop(f.ctx(), spec.Owner.UID, patience); err != nil {
		f.Fatalf("Stop: %v", err)
	}
	exited := f.exited(spec.Owner.UID)
	f.removed(spec.Owner.UID)

	want := []string{"create", "start", "die", "destroy"}
	f.eventually("all events arrive", func() bool {
		var got []string
		for _, e := range events() {
			if e.Owner.UID == foreign {
				f.Fatalf("an event of a container that isn't owned: %+v", e)
			}
			if e.Owner == spec.Owner && slices.Contains(want, e.Action) {
				got = append(got, e.Action)
			}
			if e.Owner == spec.Owner && e.Action == "die" && e.At.Sub(exited.FinishedAt).Abs() > time.Second {
				f.Fatalf("died at %v, finished at %v", e.At, exited.FinishedAt)
			}
		}
		return slices.Equal(got, want)
	})
	cancel()
	if err := f.ends("Watch", done); err != nil {
		f.Errorf("Watch: %v", err)
	}
}

func testWatchCancel(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	if err := f.Watch(ctx, nil, func(driver.Event) {}); err != nil {
		f.Errorf("Watch: got %v, want nil", err)
	}
}
