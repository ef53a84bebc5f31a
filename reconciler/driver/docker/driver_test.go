package docker_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

// TestMain checks that no stream, stop or pull leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestUnverifiedContainerIsNotAdopted: a process may die between creating and verifying.
func TestUnverifiedContainerIsNotAdopted(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("sleep 3600")
	loose, err := f.cli.ContainerCreate(f.ctx(),
		&container.Config{Image: spec.Image, Cmd: []string{"/bin/sleep", "3600"}, Labels: spec.Owner.Labels()},
		&container.HostConfig{Privileged: true}, nil, nil, driver.ContainerName(spec.Owner.UID))
	if err != nil {
		t.Fatalf("creating a container without limits: %v", err)
	}
	created, err := f.Create(f.ctx(), spec)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if created.ID == loose.ID || f.inspect(spec.Owner.UID).HostConfig.Privileged {
		t.Error("Create adopted a privileged container")
	}
}

func TestRenamedContainerIsStillTheOwners(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("sleep 3600")
	running := f.run(spec)
	if err := f.cli.ContainerRename(f.ctx(), running.ID, "renamed-"+spec.Owner.UID); err != nil {
		t.Fatalf("renaming: %v", err)
	}
	if got := f.observe(spec.Owner.UID); got.ID != running.ID {
		t.Errorf("Observe: got %s, want %s", got.ID, running.ID)
	}
	adopted, err := f.Create(f.ctx(), spec)
	if err != nil || adopted.ID != running.ID {
		t.Errorf("Create: got %+v (%v), want %s", adopted, err, running.ID)
	}
}

func TestConcurrentCreatesMakeOneContainer(t *testing.T) {
	f := newFixture(t, docker.Options{})
	other := newDriver(t, docker.Options{})
	spec := f.spec("sleep 3600")
	var mu sync.Mutex
	ids := map[string]bool{}
	var all sync.WaitGroup
	for i := range 6 {
		d := []*docker.Driver{f.Driver, other}[i%2]
		all.Go(func() {
			var created *driver.Container
			f.eventually("Create succeeds", func() bool {
				var err error
				created, err = d.Create(f.ctx(), spec)
				if errors.Is(err, driver.ErrConflict) {
					t.Errorf("Create: got %v about a container that is the owner's", err)
				}
				return err == nil
			})
			mu.Lock()
			defer mu.Unlock()
			ids[created.ID] = true
		})
	}
	all.Wait()
	if len(ids) != 1 {
		t.Errorf("%d containers", len(ids))
	}
}

// TestShrinkBelowUse: the kernel would refuse, or kill.
func TestShrinkBelowUse(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("dd if=/dev/zero of=/dev/shm/held bs=1M count=40 2>/dev/null; echo held; sleep 3600")
	running := f.run(spec)
	f.eventually("the memory is in use", func() bool {
		stdout, _ := f.logs(spec.Owner.UID, driver.LogOptions{Tail: -1})
		return stdout == "held\n"
	})
	err := f.Resize(f.ctx(), spec.Owner.UID, driver.Limits{MilliCPU: 500, MemoryBytes: 24 << 20})
	if !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("Resize below what is in use: got %v, want ErrInvalid", err)
	}
	if got := f.observe(spec.Owner.UID); got.Limits != running.Limits || got.State != driver.StateRunning {
		t.Errorf("after a refused resize: %+v", got)
	}
	if err := f.Resize(f.ctx(), spec.Owner.UID, driver.Limits{MilliCPU: 500, MemoryBytes: 56 << 20}); err != nil {
		t.Errorf("Resize above what is in use: %v", err)
	}
}

// TestMistakesAreInvalid: the engine calls them breakdowns of its own, and would be asked for ever.
func TestMistakesAreInvalid(t *testing.T) {
	for name, mistake := range map[string]func(*driver.ContainerSpec){
		"NoSuchUser":           func(s *driver.ContainerSpec) { s.User = "nosuchuser" },
		"WorkingDirIsAFile":    func(s *driver.ContainerSpec) { s.WorkingDir = "/bin/sh" },
		"WorkingDirUnderAFile": func(s *driver.ContainerSpec) { s.WorkingDir = "/bin/sh/here" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, docker.Options{})
			spec := f.spec("sleep 3600")
			mistake(&spec)
			_, err := f.Create(f.ctx(), spec)
			if err == nil {
				err = f.Start(f.ctx(), spec.Owner.UID)
			}
			if !errors.Is(err, driver.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

// TestCloseAbandonsStops: a shutdown doesn't wait for other people's grace periods.
func TestCloseAbandonsStops(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("trap '' TERM; sleep 3600")
	f.run(spec)
	stopper := newDriver(t, docker.Options{})
	if err := stopper.Stop(f.ctx(), spec.Owner.UID, time.Hour); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- stopper.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("Close: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Close waits for the grace period")
	}
}

func (f *fixture) isolatedNetworks(name string) []network.Summary {
	f.Helper()
	ctx, cancel := drivertest.Context(f)
	defer cancel()
	networks, err := f.cli.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("name", name))})
	if err != nil {
		f.Fatalf("listing networks: %v", err)
	}
	return networks
}

// ownNetwork gives the test a network name that nobody else uses.
func (f *fixture) ownNetwork() string {
	name := "containerlease-test-" + uuid.NewString()
	f.SetIsolatedNetwork(name)
	f.Cleanup(func() {
		ctx, cancel := drivertest.Context(f)
		defer cancel()
		for _, n := range f.isolatedNetworks(name) {
			if err := f.cli.NetworkRemove(ctx, n.ID); err != nil {
				f.Errorf("removing a network: %v", err)
			}
		}
	})
	return name
}

// TestIsolatedNetworkIsMadeOnce: by drivers in several processes, who know nothing of each other.
func TestIsolatedNetworkIsMadeOnce(t *testing.T) {
	f := newFixture(t, docker.Options{})
	name := f.ownNetwork()
	var all sync.WaitGroup
	for range 4 {
		d := newDriver(t, docker.Options{})
		d.SetIsolatedNetwork(name)
		spec := f.spec("sleep 3600")
		all.Go(func() {
			if _, err := d.Create(f.ctx(), spec); err != nil {
				t.Errorf("Create: %v", err)
			}
		})
	}
	all.Wait()
	networks := f.isolatedNetworks(name)
	if len(networks) != 1 {
		t.Fatalf("%d networks", len(networks))
	}
	if _, owned := driver.IdentityOf(networks[0].Labels); owned || networks[0].Labels[driver.LabelManaged] != "true" {
		t.Errorf("labels: %v", networks[0].Labels)
	}
}

// TestIsolatedNetworkIsMadeAgain: an administrator's prune takes it while nothing runs.
func TestIsolatedNetworkIsMadeAgain(t *testing.T) {
	f := newFixture(t, docker.Options{})
	name := f.ownNetwork()
	spec := f.spec("sleep 3600")
	if _, err := f.Create(f.ctx(), spec); err != nil {
		t.Fatalf("Create: %v", err)
	}
	if err := f.cli.NetworkRemove(f.ctx(), name); err != nil {
		t.Fatalf("removing the network: %v", err)
	}
	err := f.Start(f.ctx(), spec.Owner.UID)
	if errors.Is(err, driver.ErrNotFound) {
		t.Fatalf("Start: got %v, which says that the container is gone", err)
	}
	if err := f.Start(f.ctx(), spec.Owner.UID); err != nil {
		t.Fatalf("second Start: %v", err)
	}
	if got := f.observe(spec.Owner.UID); got.State != driver.StateRunning {
		t.Errorf("state %s", got.State)
	}
	if err := f.Remove(f.ctx(), spec.Owner.UID); err != nil { // before the network
		t.Errorf("Remove: %v", err)
	}
}

func TestForeignNetworkOfTheSameName(t *testing.T) {
	f := newFixture(t, docker.Options{})
	name := f.ownNetwork()
	if _, err := f.cli.NetworkCreate(f.ctx(), name, network.CreateOptions{Driver: "bridge"}); err != nil {
		t.Fatalf("creating a network: %v", err)
	}
	if _, err := f.Create(f.ctx(), f.spec("sleep 3600")); !errors.Is(err, driver.ErrConflict) {
		t.Errorf("Create: got %v, want ErrConflict", err)
	}
	if len(f.isolatedNetworks(name)) != 1 {
		t.Error("the foreign network is gone")
	}
}

func TestPullFromARegistryThatWantsCredentials(t *testing.T) {
	f := newFixture(t, docker.Options{})
	ref := f.registry.Host + "/" + drivertest.Unauthorized + "/image:latest"
	if _, err := f.PullImage(f.ctx(), ref, nil); !errors.Is(err, driver.ErrDenied) {
		t.Errorf("PullImage: got %v, want ErrDenied", err)
	}
}

func TestDigestOfAPulledImage(t *testing.T) {
	f := newFixture(t, docker.Options{})
	ref, digest := f.registry.Push(t, "test/"+uuid.NewString())
	f.removeImageLater(t, ref)
	pulled, err := f.PullImage(f.ctx(), ref, nil)
	if err != nil {
		t.Fatalf("PullImage: %v", err)
	}
	if pulled.Digest != digest {
		t.Errorf("digest %s, pushed was %s", pulled.Digest, digest)
	}
}

func TestCallDuration(t *testing.T) {
	durations := docker.NewCallDuration()
	d := newDriver(t, docker.Options{CallDuration: durations})
	if _, err := d.Info(t.Context()); err != nil {
		t.Fatalf("Info: %v", err)
	}
	if _, err := d.Observe(t.Context(), "nobody"); !errors.Is(err, driver.ErrNotFound) {
		t.Fatalf("Observe: %v", err)
	}
	if got := testutil.CollectAndCount(durations); got != 2 {
		t.Errorf("%d series, want info/ok and observe/not_found", got)
	}
}

func TestNewRefusesABadHost(t *testing.T) {
	if _, err := docker.New(docker.Options{Host: "nonsense"}); err == nil {
		t.Error("New: no error")
	}
}

func TestHostFromTheEnvironment(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	_, err := newDriver(t, docker.Options{}).Info(t.Context())
	if !errors.Is(err, driver.ErrUnavailable) || !strings.Contains(err.Error(), os.Getenv("DOCKER_HOST")) {
		t.Errorf("Info: got %v, want ErrUnavailable that names the socket", err)
	}
}

// BenchmarkCreateStart compares with the bare client: the same container without the checks, and
// one that is confined by nothing.
func BenchmarkCreateStart(b *testing.B) {
	cli := drivertest.Client(b)
	drivertest.EnsureTestImage(b, cli)
	d := newDriver(b, docker.Options{})
	ctx := context.Background()
	spec := driver.ContainerSpec{
		Image: drivertest.Image, Command: []string{"/bin/sleep", "3600"},
		Limits: driver.Limits{MilliCPU: 500, MemoryBytes: 64 << 20}, PidsLimit: 64, Network: driver.NetworkIsolated,
	}
	bare := func(config *container.Config, host *container.HostConfig, uid string) error {
		created, err := cli.ContainerCreate(ctx, config, host, nil, nil, driver.ContainerName(uid))
		if err != nil {
			return err
		}
		return cli.ContainerStart(ctx, created.ID, container.StartOptions{})
	}
	for _, bench := range []struct {
		name string
		run  func(driver.ContainerSpec) error
	}{
		{"Driver", func(spec driver.ContainerSpec) error {
			if _, err := d.Create(ctx, spec); err != nil {
				return err
			}
			return d.Start(ctx, spec.Owner.UID)
		}},
		{"ClientSameContainer", func(spec driver.ContainerSpec) error {
			config, host := d.Request(spec)
			return bare(config, host, spec.Owner.UID)
		}},
		{"ClientUnconfined", func(spec driver.ContainerSpec) error {
			return bare(&container.Config{Image: spec.Image, Cmd: spec.Command}, nil, spec.Owner.UID)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				spec.Owner = driver.Identity{Namespace: "bench", Name: "lease", UID: uuid.NewString()}
				if err := bench.run(spec); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := cli.ContainerRemove(ctx, driver.ContainerName(spec.Owner.UID), container.RemoveOptions{Force: true}); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
