package door

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/web/gateway/caller"
)

func TestTickets(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	ts := newTickets(clk)
	alice := caller.Caller{Identity: caller.Identity{User: "alice"}, Credential: "secret of alice"}
	bob := caller.Caller{Identity: caller.Identity{User: "bob"}, Credential: "secret of bob"}
	issue := func(who caller.Caller) string {
		t.Helper()
		secret, expires, ok := ts.issue(who)
		if !ok || expires.Sub(clk.Now()) > 30*time.Second || len(secret) < 26 {
			t.Fatalf("got %q until %s, %t", secret, expires, ok)
		}
		return secret
	}

	once := issue(alice)
	if got := ts.redeem(once); got != alice.Credential {
		t.Errorf("the first time: %q", got)
	}
	if got := ts.redeem(once); got != "" {
		t.Errorf("the second time: %q", got)
	}
	if got := ts.redeem("made up"); got != "" {
		t.Errorf("made up: %q", got)
	}

	late := issue(alice)
	clk.Step(30 * time.Second)
	if got := ts.redeem(late); got != "" {
		t.Errorf("too late: %q", got)
	}

	for range maxTickets {
		issue(alice)
	}
	if _, _, ok := ts.issue(alice); ok {
		t.Error("there is no bound")
	}
	if got := ts.redeem(issue(bob)); got != bob.Credential {
		t.Errorf("somebody else's: %q", got)
	}
	clk.Step(ticketLifetime)
	issue(alice)
	if n := len(ts.issued); n != 1 {
		t.Errorf("%d tickets are kept, most of them expired", n)
	}
}
