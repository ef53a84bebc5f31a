package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/logs"
)

func newHub(t *testing.T, e logs.Engine, change func(*logs.Options)) *logs.Hub {
	t.Helper()
	opts := logs.Options{Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opts)
	}
	hub := logs.NewHub(e, opts)
	t.Cleanup(hub.Close)
	return hub
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// numbered returns records n to m-1, a millisecond after each other but for every third, which is of
// standard error and a little too early.
func numbered(n, m int) []driver.LogRecord {
	var records []driver.LogRecord
	for i := n; i < m; i++ {
		r := driver.LogRecord{At: epoch.Add(time.Duration(i) * time.Millisecond), Text: fmt.Appendf(nil, "%d\n", i)}
		if i%3 == 2 {
			r.Stderr, r.At = true, r.At.Add(-1500*time.Microsecond)
		}
		records = append(records, r)
	}
	return records
}

func numbers(n, m int) []string {
	var texts []string
	for i := n; i < m; i++ {
		texts = append(texts, fmt.Sprintf("%d\n", i))
	}
	return texts
}

// viewer collects what a stream hands over.
type viewer struct {
	mu      sync.Mutex
	texts   []string
	at      []time.Time
	dropped int64
	stands  chan struct{}
	once    sync.Once
	// each is called for each batch, if not nil.
	each func(logs.Batch) error
}

func newViewer() *viewer { return &viewer{stands: make(chan struct{})} }

func (v *viewer) handle(b logs.Batch) error {
	v.once.Do(func() { close(v.stands) })
	v.mu.Lock()
	v.dropped += b.Dropped
	for _, l := range b.Lines {
		v.texts = append(v.texts, string(l.Text))
		v.at = append(v.at, l.At)
	}
	v.mu.Unlock()
	if v.each != nil {
		return v.each(b)
	}
	return nil
}

func (v *viewer) lines() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.texts)
}

func (v *viewer) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.texts)
}

func (v *viewer) last() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.at) == 0 {
		return time.Time{}
	}
	return v.at[len(v.at)-1]
}

// increasing checks the promise of timestamps.
func (v *viewer) increasing(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := 1; i < len(v.at); i++ {
		if !v.at[i].After(v.at[i-1]) {
			t.Fatalf("line %d at %v comes after %v", i, v.at[i], v.at[i-1])
		}
	}
}

// start runs a stream in the background. The function it returns waits for its end.
func start(t *testing.T, ctx context.Context, hub *logs.Hub, req logs.Request, v *viewer) (wait func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- hub.Stream(ctx, uid, req, v.handle) }()
	return func() error {
		t.Helper()
		timer := time.NewTimer(deadline)
		defer timer.Stop()
		select {
		case err := <-done:
			return err
		case <-timer.C:
			t.Fatal("the stream goes on")
			return nil
		}
	}
}

func (v *viewer) await(t *testing.T, what string, want []string) {
	t.Helper()
	eventually(t, what, func() bool { return v.count() >= len(want) })
	if diff := cmp.Diff(want, v.lines()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

var everything = logs.Request{Tail: -1}

func following(tail int) logs.Request { return logs.Request{Follow: true, Tail: tail} }

func TestWhatIsAskedFor(t *testing.T) {
	for _, size := range []int{0, 20, 3000, 30_000} {
		for name, tc := range map[string]struct {
			tail int
			from int
		}{
			"All": {-1, 0}, "Nothing": {0, size}, "Few": {5, max(0, size-5)}, "Many": {5000, max(0, size-5000)}, "More": {1 << 20, 0},
			"MostOfThem": {size, 0},
		} {
			t.Run(fmt.Sprintf("%sOf%d", name, size), func(t *testing.T) {
				e := newEngine()
				e.write(numbered(0, size)...)
				hub := newHub(t, e, nil)
				v := newViewer()
				if err := hub.Stream(t.Context(), uid, logs.Request{Tail: tc.tail}, v.handle); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(numbers(tc.from, size), v.lines()); diff != "" {
					t.Fatalf("read (-want +got):\n%s", diff)
				}
				v.increasing(t)

				v = newViewer()
				wait := start(t, t.Context(), hub, following(tc.tail), v)
				v.await(t, "what is there", numbers(tc.from, size))
				<-v.stands
				e.write(numbered(size, size+10)...)
				v.await(t, "what comes", numbers(tc.from, size+10))
				e.exit()
				if err := wait(); err != nil {
					t.Errorf("at the end of the container: %v", err)
				}
				v.increasing(t)
			})
		}
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*engine)
		want   error
	}{
		"NoContainer": {func(e *engine) { e.gone = true }, driver.ErrNotFound},
		"NoEngine":    {func(e *engine) { e.failing = driver.ErrUnavailable }, driver.ErrUnavailable},
	} {
		for _, follow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s%v", name, follow), func(t *testing.T) {
				e := newEngine()
				tc.change(e)
				err := newHub(t, e, nil).Stream(t.Context(), uid, logs.Request{Follow: follow, Tail: 10}, newViewer().handle)
				if !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
			})
		}
	}
	t.Run("Handler", func(t *testing.T) {
		e := newEngine()
		e.write(numbered(0, 10)...)
		gone := errors.New("the reader went away")
		v := newViewer()
		v.each = func(b logs.Batch) error {
			if len(b.Lines) > 0 {
				return gone
			}
			return nil
		}
		for _, req := range []logs.Request{everything, following(-1)} {
			if err := newHub(t, e, nil).Stream(t.Context(), uid, req, v.handle); !errors.Is(err, gone) {
				t.Errorf("%+v: got %v, want the handler's error", req, err)
			}
		}
	})
}

// chatter writes records, some in parts, with times that are no more in order than an engine's, with disorder less; then the
// container ends.
func chatter(e *engine, total int, disorder bool) (written func() []string) {
	r := rand.New(rand.NewPCG(7, 2))
	var mu sync.Mutex
	var texts []string
	go func() {
		defer e.exit()
		now := time.Duration(0)
		for i := 0; i < total; {
			for range 1 + r.IntN(200) {
				now += time.Duration(r.IntN(200)) * time.Microsecond
				// Standard error is written down late.
				at := epoch.Add(now)
				if i%2 == 1 {
					at = at.Add(-10 * time.Millisecond)
				}
				if disorder && r.IntN(100) == 0 {
					at = at.Add(-20 * time.Millisecond)
				}
				now += time.Nanosecond
				text := fmt.Sprintf("%d\n", i)
				if r.IntN(20) == 0 {
					e.write(driver.LogRecord{At: at, Partial: true, Stderr: i%2 == 1, Text: []byte("a part of ")})
					text = "a part of " + text
					e.write(driver.LogRecord{At: at, Stderr: i%2 == 1, Text: fmt.Appendf(nil, "%d\n", i)})
				} else {
					e.write(driver.LogRecord{At: at, Stderr: i%2 == 1, Text: []byte(text)})
				}
				mu.Lock()
				texts = append(texts, text)
				mu.Unlock()
				i++
			}
			runtime.Gosched()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(texts)
	}
}

// TestGoingOn: a reader that is cut off again and again has every line once, whether the feed is
// still there or not, and whatever befalls the engine's stream.
func TestGoingOn(t *testing.T) {
	for name, tc := range map[string]struct {
		linger time.Duration
		breaks bool
		// disorder is more than an engine has.
		disorder bool
	}{
		"FeedStays": {linger: time.Minute}, "FeedEnds": {linger: time.Nanosecond},
		"StreamBreaks": {linger: time.Minute, breaks: true}, "Both": {linger: time.Nanosecond, breaks: true},
		"Disorder": {linger: time.Minute, breaks: true, disorder: true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			hub := newHub(t, e, func(o *logs.Options) { o.Linger = tc.linger })
			written := chatter(e, 20_000, tc.disorder)
			v := newViewer()
			r := rand.New(rand.NewPCG(8, 8))
			for {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				enough := v.count() + 1 + r.IntN(2000)
				v.each = func(logs.Batch) error {
					if v.count() >= enough {
						cancel()
					}
					return nil
				}
				if tc.breaks {
					e.breakStreams()
				}
				err := hub.Stream(ctx, uid, logs.Request{Follow: true, Tail: -1, After: v.last()}, v.handle)
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(written(), v.lines()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			v.increasing(t)
		})
	}
}

// TestManyViewers share one stream of the engine.
func TestManyViewers(t *testing.T) {
	before := runtime.NumGoroutine()
	e := newEngine()
	e.write(numbered(0, 500)...)
	hub := newHub(t, e, func(o *logs.Options) { o.Linger = 10 * time.Millisecond })
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	viewers := make([]*viewer, 200)
	for i := range viewers {
		viewers[i] = newViewer()
		all.Go(func() {
			if err := hub.Stream(ctx, uid, following(100), viewers[i].handle); !errors.Is(err, context.Canceled) {
				t.Errorf("viewer %d: %v", i, err)
			}
		})
	}
	for _, v := range viewers {
		v.await(t, "the end of what is there", numbers(400, 500))
	}
	e.write(numbered(500, 600)...)
	for _, v := range viewers {
		v.await(t, "what comes", numbers(400, 600))
	}
	if following, opened, read := e.counts(); following != 1 || opened != 1 || read > 1 {
		t.Errorf("%d streams of the engine, %d in all, and %d other reads, want 1, 1 and 1", following, opened, read)
	}
	cancel()
	all.Wait()
	eventually(t, "the stream ends with the last viewer", func() bool { following, _, _ := e.counts(); return following == 0 })
	hub.Close()
	eventually(t, "nothing is left behind", func() bool { return runtime.NumGoroutine() <= before })
}

// TestFeedLingers: a viewer that comes back finds the stream.
func TestFeedLingers(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, func(o *logs.Options) { o.Linger = deadline })
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		v := newViewer()
		wait := start(t, ctx, hub, following(10), v)
		<-v.stands
		cancel()
		if err := wait(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if _, opened, read := e.counts(); opened > 1 || read != 1 {
		t.Errorf("%d streams and %d reads for one viewer at a time, want 1 of each", opened, read)
	}
}

// flood is more than a ring holds.
const flood = 80_000

// TestSlowViewers neither delay others nor cost memory. One that may lose lines is told how many; one that may not gets
// them from the engine.
func TestSlowViewers(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, func(o *logs.Options) { o.Patience = 20 * time.Millisecond })
	release := make(chan struct{})
	slow := func(logs.Batch) error { <-release; return nil }
	lossy, lossless, quick := newViewer(), newViewer(), newViewer()
	lossy.each, lossless.each = slow, slow
	waits := []func() error{
		start(t, t.Context(), hub, logs.Request{Follow: true, Tail: -1, Lossy: true}, lossy),
		start(t, t.Context(), hub, following(-1), lossless),
		start(t, t.Context(), hub, following(-1), quick),
	}
	for _, v := range []*viewer{lossy, lossless, quick} {
		<-v.stands
	}
	for n := 0; n < flood; n += 1000 {
		e.write(numbered(n, n+1000)...)
	}
	quick.await(t, "others", numbers(0, flood))
	close(release)
	lossless.await(t, "who may not lose lines", numbers(0, flood))
	eventually(t, "who may lose lines is told", func() bool {
		lossy.mu.Lock()
		defer lossy.mu.Unlock()
		return int(lossy.dropped)+len(lossy.texts) == flood
	})
	if lossy.dropped == 0 {
		t.Error("a viewer that did not read for so long lost no line")
	}
	got := lossy.lines()
	if diff := cmp.Diff(numbers(int(lossy.dropped), flood), got); diff != "" {
		t.Errorf("after the lines that were dropped (-want +got):\n%s", diff)
	}
	e.exit()
	for _, wait := range waits {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestMemoryIsBounded with 500 viewers that read nothing while a container writes 100 MB.
func TestMemoryIsBounded(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, nil)
	release := make(chan struct{})
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 500 {
		v := newViewer()
		v.each = func(logs.Batch) error { <-release; return nil }
		all.Go(func() { _ = hub.Stream(ctx, uid, logs.Request{Follow: true, Tail: 10, Lossy: true}, v.handle) })
		<-v.stands
	}
	quick := newViewer()
	var lines atomic.Int64
	all.Go(func() {
		_ = hub.Stream(ctx, uid, following(0), func(b logs.Batch) error {
			lines.Add(int64(len(b.Lines)))
			return quick.handle(logs.Batch{})
		})
	})
	<-quick.stands
	before := heap()
	text := []byte(strings.Repeat("x", 1000) + "\n")
	const total = 100_000
	for n := range total {
		e.write(driver.LogRecord{At: epoch.Add(time.Duration(n) * time.Millisecond), Text: text})
	}
	eventually(t, "who reads gets all", func() bool { return lines.Load() == total })
	e.change(func() { e.records = nil }) // the engine's memory is not the hub's
	const bound = 24 << 20
	grown := heap() - before
	t.Logf("500 viewers that read nothing, 100 MB written: the heap has grown by %.1f MiB", float64(grown)/(1<<20))
	if grown > bound {
		t.Errorf("the heap has grown by %d bytes, want less than %d", grown, bound)
	}
	cancel()
	close(release)
	all.Wait()
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestSlowReaderFreesTheEngine: whoever reads and stalls keeps no read of the engine open.
func TestSlowReaderFreesTheEngine(t *testing.T) {
	e := newEngine()
	const n = 3000
	e.write(numbered(0, n)...)
	hub := newHub(t, e, func(o *logs.Options) { o.Patience = 10 * time.Millisecond })
	release := make(chan struct{})
	var all sync.WaitGroup
	viewers := make([]*viewer, 20)
	for i := range viewers {
		v := newViewer()
		v.each = func(logs.Batch) error { <-release; return nil }
		viewers[i] = v
		all.Go(func() {
			if err := hub.Stream(t.Context(), uid, everything, v.handle); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "some read", func() bool { _, _, read := e.counts(); return read >= 4 })
	e.write(numbered(n, n+500)...)
	close(release)
	all.Wait()
	for i, v := range viewers {
		got := v.lines()
		if len(got) < n {
			t.Fatalf("viewer %d got %d lines", i, len(got))
		}
		if diff := cmp.Diff(numbers(0, len(got)), got); diff != "" {
			t.Fatalf("viewer %d (-want +got):\n%s", i, diff)
		}
	}
	if e.busy > 4 {
		t.Errorf("%d reads of the engine at once", e.busy)
	}
}

// TestEndOfContainer: followers get the last line, even if the engine's stream leaves it out.
func TestEndOfContainer(t *testing.T) {
	for name, hide := range map[string]func(int) bool{
		"AllLines": nil, "StreamMissesTheLast": func(i int) bool { return i >= 15 },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			e.hide = hide
			e.write(numbered(0, 10)...)
			hub := newHub(t, e, nil)
			v := newViewer()
			wait := start(t, t.Context(), hub, following(-1), v)
			<-v.stands
			e.write(numbered(10, 20)...)
			e.write(driver.LogRecord{At: epoch.Add(time.Minute), Partial: true, Text: []byte("the end")})
			e.exit()
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(numbers(0, 20), "the end"), v.lines()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}

			// Another run of it is followed anew.
			e.hide = nil
			e.restart()
			again := newViewer()
			wait = start(t, t.Context(), hub, logs.Request{Follow: true, Tail: -1, After: v.last()}, again)
			<-again.stands
			e.write(numbered(70_000, 70_010)...)
			again.await(t, "the next run", numbers(70_000, 70_010))
			e.change(func() { e.gone = true })
			if err := wait(); err != nil {
				t.Errorf("the container was removed: %v", err)
			}
		})
	}
}

// TestEngineAway: followers don't notice if the engine is away for a while.
func TestEngineAway(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, nil)
	v := newViewer()
	wait := start(t, t.Context(), hub, following(-1), v)
	<-v.stands
	e.write(numbered(0, 10)...)
	v.await(t, "before", numbers(0, 10))
	e.change(func() { e.failing = driver.ErrUnavailable })
	e.breakStreams()
	e.write(numbered(10, 20)...)
	e.change(func() { e.failing = nil })
	v.await(t, "after", numbers(0, 20))
	e.exit()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestPassedOver: what the engine's stream passes over is read from the engine.
func TestPassedOver(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, nil)
	v := newViewer()
	wait := start(t, t.Context(), hub, following(-1), v)
	<-v.stands
	// The first record is on time; the others are late, and in the leap there is space for a file.
	begun := time.Now()
	e.write(driver.LogRecord{At: begun, Text: []byte("first\n")})
	v.await(t, "the first", []string{"first\n"})
	eventually(t, "some time has passed", func() bool { return time.Since(begun) > 1200*time.Millisecond })
	pad := strings.Repeat("x", 3000)
	var records []driver.LogRecord
	want := []string{"first\n"}
	for i, r := range numbered(0, 6000) {
		r.At, r.Text = begun.Add(time.Duration(i+1)*150*time.Microsecond), append([]byte(pad), r.Text...)
		records = append(records, r)
		want = append(want, string(r.Text))
	}
	e.hide = func(i int) bool { return i >= 3000 && i < 5000 && e.opened == 1 }
	e.write(records...)
	v.await(t, "all lines", want)
	e.exit()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestStreamThatFallsSilent: a stream that says nothing more, without an end, is found out and opened again; one that has
// nothing to say is left alone.
func TestStreamThatFallsSilent(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, func(o *logs.Options) { o.Silence = 20 * time.Millisecond })
	v := newViewer()
	wait := start(t, t.Context(), hub, following(-1), v)
	<-v.stands
	e.hide = func(i int) bool { return i >= 50 && e.opened == 1 }
	e.write(numbered(0, 100)...)
	v.await(t, "all lines", numbers(0, 100))
	_, opened, read := e.counts()
	if opened != 2 {
		t.Errorf("%d streams of the engine, want 2", opened)
	}
	eventually(t, "the engine is asked again", func() bool {
		_, _, now := e.counts()
		return now > read+1
	})
	if _, now, _ := e.counts(); now != opened {
		t.Errorf("a stream that rightly said nothing was opened again: %d streams", now)
	}
	e.exit()
	if err := wait(); err != nil {
		t.Error(err)
	}
	v.increasing(t)
}

// TestStreamThatGoesBack: what the engine's stream repeats is left out, however much that is, and what is new is not, even
// if the clock was set back.
func TestStreamThatGoesBack(t *testing.T) {
	setBack := numbered(5000, 5100)
	for i := range setBack {
		setBack[i].At = setBack[i].At.Add(-4 * time.Second)
	}
	for name, tc := range map[string]struct {
		jumps  map[int]int
		tail   []driver.LogRecord
		opened int
	}{
		"OneRecord":         {jumps: map[int]int{4001: 4000}, tail: numbered(5000, 5100), opened: 1},
		"SomeRecords":       {jumps: map[int]int{2000: 1700, 4001: 3000}, tail: numbered(5000, 5100), opened: 1},
		"AllTheRingHasLost": {jumps: map[int]int{60_000: 10}, tail: numbered(5000, 60_100), opened: 2},
		"ClockWasSetBack":   {tail: setBack, opened: 2},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			e.jumps = tc.jumps
			hub := newHub(t, e, nil)
			v := newViewer()
			wait := start(t, t.Context(), hub, following(-1), v)
			<-v.stands
			e.write(numbered(0, 5000)...)
			e.write(tc.tail...)
			v.await(t, "all lines", numbers(0, 5000+len(tc.tail)))
			e.exit()
			if err := wait(); err != nil {
				t.Error(err)
			}
			v.await(t, "no more", numbers(0, 5000+len(tc.tail)))
			v.increasing(t)
			if _, opened, _ := e.counts(); opened != tc.opened {
				t.Errorf("%d streams of the engine, want %d", opened, tc.opened)
			}
		})
	}
}

func TestClose(t *testing.T) {
	e := newEngine()
	hub := newHub(t, e, nil)
	v := newViewer()
	wait := start(t, t.Context(), hub, following(-1), v)
	<-v.stands
	hub.Close()
	if err := wait(); !errors.Is(err, logs.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if following, _, _ := e.counts(); following != 0 {
		t.Error("a stream is open after Close")
	}
	if err := hub.Stream(t.Context(), uid, following(-1), v.handle); !errors.Is(err, logs.ErrClosed) {
		t.Errorf("after Close: got %v, want ErrClosed", err)
	}
}
