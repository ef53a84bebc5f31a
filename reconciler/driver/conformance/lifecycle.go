package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func testInfo(f *fixture) {
	info, err := f.Info(f.ctx())
	if err != nil {
		f.Fatalf("Info: %v", err)
	}
	if info.Name == "" || info.Version == "" || info.APIVersion == "" || info.CPUs <= 0 || info.Memory <= 0 {
		f.Errorf("Info leaves out something: %+v", info)
	}
}

func testObserveNotFound(f *fixture) {
	if _, err := f.Observe(f.ctx(), uuid.NewString()); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("Observe: got %v, want ErrNotFound", err)
	}
}

func testCreate(f *fixture) {
	spec := f.spec(Program{})
	created := f.create(spec)
	image, err := f.ImageExists(f.ctx(), spec.Image)
	if err != nil {
		f.Fatalf("ImageExists: %v", err)
	}
	info, err := f.Info(f.ctx())
	if err != nil {
		f.Fatalf("Info: %v", err)
	}
	want := driver.Container{
		ID:          created.ID,
		Engine:      info.Name,
		Name:        driver.ContainerName(spec.Owner.UID),
		Owner:       spec.Owner,
		Image:       spec.Image,
		ImageDigest: image.Digest,
		State:       driver.StateCreated,
		CreatedAt:   created.CreatedAt,
		Limits:      spec.Limits,
	}
	if diff := cmp.Diff(want, *created); diff != "" {
		f.Errorf("Create (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(created, f.observe(spec.Owner.UID)); diff != "" {
		f.Errorf("Observe differs from Create (-created +observed):\n%s", diff)
	}
	if created.ID == "" || created.CreatedAt.IsZero() {
		f.Errorf("Create leaves out the ID or the time: %+v", created)
	}
}

func testAdoption(f *fixture) {
	spec := f.spec(Program{})
	first := f.create(spec)
	if diff := cmp.Diff(first, f.create(spec)); diff != "" {
		f.Errorf("second Create (-first +second):\n%s", diff)
	}
}

func testAdoptionRunning(f *fixture) {
	spec := f.spec(Program{})
	f.create(spec)
	f.start(spec.Owner.UID)
	running := f.observe(spec.Owner.UID)
	spec.Limits.MilliCPU *= 2 // what is there is returned as it is
	if diff := cmp.Diff(running, f.create(spec)); diff != "" {
		f.Errorf("second Create (-running +adopted):\n%s", diff)
	}
}

func testForeignName(f *fixture) {
	for _, test := range []struct {
		name   string
		labels func(driver.Identity) map[string]string
	}{
		{"NoLabels", func(driver.Identity) map[string]string { return nil }},
		{"OneLabel", func(id driver.Identity) map[string]string { return map[string]string{driver.LabelUID: id.UID} }},
	} {
		spec := f.spec(Program{})
		foreign := f.AddForeign(f.T, driver.ContainerName(spec.Owner.UID), test.labels(spec.Owner))
		if _, err := f.Create(f.ctx(), spec); !errors.Is(err, driver.ErrConflict) {
			f.Errorf("%s: Create: got %v, want ErrConflict", test.name, err)
		}
		if !f.Running(f.T, foreign) {
			f.Errorf("%s: the foreign container no longer runs", test.name)
		}
	}
}

func testForeignOwner(f *fixture) {
	spec := f.spec(Program{})
	f.create(spec)
	spec.Owner.Name = "other"
	if _, err := f.Create(f.ctx(), spec); !errors.Is(err, driver.ErrConflict) {
		f.Errorf("Create: got %v, want ErrConflict", err)
	}
}

func testCreateNoImage(f *fixture) {
	spec := f.spec(Program{})
	spec.Image = "localhost/containerlease/absent:" + uuid.NewString()
	if _, err := f.Create(f.ctx(), spec); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("Create: got %v, want ErrNotFound", err)
	}
}

func testCreateInvalid(f *fixture) {
	for _, test := range []struct {
		name   string
		change func(*driver.ContainerSpec)
	}{
		{"NoNamespace", func(s *driver.ContainerSpec) { s.Owner.Namespace = "" }},
		{"UIDWithASlash", func(s *driver.ContainerSpec) { s.Owner.UID = "../" + s.Owner.UID }},
		{"NoImage", func(s *driver.ContainerSpec) { s.Image = "" }},
		{"NoCPULimit", func(s *driver.ContainerSpec) { s.Limits.MilliCPU = 0 }},
		{"NoMemoryLimit", func(s *driver.ContainerSpec) { s.Limits.MemoryBytes = 0 }},
		{"NoPidsLimit", func(s *driver.ContainerSpec) { s.PidsLimit = 0 }},
		{"UnknownNetwork", func(s *driver.ContainerSpec) { s.Network = "host" }},
		{"PortWithoutNetwork", func(s *driver.ContainerSpec) {
			s.Ports = []driver.Port{{ContainerPort: 80, Protocol: "tcp"}}
		}},
		{"UnknownProtocol", func(s *driver.ContainerSpec) {
			s.Network, s.Ports = driver.NetworkIsolated, []driver.Port{{ContainerPort: 80, Protocol: "icmp"}}
		}},
		{"EnvWithoutName", func(s *driver.ContainerSpec) { s.Env = []driver.EnvVar{{Value: "x"}} }},
	} {
		spec := f.spec(Program{})
		test.change(&spec)
		if _, err := f.Create(f.ctx(), spec); !errors.Is(err, driver.ErrInvalid) {
			f.Errorf("%s: Create: got %v, want ErrInvalid", test.name, err)
		}
	}
}

func testStart(f *fixture) {
	running := f.run(Program{})
	if running.State != driver.StateRunning || running.StartedAt.Before(running.CreatedAt) || !running.FinishedAt.IsZero() {
		f.Fatalf("after Start: %+v", running)
	}
	f.start(running.Owner.UID)
	if diff := cmp.Diff(running, f.observe(running.Owner.UID)); diff != "" {
		f.Errorf("second Start changed something (-first +second):\n%s", diff)
	}
}

func testRestart(f *fixture) {
	uid := f.run(Program{}).Owner.UID
	if err := f.Stop(f.ctx(), uid, 5*time.Second); err != nil {
		f.Fatalf("Stop: %v", err)
	}
	stopped := f.exited(uid)
	f.start(uid)
	again := f.observe(uid)
	if again.State != driver.StateRunning || !again.FinishedAt.IsZero() || again.ExitCode != 0 || again.StartedAt.Before(stopped.FinishedAt) {
		f.Errorf("after a second Start: %+v, stopped was %+v", again, stopped)
	}
	if again.ID != stopped.ID {
		f.Errorf("a start made another container: %s, was %s", again.ID, stopped.ID)
	}
}

// testStartNoCommand accepts either way an engine has to say it: with an init process in
// between, the container starts, and it is the init that finds nothing to execute.
func testStartNoCommand(f *fixture) {
	spec := f.spec(Program{})
	spec.Command = []string{"/no/such/command"}
	f.create(spec)
	err := f.Start(f.ctx(), spec.Owner.UID)
	if errors.Is(err, driver.ErrInvalid) {
		return
	}
	if err != nil {
		f.Fatalf("Start: got %v, want ErrInvalid or an exit", err)
	}
	if c := f.exited(spec.Owner.UID); c.ExitCode != 126 && c.ExitCode != 127 {
		f.Errorf("exit code %d, want 126 or 127", c.ExitCode)
	}
}

func testUnknownOwner(f *fixture) {
	uid := uuid.NewString()
	for _, test := range []struct {
		name string
		call func(context.Context) error
		want error
	}{
		{"Start", func(ctx context.Context) error { return f.Start(ctx, uid) }, driver.ErrNotFound},
		{"Resize", func(ctx context.Context) error {
			return f.Resize(ctx, uid, driver.Limits{MilliCPU: 250, MemoryBytes: 64 << 20})
		}, driver.ErrNotFound},
		{"Logs", func(ctx context.Context) error { return f.Logs(ctx, uid, all, nil) }, driver.ErrNotFound},
		{"Stop", func(ctx context.Context) error { return f.Stop(ctx, uid, time.Second) }, nil},
		{"Remove", func(ctx context.Context) error { return f.Remove(ctx, uid) }, nil},
	} {
		if err := test.call(f.ctx()); !errors.Is(err, test.want) {
			f.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

func testExit(f *fixture) {
	spec := f.spec(Program{Exits: true, ExitCode: 7})
	f.create(spec)
	f.start(spec.Owner.UID)
	c := f.exited(spec.Owner.UID)
	if c.ExitCode != 7 || c.OOMKilled || c.StartedAt.IsZero() || c.FinishedAt.Before(c.StartedAt) {
		f.Errorf("after an exit with 7: %+v", c)
	}
}

func testLimits(f *fixture) {
	spec := f.spec(Program{})
	spec.Limits = driver.Limits{MilliCPU: 1250, MemoryBytes: 96 << 20}
	f.create(spec)
	f.start(spec.Owner.UID)
	if got := f.observe(spec.Owner.UID).Limits; got != spec.Limits {
		f.Errorf("limits: got %+v, want %+v", got, spec.Limits)
	}
}

func testResize(f *fixture) {
	running := f.run(Program{})
	for _, limits := range []driver.Limits{
		{MilliCPU: 500, MemoryBytes: 128 << 20},
		{MilliCPU: 500, MemoryBytes: 128 << 20},
		{MilliCPU: 100, MemoryBytes: 32 << 20},
	} {
		if err := f.Resize(f.ctx(), running.Owner.UID, limits); err != nil {
			f.Fatalf("Resize to %+v: %v", limits, err)
		}
		resized := f.observe(running.Owner.UID)
		if resized.Limits != limits {
			f.Errorf("limits: got %+v, want %+v", resized.Limits, limits)
		}
		if !resized.StartedAt.Equal(running.StartedAt) || resized.ID != running.ID {
			f.Errorf("the resize restarted the container: %+v, was %+v", resized, running)
		}
	}
}

func testResizeInvalid(f *fixture) {
	running := f.run(Program{})
	if err := f.Resize(f.ctx(), running.Owner.UID, driver.Limits{MilliCPU: 100}); !errors.Is(err, driver.ErrInvalid) {
		f.Errorf("Resize: got %v, want ErrInvalid", err)
	}
	if got := f.observe(running.Owner.UID).Limits; got != running.Limits {
		f.Errorf("limits: got %+v, want %+v", got, running.Limits)
	}
}

func testLimitsBehind(f *fixture) {
	uid := f.run(Program{}).Owner.UID
	want := driver.Limits{MilliCPU: 1000, MemoryBytes: 256 << 20}
	f.SetLimitsBehind(f.T, uid, want)
	if got := f.observe(uid).Limits; got != want {
		f.Errorf("limits: got %+v, want %+v", got, want)
	}
}

func testPorts(f *fixture) {
	spec := f.spec(Program{})
	spec.Network = driver.NetworkIsolated
	spec.Ports = []driver.Port{{ContainerPort: 53, Protocol: "udp"}, {ContainerPort: 8080, Protocol: "tcp"}}
	f.create(spec)
	f.start(spec.Owner.UID)
	ports := f.observe(spec.Owner.UID).Ports
	if len(ports) != 2 {
		f.Fatalf("ports: got %+v, want two", ports)
	}
	for i, port := range ports {
		if port.HostIP != "127.0.0.1" || port.HostPort <= 0 {
			f.Errorf("port %d is published on %s:%d", port.ContainerPort, port.HostIP, port.HostPort)
		}
		port.HostIP, port.HostPort = "", 0
		if port != spec.Ports[i] {
			f.Errorf("port: got %+v, want %+v", port, spec.Ports[i])
		}
	}
}
