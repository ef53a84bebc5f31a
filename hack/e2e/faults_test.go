package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// prompt is how soon the API answers whatever is broken behind it.
const prompt = 15 * time.Second

// stillRuns fails the test unless the container of a lease runs.
func (f *fixture) stillRuns(lease *v1alpha1.ContainerLease) {
	f.Helper()
	if !f.containerOf(lease).State.Running {
		f.Errorf("the container of lease %s does not run", lease.Name)
	}
}

// awaitEngineExit waits until the engine says that the container of a lease has ended, and returns when.
func (f *fixture) awaitEngineExit(lease *v1alpha1.ContainerLease) time.Time {
	f.Helper()
	var died time.Time
	f.eventually(fmt.Sprintf("the container of lease %s has ended", lease.Name), func() error {
		for _, run := range f.evidence.Runs(lease.UID) {
			died = run.DiedAt
		}
		if died.IsZero() {
			return fmt.Errorf("it runs")
		}
		return nil
	})
	return died
}

// TestShutdown: SIGTERM ends the server in good order and no container. The next start
// picks them up, and ends what expired in between.
func TestShutdown(t *testing.T) {
	s := startServer(t)
	f := newFixture(t, s)
	stays := f.run(f.lease("stays"))
	expires := f.run(f.lease("expires", ttl("4s")))
	vanishes := f.run(f.lease("vanishes"))
	follow := f.kubectl().start("get", "--raw", f.logPath("stays", "follow=true"))
	watch := f.kubectl().start("get", "leases", "-w")
	watch.until("stays")

	down := time.Now()
	f.must(s.stop(), "stopping the server")
	t.Logf("SIGTERM took %s, with a watch and a follower connected", time.Since(down).Round(time.Millisecond))
	follow.cancel()
	f.stillRuns(stays)
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.engine.ContainerRemove(ctx, f.containerOf(vanishes).ID, container.RemoveOptions{Force: true}), "removing a container")
	f.eventually("a lease expires while nobody is there", func() error {
		if left := time.Until(expires.Status.ExpirationTime.Add(time.Second)); left > 0 {
			return fmt.Errorf("not for %s", left)
		}
		return nil
	})
	f.stillRuns(expires)

	s.mustStart(t)
	up := time.Now()
	f.audit.Outages = append(f.audit.Outages, Outage{down, up})
	if late := f.awaitEngineExit(expires).Sub(up); late > afterRecovery {
		t.Errorf("what expired meanwhile ended %s after the start, want at most %s", late, afterRecovery)
	}
	f.awaitBilled(expires, v1alpha1.FinishExpired)
	// Nobody saw the end of it.
	if _, record := f.awaitBilled(vanishes, v1alpha1.FinishLost); !record.Spec.Estimated {
		t.Error("the bill of a container that vanished is not estimated")
	}
	f.stillRuns(stays)
	if runs := f.evidence.Runs(stays.UID); len(runs) != 1 {
		t.Errorf("the container of lease stays ran %d times, want once", len(runs))
	}
	// It is in hand again, and not only alive.
	stays = f.change(stays, ttl("1s"))
	f.awaitBilled(stays, v1alpha1.FinishExpired)
}

// storeAway is in the error lines of a server whose Redis is away: of controllers that cannot write, and
// of requests that ran out of time.
var storeAway = []string{"edis", "unavailable", "timeout", "deadline", "TooManyRequests"}

// TestRedisAway: without Redis, reads go on, writes say 503, and leases expire. Once it is
// back, everything is written down.
func TestRedisAway(t *testing.T) {
	for _, tc := range []struct {
		name       string
		take, give func(*redisServer, *testing.T)
	}{
		{"Killed", (*redisServer).kill, (*redisServer).start},
		{
			"Hanging",
			func(r *redisServer, t *testing.T) { r.signal(t, syscall.SIGSTOP) },
			func(r *redisServer, t *testing.T) { r.signal(t, syscall.SIGCONT) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			redis := startRedis(t)
			s := startServer(t, withRedis(redis.url()), expectErrors(storeAway...))
			f := newFixture(t, s)
			stays := f.run(f.lease("stays"))
			expires := f.run(f.lease("expires", ttl("6s")))

			tc.take(redis, t)
			f.expectReadsWithoutRedis(stays)
			f.expectWritesRefused()
			died := f.awaitEngineExit(expires)
			if lag := died.Sub(expires.Status.ExpirationTime.Time); lag < 0 || lag > expirySlack {
				t.Errorf("without Redis, a lease ended %s after its time, want at most %s", lag, expirySlack)
			}
			f.stillRuns(stays)
			if status, _ := s.probe("/healthz"); status != 200 {
				t.Errorf("/healthz answers %d without Redis", status)
			}

			tc.give(redis, t)
			f.awaitBilled(expires, v1alpha1.FinishExpired)
			f.eventually("the server is ready again", func() error {
				if status, body := s.probe("/readyz?verbose"); status != 200 {
					return fmt.Errorf("/readyz answers %d %s", status, body)
				}
				return nil
			})
			stays = f.change(stays, ttl("1s"))
			f.awaitBilled(stays, v1alpha1.FinishExpired)
		})
	}
}

// expectReadsWithoutRedis reads what the server has in memory.
func (f *fixture) expectReadsWithoutRedis(lease *v1alpha1.ContainerLease) {
	f.Helper()
	start := time.Now()
	var leases v1alpha1.ContainerLeaseList
	ctx, cancel := f.context()
	defer cancel()
	err := f.api.List(ctx, &leases, inNamespace(f.namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}})
	if err != nil || len(leases.Items) != 2 {
		f.Errorf("listing without Redis: %v, %d leases", err, len(leases.Items))
	}
	var one v1alpha1.ContainerLease
	err = f.api.Get(ctx, client.ObjectKeyFromObject(lease), &one, &client.GetOptions{Raw: &metav1.GetOptions{ResourceVersion: "0"}})
	if err != nil || one.UID != lease.UID {
		f.Errorf("reading without Redis: %v", err)
	}
	if took := time.Since(start); took > prompt {
		f.Errorf("reading without Redis took %s", took)
	}
	// A person is shown what was last known, and told so.
	start = time.Now()
	stdout, stderr, err := f.kubectl().try("", "get", "leases")
	if err != nil || !strings.Contains(stdout, lease.Name) || !strings.Contains(stderr, "Warning: Redis is unreachable") {
		f.Errorf("kubectl get without Redis: %v: %s%s", err, stdout, stderr)
	}
	if took := time.Since(start); took > 2*prompt {
		f.Errorf("kubectl get without Redis took %s", took)
	}
}

func (f *fixture) expectWritesRefused() {
	f.Helper()
	start := time.Now()
	ctx, cancel := f.context()
	defer cancel()
	err := f.api.Create(ctx, f.lease("refused"))
	if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), "Redis") {
		f.Errorf("creating without Redis: %v; want 503 that names Redis", err)
	}
	if took := time.Since(start); took > prompt {
		f.Errorf("refusing a write took %s", took)
	}
}

// TestOwnRedisDies: a server restarts the Redis it owns, and nothing acknowledged is lost.
func TestOwnRedisDies(t *testing.T) {
	s := startServer(t, expectErrors(storeAway...))
	f := newFixture(t, s)
	lease := f.run(f.lease("survivor"))
	children, err := childrenOf(s.cmd.Process.Pid, "redis-server")
	f.must(err, "looking for the server's Redis")
	if len(children) != 1 {
		t.Fatalf("the server has %d redis-server children, want 1", len(children))
	}
	f.must(syscall.Kill(children[0], syscall.SIGKILL), "killing the server's Redis")
	f.eventually("leases can be written again", func() error {
		ctx, cancel := f.context()
		defer cancel()
		after := f.lease("after", ttl("1s"))
		if err := f.api.Create(ctx, after); err != nil {
			return err
		}
		f.acknowledge(after)
		return nil
	})
	f.awaitBilled(f.byName("after"), v1alpha1.FinishExpired)
	f.await(lease, "ready", isTrue(v1alpha1.ConditionReady))
	f.stillRuns(lease)
	// A server that was stopped in good order leaves no Redis behind.
	f.kubectl().run("delete", "lease", "survivor")
	f.must(s.stop(), "stopping the server")
	if _, err := os.Stat(filepath.Join("/proc", fmt.Sprint(children[0]))); err == nil {
		t.Error("the first Redis still runs")
	}
	s.mustStart(t)
}

// TestEngineHangs: while Docker does not answer, the API does, and what was to be done is done afterwards.
func TestEngineHangs(t *testing.T) {
	proxy := newEngineProxy(t)
	s := startServer(t, withEngine(proxy.host()), expectErrors("unavailable", "deadline", "engine", "timeout"))
	f := newFixture(t, s)
	deleted := f.run(f.lease("deleted"))
	expires := f.run(f.lease("expires", ttl("5s")))

	from := time.Now()
	proxy.hang()
	start := time.Now()
	ctx, cancel := f.context()
	defer cancel()
	waiting := f.create(f.lease("waiting"))
	f.must(f.api.Delete(ctx, deleted), "deleting a lease")
	extended := f.change(waiting, ttl("20m"))
	f.kubectl().run("get", "leases")
	if took := time.Since(start); took > prompt {
		t.Errorf("four requests took %s while the engine hung", took)
	}
	logs := time.Now()
	if _, stderr, err := f.kubectl().try("", "get", "--raw", f.logPath("expires", "")); err == nil {
		t.Error("a log could be read from an engine that hangs")
	} else if took := time.Since(logs); took > 2*prompt {
		t.Errorf("refusing a log took %s: %s", took, stderr)
	}
	f.await(extended, "waiting for the engine, and says so", func(l *v1alpha1.ContainerLease) bool {
		c := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionProvisioned)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == v1alpha1.ReasonEngineUnavailable
	})
	if status, _ := s.probe("/healthz"); status != 200 {
		t.Errorf("/healthz answers %d while the engine hangs", status)
	}

	proxy.release()
	f.audit.Outages = append(f.audit.Outages, Outage{from, time.Now()})
	released := time.Now()
	if late := f.awaitEngineExit(expires).Sub(released); late > afterRecovery {
		t.Errorf("what expired meanwhile ended %s after the engine came back, want at most %s", late, afterRecovery)
	}
	f.awaitBilled(expires, v1alpha1.FinishExpired)
	f.await(waiting, "ready", isTrue(v1alpha1.ConditionReady))
	f.eventually("the deleted lease is gone", func() error {
		if _, err := f.get(deleted); !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading it says: %v", err)
		}
		return nil
	})
	if record := f.record(deleted); record.Spec.FinishReason != v1alpha1.FinishDeleted {
		t.Errorf("the deleted lease is billed as %s", record.Spec.FinishReason)
	}
}

// TestNeighbours: two servers on one engine leave each other's containers alone, even while the other
// is down, and a data directory is used by one at a time.
func TestNeighbours(t *testing.T) {
	a := startServer(t)
	f := newFixture(t, a)
	mine := f.run(f.lease("mine"))

	b := startServer(t)
	g := newFixture(t, b)
	yours := g.run(g.lease("yours"))
	// A collector has been at work once it has removed an orphan of its own.
	f.awaitCollected(
		f.orphanOf(a, "00000000-0000-4000-8000-00000000000a"),
		g.orphanOf(b, "00000000-0000-4000-8000-00000000000b"))
	f.stillRuns(mine)
	g.stillRuns(yours)

	out, err := exec.Command(binaries.containerlease, "serve", "--data-dir", a.dir, "--api-address", "127.0.0.1:0", "--address", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another containerlease server uses it") {
		t.Errorf("a second server on one data directory: %v\n%s", err, out)
	}
	f.stillRuns(mine)

	from := time.Now()
	a.kill(t)
	g.awaitCollected(g.orphanOf(b, "00000000-0000-4000-8000-00000000000c"))
	f.stillRuns(mine)
	a.mustStart(t)
	f.audit.Outages = append(f.audit.Outages, Outage{from, time.Now()})
	mine = f.change(mine, ttl("1s"))
	_, record := f.awaitBilled(mine, v1alpha1.FinishExpired)
	if record.Spec.Estimated {
		t.Error("the end of the lease was not seen")
	}
}

// awaitCollected waits until orphans are gone.
func (f *fixture) awaitCollected(orphans ...string) {
	f.Helper()
	f.within(strayAge+10*time.Second, "the orphans are gone", func() error {
		ctx, cancel := f.context()
		defer cancel()
		for _, id := range orphans {
			if _, err := f.engine.ContainerInspect(ctx, id); !cerrdefs.IsNotFound(err) {
				return fmt.Errorf("container %.12s: %v", id, err)
			}
		}
		return nil
	})
}

// orphanOf makes a container as the server would have made it for a lease that does not exist.
func (f *fixture) orphanOf(s *server, uid string) string {
	f.Helper()
	id, err := os.ReadFile(filepath.Join(s.dir, "instance-id"))
	f.must(err, "reading the server's instance ID")
	return f.foreign("containerlease-"+uid, map[string]string{
		v1alpha1.LabelNamespace: "nowhere", v1alpha1.LabelName: "nobody", v1alpha1.LabelUID: uid,
		"containerlease.dev/instance": strings.TrimSpace(string(id)),
	}, true)
}

// TestGraceWhileRedisIsAway is the hard case of expiry: a container that ignores the signal has to be
// killed by a server that can write nothing.
func TestGraceWhileRedisIsAway(t *testing.T) {
	redis := startRedis(t)
	s := startServer(t, withRedis(redis.url()), expectErrors(storeAway...))
	f := newFixture(t, s)
	stubborn := f.run(f.lease("stubborn", ttl("4s"), script("trap '' TERM; while true; do sleep 1; done"),
		func(l *v1alpha1.ContainerLease) { l.Spec.TerminationGracePeriodSeconds = ptr.To[int64](2) }))
	redis.kill(t)
	died := f.awaitEngineExit(stubborn)
	if late := died.Sub(stubborn.Status.ExpirationTime.Time); late > expirySlack+2*time.Second {
		t.Errorf("it ended %s after its time, want at most its grace period of 2s and %s", late, expirySlack)
	}
	redis.start(t)
	f.awaitBilled(stubborn, v1alpha1.FinishExpired)
}
