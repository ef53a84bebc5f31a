package logs

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/socket"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func TestViewer(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	log := b.api.nextLog()
	log.send(t, line(1, "stdout", "\x1b[32mhello\x1b[0m"), line(2, "stderr", "oops"), `{"dropped":17}`, line(3, "stdout", `{"level":"warn"}`))
	want := []frame{
		{Timestamp: begin0.Add(time.Second), Level: "info", Message: "\x1b[32mhello\x1b[0m", Stream: "stdout"},
		{Timestamp: begin0.Add(2 * time.Second), Level: "error", Message: "oops", Stream: "stderr"},
		// Its time is that of the line before, so that it is good for ?since=.
		{Timestamp: begin0.Add(2 * time.Second), Level: "warn", Message: "dropped 17 lines", Stream: "system", Dropped: 17},
		{Timestamp: begin0.Add(3 * time.Second), Level: "warn", Message: `{"level":"warn"}`, Stream: "stdout"},
		{Timestamp: begin0.Add(3 * time.Second), Level: "info", Message: "the lease expired; the container exited with code 143",
			Stream: "system", Reason: "Expired", ExitCode: ptr.To[int32](143)},
	}
	var got []frame
	for range 4 {
		got = append(got, p.next())
	}
	close(log.frames)
	b.api.change(finish(v1alpha1.FinishExpired, 143))
	got = append(got, p.next())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.closed(websocket.CloseNormalClosure)
}

// TestRefusals are answered before the upgrade, as problems.
func TestRefusals(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	upgrade := http.Header{"Authorization": {"Bearer secret"}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	for _, tc := range []struct {
		name, target string
		header       http.Header // in place of upgrade's
		want         problem.Problem
		field        string
	}{
		{name: "Anonymous", target: leaseUID, header: http.Header{"Authorization": nil}, want: problem.Unauthenticated},
		{name: "BadCredential", target: leaseUID, header: http.Header{"Authorization": {"Bearer other"}}, want: problem.Unauthenticated},
		{name: "UnknownLease", target: "22222222-2222-4222-8222-222222222222", want: problem.NotFound},
		{name: "Name", target: "demo", want: problem.NotFound},
		{name: "Tail", target: leaseUID + "?tail=-1", want: problem.Invalid, field: "?tail"},
		{name: "TailNoNumber", target: leaseUID + "?tail=%00", want: problem.Invalid, field: "?tail"},
		{name: "Since", target: leaseUID + "?since=yesterday", want: problem.Invalid, field: "?since"},
		{name: "SinceNegative", target: leaseUID + "?since=-5m", want: problem.Invalid, field: "?since"},
		{name: "PlainRequest", target: leaseUID, header: http.Header{"Upgrade": nil}, want: problem.UpgradeRequired},
		{name: "Version", target: leaseUID, header: http.Header{"Sec-Websocket-Version": {"8"}}, want: problem.BadRequest},
		{name: "Key", target: leaseUID, header: http.Header{"Sec-Websocket-Key": {"x"}}, want: problem.BadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/ws/logs/"+tc.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = upgrade.Clone()
			for name, values := range tc.header {
				r.Header[name] = values
			}
			client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got := decodeProblem(t, response)
			if response.StatusCode != tc.want.Status || got.Type != tc.want.Type || got.Status != tc.want.Status {
				t.Errorf("got %s %+v, want %s", response.Status, got, tc.want.Type)
			}
			if tc.field != "" && (len(got.Errors) != 1 || got.Errors[0].Field != tc.field) {
				t.Errorf("field errors are %+v, want one of %s", got.Errors, tc.field)
			}
		})
	}
}

func TestQuery(t *testing.T) {
	now := begin0.Add(time.Hour)
	b := newBench(t, testingclock.NewFakeClock(now))
	for _, tc := range []struct{ name, query, tail, after string }{
		{"Default", "", "1000", ""},
		{"Empty", "?tail=&since=", "1000", ""},
		{"Tail", "?tail=5", "5", ""},
		{"None", "?tail=0", "0", ""},
		{"All", "?tail=all", "", ""},
		{"Since", "?since=2026-01-02T03:04:05.000000001Z", "", "2026-01-02T03:04:05.000000001Z"},
		{"SinceElsewhere", "?since=2026-01-02T05:04:05%2B02:00", "", "2026-01-02T03:04:05.000000000Z"},
		{"SinceAgo", "?since=10m", "", "2026-01-02T03:54:05.000000000Z"},
		{"Both", "?since=10m&tail=7", "7", "2026-01-02T03:54:05.000000000Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := b.dial(tc.query)
			log := b.api.nextLog()
			if log.query.Get("follow") != "true" || log.query.Get("format") != "json" ||
				log.query.Get("tailLines") != tc.tail || log.query.Get("after") != tc.after {
				t.Errorf("asked the API for %v", log.query)
			}
			_ = p.Close()
			<-log.gone
		})
	}
}

// TestWaitsForStart: the socket is open before there is a container.
func TestWaitsForStart(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	container := &v1alpha1.ContainerStatus{}
	b.api.change(func(l *v1alpha1.ContainerLease) {
		container, l.Status.Container = l.Status.Container, nil
		l.Status.Phase, l.Status.Segments = v1alpha1.LeasePending, nil
	})
	p := b.dial("")
	if f := p.expect("waiting for the container"); f.Stream != streamSystem || !f.Timestamp.Equal(begin0) {
		t.Errorf("got %+v, want a frame of the system with the time of the lease's creation", f)
	}
	b.api.change(func(l *v1alpha1.ContainerLease) {
		l.Status.Phase = v1alpha1.LeaseProvisioning
		l.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProvisioned, Message: "Pulling the image."}}
	})
	p.expect("waiting for the container: Pulling the image.")
	b.api.change(func(l *v1alpha1.ContainerLease) {
		l.Status.Phase, l.Status.Container = v1alpha1.LeaseRunning, container
	})
	b.api.nextLog().send(t, line(1, "stdout", "hello"))
	p.expect("hello")
}

// TestNeverStarts: the last frame says why.
func TestNeverStarts(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	b.api.change(func(l *v1alpha1.ContainerLease) { l.Status.Phase, l.Status.Container = v1alpha1.LeaseProvisioning, nil })
	p := b.dial("")
	p.expect("waiting")
	b.api.change(func(l *v1alpha1.ContainerLease) {
		l.Status.Phase, l.Status.FinishReason = v1alpha1.LeaseFailed, v1alpha1.FinishProvisioningFailed
		l.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionFinished, Message: "No such image."}}
	})
	if f := p.expect("could not be started: No such image."); f.Reason != "ProvisioningFailed" || f.ExitCode != nil || f.Level != "error" {
		t.Errorf("got %+v", f)
	}
	p.closed(websocket.CloseNormalClosure)
}

// TestSuspension: the log goes on where it was.
func TestSuspension(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("?tail=10")
	log := b.api.nextLog()
	log.send(t, line(1, "stdout", "before"))
	p.expect("before")
	b.api.change(func(l *v1alpha1.ContainerLease) { l.Status.Phase = v1alpha1.LeaseSuspended })
	close(log.frames)
	p.expect("suspended")
	b.api.change(func(l *v1alpha1.ContainerLease) {
		l.Status.Phase = v1alpha1.LeaseRunning
		l.Status.Segments = append(l.Status.Segments, v1alpha1.UsageSegment{StartedAt: v1alpha1.NewTimestamp(begin0.Add(time.Minute))})
	})
	log = b.api.nextLog()
	if log.query.Get("after") != begin0.Add(time.Second).Format(time.RFC3339Nano) || log.query.Has("tailLines") {
		t.Errorf("asked the API for %v, want what comes after the last line", log.query)
	}
	log.send(t, line(61, "stdout", "after"))
	p.expect("after")
}

// TestSuspendedAndEnded: what a run printed that the viewer has not seen comes before the end.
func TestSuspendedAndEnded(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	log := b.api.nextLog()
	b.api.change(func(l *v1alpha1.ContainerLease) { l.Status.Phase = v1alpha1.LeaseSuspended })
	close(log.frames)
	p.expect("suspended")
	b.api.change(func(l *v1alpha1.ContainerLease) {
		finish(v1alpha1.FinishCompleted, 0)(l)
		l.Status.Segments = append(l.Status.Segments, v1alpha1.UsageSegment{StartedAt: v1alpha1.NewTimestamp(begin0.Add(time.Minute))})
	})
	log = b.api.nextLog()
	log.send(t, line(61, "stdout", "unseen"))
	close(log.frames)
	p.expect("unseen")
	if f := p.expect("completed"); f.ExitCode == nil || *f.ExitCode != 0 {
		t.Errorf("got %+v, want exit code 0", f)
	}
}

// TestEnded: a lease that is over shows what its container printed, or that it is gone.
func TestEnded(t *testing.T) {
	for _, tc := range []struct {
		reason  v1alpha1.FinishReason
		level   string
		message string
	}{
		{v1alpha1.FinishExpired, "info", "the lease expired; the container exited with code 7"},
		{v1alpha1.FinishCompleted, "info", "the command completed; the container exited with code 7"},
		{v1alpha1.FinishDeleted, "info", "the lease was deleted; the container exited with code 7"},
		{v1alpha1.FinishFailed, "error", "the command failed; the container exited with code 7"},
		{v1alpha1.FinishOOMKilled, "error", "the command used more memory than its limit and was killed; the container exited with code 7"},
		{v1alpha1.FinishLost, "error", "the container was lost: nobody saw its end; the container exited with code 7"},
		{"Novel", "info", "the lease ended: Novel; the container exited with code 7"},
	} {
		t.Run(string(tc.reason), func(t *testing.T) {
			b := newBench(t, clock.RealClock{})
			b.api.change(finish(tc.reason, 7))
			p := b.dial("")
			log := b.api.nextLog()
			log.fail <- apierrors.NewNotFound(v1alpha1.Resource("containerleases/log"), "demo")
			want := frame{Timestamp: begin0, Level: tc.level, Message: tc.message, Stream: "system", Reason: string(tc.reason), ExitCode: ptr.To[int32](7)}
			if diff := cmp.Diff(want, p.next()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			p.closed(websocket.CloseNormalClosure)
		})
	}
}

// TestGone: the object of the lease can go before anybody saw why.
func TestGone(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	log := b.api.nextLog()
	b.api.remove()
	close(log.frames)
	if f := p.expect("the lease was deleted"); f.Reason != "Deleted" || f.ExitCode != nil {
		t.Errorf("got %+v", f)
	}
	p.closed(websocket.CloseNormalClosure)
}

// TestAnotherOfTheSameName is none of the viewer's.
func TestAnotherOfTheSameName(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	log := b.api.nextLog()
	b.api.change(func(l *v1alpha1.ContainerLease) { l.UID = "99999999-9999-4999-8999-999999999999" })
	close(log.frames)
	p.expect("the lease was deleted")
}

// TestInterruptions: the viewer is told, once, and misses nothing.
func TestInterruptions(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("?tail=3")
	b.api.nextLog().fail <- apierrors.NewServiceUnavailable("the engine is away")
	p.expect("trying again")
	log := b.api.nextLog()
	if log.query.Get("tailLines") != "3" {
		t.Errorf("asked again for %v, want the same as before", log.query)
	}
	log.send(t, line(1, "stdout", "one"))
	p.expect("one")
	log.fail <- errors.New("broken off")
	p.expect("trying again")
	b.api.nextLog().fail <- apierrors.NewServiceUnavailable("the engine is away")
	log = b.api.nextLog()
	if log.query.Get("after") != begin0.Add(time.Second).Format(time.RFC3339Nano) {
		t.Errorf("asked again for %v, want what comes after the last line", log.query)
	}
	log.send(t, line(2, "stdout", "two"))
	p.expect("two")
	log.send(t, "not JSON")
	p.expect("trying again")
}

// TestEarlyEnd: a container that is said to run but whose log ends is asked for again, quietly.
func TestEarlyEnd(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	close(b.api.nextLog().frames)
	close(b.api.nextLog().frames)
	b.api.nextLog().send(t, line(1, "stdout", "there"))
	p.expect("there")
}

func TestLongLines(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	long := strings.Repeat("x\x1b\"", 60_000)
	b.api.nextLog().send(t, line(1, "stdout", long), line(2, "stdout", "short"))
	if f := p.next(); f.Message != long {
		t.Errorf("a line of %d bytes became %d", len(long), len(f.Message))
	}
	p.expect("short")
}

func TestRights(t *testing.T) {
	elsewhere := alice
	elsewhere.Namespaces = []string{"bob"}
	for _, tc := range []struct {
		name string
		lose func(b *bench, clk *testingclock.FakeClock)
	}{
		{"Revoked", func(b *bench, _ *testingclock.FakeClock) {
			b.identities.change(caller.Identity{}, caller.ErrUnauthenticated)
		}},
		{"RoleTakenAway", func(b *bench, _ *testingclock.FakeClock) { b.identities.change(elsewhere, nil) }},
		{"ExpiredUnnoticed", func(b *bench, clk *testingclock.FakeClock) {
			b.identities.mu.Lock()
			b.identities.err = caller.ErrUnauthenticated
			b.identities.mu.Unlock()
			clk.Step(socket.PingInterval)
		}},
		{"RefusedByTheAPI", func(b *bench, _ *testingclock.FakeClock) {
			b.api.nextLog().fail <- apierrors.NewForbidden(v1alpha1.Resource("containerleases"), "demo", nil)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clk := testingclock.NewFakeClock(begin0)
			b := newBench(t, clk)
			p := b.dial("")
			awaitWaiters(t, clk, tickers)
			tc.lose(b, clk)
			if f := p.expect("no longer"); f.Reason != reasonSignedOut {
				t.Errorf("got %+v, want reason %s", f, reasonSignedOut)
			}
			p.closed(websocket.ClosePolicyViolation)
		})
	}
}

// TestExpiry: the guard wakes when the credential ends, not with its next turn.
func TestExpiry(t *testing.T) {
	clk := testingclock.NewFakeClock(begin0)
	b := newBench(t, clk)
	b.identities.identity.Expires = begin0.Add(3 * time.Second)
	p := b.dial("")
	b.api.nextLog()
	awaitWaiters(t, clk, tickers+1) // and the end of the credential
	b.identities.mu.Lock()
	b.identities.err = caller.ErrUnauthenticated
	b.identities.mu.Unlock()
	clk.Step(3 * time.Second)
	p.expect("no longer")
	p.closed(websocket.ClosePolicyViolation)
}

// TestUnknownRights: an error that says nothing of the right ends nothing.
func TestUnknownRights(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	b.identities.change(caller.Identity{}, errors.New("the issuer is away"))
	b.api.nextLog().send(t, line(1, "stdout", "still here"))
	p.expect("still here")
}

func TestStopping(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	b.api.nextLog()
	close(b.stopping)
	p.expect("stops")
	p.closed(websocket.CloseGoingAway)
}

// TestClientMessages: a viewer has nothing to say.
func TestClientMessages(t *testing.T) {
	for _, size := range []int{0, 1, 10 * socket.ReadLimit, 1 << 20} {
		b := newBench(t, clock.RealClock{})
		p := b.dial("")
		log := b.api.nextLog()
		_ = p.WriteMessage(websocket.TextMessage, make([]byte, size)) // it may be cut off in the middle
		p.expect("takes no messages")
		p.closed(websocket.ClosePolicyViolation)
		select {
		case <-log.gone:
		case <-time.After(patience):
			t.Errorf("a message of %d bytes is no end", size)
		}
	}
}

// TestClientLeaves: whoever closes, politely or not, leaves nothing behind.
func TestClientLeaves(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	polite, rude := b.dial(""), b.dial("")
	logs := []*logRequest{b.api.nextLog(), b.api.nextLog()}
	if err := polite.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")); err != nil {
		t.Fatal(err)
	}
	polite.closed(websocket.CloseNormalClosure)
	_ = rude.Close()
	for _, log := range logs {
		select {
		case <-log.gone:
		case <-time.After(patience):
			t.Error("the log of one who left is still read")
		}
	}
}

func TestPings(t *testing.T) {
	clk := testingclock.NewFakeClock(begin0)
	b := newBench(t, clk)
	p := b.dial("")
	log := b.api.nextLog()
	pings := make(chan struct{}, 100)
	p.SetPingHandler(func(data string) error {
		pings <- struct{}{}
		return p.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	frames := make(chan error, 1)
	go func() {
		_, _, err := p.ReadMessage()
		frames <- err
	}()
	for range 3 {
		select {
		case <-pings:
		case <-time.After(patience):
			t.Fatal("no ping")
		}
		awaitWaiters(t, clk, tickers)
		clk.Step(socket.PingInterval)
	}
	log.send(t, line(1, "stdout", "x"))
	if err := <-frames; err != nil {
		t.Error(err)
	}
}

// TestSilence: a peer that neither answers nor takes anything is given up.
func TestSilence(t *testing.T) {
	clk := testingclock.NewFakeClock(begin0)
	b := newBench(t, clk)
	p := b.dial("")
	log := b.api.nextLog()
	log.send(t, line(1, "stdout", "x"))
	p.expect("x")
	p.SetPingHandler(func(string) error { return nil })
	end := make(chan frame, 1)
	go func() { end <- p.next() }()
	deadline := time.After(patience)
	for {
		select {
		case f := <-end:
			if f.Reason != reasonSilent {
				t.Errorf("got %+v, want reason %s", f, reasonSilent)
			}
			p.closed(websocket.ClosePolicyViolation)
			<-log.gone
			return
		case <-deadline:
			t.Fatal("a silent peer may stay for ever")
		case <-time.After(10 * time.Millisecond):
			clk.Step(socket.PingInterval)
		}
	}
}

// tickers is how many of the clock's a viewer waits for: that of the pings, and that of its right.
const tickers = 2

// awaitWaiters waits until the viewer waits for the clock, in so many places.
func awaitWaiters(t *testing.T, clk *testingclock.FakeClock, count int) {
	t.Helper()
	for end := time.Now().Add(patience); clk.Waiters() < count; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the viewer does not watch the clock")
		}
	}
}

// TestSlowReader: a reader that takes nothing for a while makes the API's stream wait, and no more.
func TestSlowReader(t *testing.T) {
	b := newBench(t, clock.RealClock{})
	p := b.dial("")
	log := b.api.nextLog()
	text := strings.Repeat("x", 1000)
	sent := 0
	for blocked := false; !blocked; {
		select {
		case log.frames <- line(sent, "stdout", text):
			sent++
		case <-time.After(500 * time.Millisecond):
			blocked = true
		}
		if sent > 50_000 {
			t.Fatalf("%d lines of 1 kB have gone somewhere, unread", sent)
		}
	}
	t.Logf("the API waits after %d kB, the kernel's and its own buffers included", sent)
	go func() {
		for range 2000 {
			log.frames <- line(sent, "stdout", text)
			sent++
		}
		close(log.frames)
		b.api.change(finish(v1alpha1.FinishCompleted, 0))
	}()
	n := 0
	for f := p.next(); f.Stream != streamSystem; f = p.next() {
		if want := begin0.Add(time.Duration(n) * time.Second); !f.Timestamp.Equal(want) {
			t.Fatalf("line %d has time %s, want %s", n, f.Timestamp, want)
		}
		n++
	}
	if n != sent {
		t.Errorf("%d lines of %d came", n, sent)
	}
}

// TestDeadReader: one that takes nothing at all is cut off.
func TestDeadReader(t *testing.T) {
	b := newBench(t, clock.RealClock{}, func(c *Config) { c.WriteTimeout = 50 * time.Millisecond })
	b.dial("")
	log := b.api.nextLog()
	text := strings.Repeat("x", 10_000)
	for end := time.After(patience); ; {
		select {
		case log.frames <- line(1, "stdout", text):
		case <-log.gone:
			return
		case <-end:
			t.Fatal("a dead reader may stay for ever")
		}
	}
}
