package door

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestBuckets(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	b := newBuckets(10, 3, clk)
	for i := range 3 {
		if wait := b.take("a"); wait != 0 {
			t.Fatalf("request %d of the burst has to wait %s", i, wait)
		}
	}
	for range 2 { // who is refused is not charged
		if wait := b.take("a"); wait != 100*time.Millisecond {
			t.Fatalf("after the burst: wait %s, want 100ms", wait)
		}
	}
	if wait := b.take("b"); wait != 0 {
		t.Errorf("somebody else has to wait %s", wait)
	}
	clk.Step(100 * time.Millisecond)
	if first, second := b.take("a"), b.take("a"); first != 0 || second == 0 {
		t.Errorf("after the wait: %s and %s, want one request through", first, second)
	}
	for i := range 2 * maxBuckets {
		b.take(fmt.Sprint(i))
	}
	if n := b.byKey.Len(); n > maxBuckets {
		t.Errorf("%d buckets are remembered", n)
	}
}

func TestAddressKey(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":                "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":       "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1":      "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1":              "fe80::/64",
		"@":                             "",
		"[2001:db8:1:2:ffff::1%lo]:443": "2001:db8:1:2::/64",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := addressKey(r); got != want {
			t.Errorf("%s: got %q, want %q", remote, got, want)
		}
	}
}

func TestRetryAfterIsWholeSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int{time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, 30 * time.Second: 30} {
		if got := tooMany(wait).RetryAfter; got != want {
			t.Errorf("%s: got %d, want %d", wait, got, want)
		}
	}
}
