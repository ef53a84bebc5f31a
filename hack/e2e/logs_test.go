package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// logPath is the log subresource of a lease.
func (f *fixture) logPath(lease, query string) string {
	return fmt.Sprintf("/apis/containerlease.dev/v1alpha1/namespaces/%s/containerleases/%s/log?%s", f.namespace, lease, query)
}

// TestLogs reads and follows the output of a container, by kubectl and by leasectl.
func TestLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	// Three lines at once, and one each time somebody asks for it.
	lease := f.run(f.lease("talker", script(
		"echo one; echo two >&2; echo three",
		"trap 'echo bye; exit 0' TERM",
		"n=0; while true; do if [ -e /tmp/next ]; then rm /tmp/next; n=$((n+1)); echo tick $n; fi; sleep 0.1; done")))
	all := f.kubectl()
	f.eventually("all lines are there", func() error {
		if out := all.run("get", "--raw", f.logPath("talker", "")); strings.Count(out, "\n") != 3 {
			return fmt.Errorf("they are %q", out)
		}
		return nil
	})
	lines := func(query string) []string {
		return strings.Split(strings.TrimRight(all.run("get", "--raw", f.logPath("talker", query)), "\n"), "\n")
	}
	if got := lines("tailLines=1"); len(got) != 1 {
		t.Errorf("tailLines=1 gives %q", got)
	}
	got := lines("")
	slices.Sort(got)
	if want := []string{"one", "three", "two"}; !slices.Equal(got, want) {
		t.Errorf("the log is %q, want %q", got, want)
	}
	stamped := lines("timestamps=true")
	// The two streams are read apart, so that the last line need not be the latest.
	var latest time.Time
	for _, line := range stamped {
		stamp, _, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		// The engine notes the start once the command has begun, which may have said something by then.
		if err != nil || at.Before(lease.CreationTimestamp.Time) {
			t.Errorf("line %q has no time of the run: %v", line, err)
		}
		if at.After(latest) {
			latest = at
		}
	}

	follow := all.start("get", "--raw", f.logPath("talker", "follow=true&timestamps=true&tailLines=1"))
	ours := f.leasectl().start("logs", "-f", "--tail=1", "talker")
	f.exec(lease, "touch", "/tmp/next")
	follow.until("tick 1")
	ours.until("tick 1")

	since := latest.Add(time.Nanosecond).Format(time.RFC3339Nano)
	if got := lines("sinceTime=" + since); !slices.Equal(got, []string{"tick 1"}) {
		t.Errorf("since the three lines there is %q, want tick 1", got)
	}
	// Followers end with the container.
	f.kubectl().run("delete", "lease", "talker", "--wait=false")
	if end := follow.rest(); !slices.ContainsFunc(end, func(l string) bool { return strings.HasSuffix(l, " bye") }) {
		t.Errorf("the last lines are %q, want bye", end)
	}
	if end := ours.rest(); !slices.Contains(end, "bye") {
		t.Errorf("leasectl's last lines are %q, want bye", end)
	}
	for query, message := range map[string]string{"tailLines=-5": "tailLines", "sinceTime=yesterday": "sinceTime", "follow=maybe": "follow"} {
		contains(t, query, all.fail("get", "--raw", f.logPath("talker", query)), message)
	}
	contains(t, "the log of nobody", all.fail("get", "--raw", f.logPath("nobody", "")), "not found")
	f.create(f.lease("idle", func(l *v1alpha1.ContainerLease) { l.Spec.OperatingMode = v1alpha1.OperatingModeSuspended }))
	contains(t, "the log of what never ran", all.fail("get", "--raw", f.logPath("idle", "")), "no log")
	f.awaitBilled(f.create(f.lease("brief", script("echo hello"))), v1alpha1.FinishCompleted)
	contains(t, "the log of what is gone", all.fail("get", "--raw", f.logPath("brief", "")), "is gone")
}

// TestFollowersThatLeave leave nothing behind: the server's goroutines do not grow with them.
func TestFollowersThatLeave(t *testing.T) {
	s := startServer(t)
	f := newFixture(t, s)
	f.run(f.lease("quiet"))
	before := s.goroutines(t)
	for range 20 {
		follow := f.kubectl().start("get", "--raw", f.logPath("quiet", "follow=true"))
		follow.cancel()
	}
	f.eventually("the goroutines are as few as before", func() error {
		if now := s.goroutines(t); now > before+10 {
			return fmt.Errorf("%d before, %d now", before, now)
		}
		return nil
	})
}

// goroutines reads the server's own metric.
func (s *server) goroutines(t *testing.T) int {
	t.Helper()
	_, metrics := s.probe("/metrics")
	for line := range strings.SplitSeq(metrics, "\n") {
		var n int
		if _, err := fmt.Sscanf(line, "go_goroutines %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("the server's metrics have no go_goroutines")
	return 0
}
