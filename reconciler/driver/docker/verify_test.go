package docker

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/docker/docker/pkg/jsonmessage"
)

func testRequest(t *testing.T) request {
	t.Helper()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.newRequest(driver.ContainerSpec{
		Owner:     driver.Identity{Namespace: "team", Name: "demo", UID: "1"},
		Image:     "docker.io/library/alpine:3.22",
		Limits:    driver.Limits{MilliCPU: 500, MemoryBytes: 1 << 28},
		PidsLimit: 10,
		Ports:     []driver.Port{{ContainerPort: 80, Protocol: "tcp"}},
		Network:   driver.NetworkIsolated,
	}, container.CgroupnsModePrivate)
}

// held is how an engine that applied everything would show it.
func held(t *testing.T, r request) container.InspectResponse {
	t.Helper()
	copyOf := func(from, to any) {
		encoded, err := json.Marshal(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, to); err != nil {
			t.Fatal(err)
		}
	}
	var in container.InspectResponse
	in.ContainerJSONBase = &container.ContainerJSONBase{HostConfig: &container.HostConfig{}}
	in.Config = &container.Config{}
	copyOf(r.host, in.HostConfig)
	copyOf(r.config, in.Config)
	in.HostConfig.Runtime = "runc"
	in.NetworkSettings = &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{IsolatedNetwork: {}}}
	return in
}

func TestVerifyAcceptsWhatWasAsked(t *testing.T) {
	r := testRequest(t)
	if err := verify(r, held(t, r)); err != nil {
		t.Error(err)
	}
}

func TestVerifyNamesTheField(t *testing.T) {
	yes, unlimited := true, int64(-1)
	for _, test := range []struct {
		field  string
		change func(*container.InspectResponse)
	}{
		{"NanoCpus", func(in *container.InspectResponse) { in.HostConfig.NanoCPUs = 0 }},
		{"Memory", func(in *container.InspectResponse) { in.HostConfig.Memory = 0 }},
		{"MemorySwap", func(in *container.InspectResponse) { in.HostConfig.MemorySwap = -1 }},
		{"OomKillDisable", func(in *container.InspectResponse) { in.HostConfig.OomKillDisable = &yes }},
		{"PidsLimit", func(in *container.InspectResponse) { in.HostConfig.PidsLimit = nil }},
		{"PidsLimit", func(in *container.InspectResponse) { in.HostConfig.PidsLimit = &unlimited }},
		{"Ulimits", func(in *container.InspectResponse) { in.HostConfig.Ulimits = nil }},
		{"Privileged", func(in *container.InspectResponse) { in.HostConfig.Privileged = true }},
		{"CapAdd", func(in *container.InspectResponse) {
			in.HostConfig.CapAdd = append(in.HostConfig.CapAdd, "CAP_SYS_ADMIN")
		}},
		{"CapDrop", func(in *container.InspectResponse) { in.HostConfig.CapDrop = nil }},
		{"SecurityOpt", func(in *container.InspectResponse) {
			in.HostConfig.SecurityOpt = append(in.HostConfig.SecurityOpt, "seccomp=unconfined")
		}},
		{"SecurityOpt", func(in *container.InspectResponse) { in.HostConfig.SecurityOpt = nil }},
		{"Sysctls", func(in *container.InspectResponse) { in.HostConfig.Sysctls = map[string]string{"net.x": "1"} }},
		{"Binds", func(in *container.InspectResponse) { in.HostConfig.Binds = []string{"/:/host"} }},
		{"bind mount", func(in *container.InspectResponse) {
			in.Mounts = []container.MountPoint{{Type: "bind", Source: "/", Destination: "/host"}}
		}},
		{"Devices", func(in *container.InspectResponse) { in.HostConfig.Devices = []container.DeviceMapping{{}} }},
		{"DeviceRequests", func(in *container.InspectResponse) { in.HostConfig.DeviceRequests = []container.DeviceRequest{{}} }},
		{"NetworkMode", func(in *container.InspectResponse) { in.HostConfig.NetworkMode = "host" }},
		{"Networks", func(in *container.InspectResponse) {
			in.NetworkSettings.Networks["bridge"] = &network.EndpointSettings{}
		}},
		{"PortBindings", func(in *container.InspectResponse) {
			in.HostConfig.PortBindings["80/tcp"] = []nat.PortBinding{{HostIP: "0.0.0.0"}}
		}},
		{"PublishAllPorts", func(in *container.InspectResponse) { in.HostConfig.PublishAllPorts = true }},
		{"PidMode", func(in *container.InspectResponse) { in.HostConfig.PidMode = "host" }},
		{"IpcMode", func(in *container.InspectResponse) { in.HostConfig.IpcMode = "host" }},
		{"UTSMode", func(in *container.InspectResponse) { in.HostConfig.UTSMode = "host" }},
		{"UsernsMode", func(in *container.InspectResponse) { in.HostConfig.UsernsMode = "host" }},
		{"CgroupnsMode", func(in *container.InspectResponse) { in.HostConfig.CgroupnsMode = "host" }},
		{"LogConfig.Type", func(in *container.InspectResponse) { in.HostConfig.LogConfig.Type = "none" }},
		{"LogConfig.Config", func(in *container.InspectResponse) { in.HostConfig.LogConfig.Config = nil }},
		{"RestartPolicy", func(in *container.InspectResponse) { in.HostConfig.RestartPolicy.Name = "always" }},
		{"AutoRemove", func(in *container.InspectResponse) { in.HostConfig.AutoRemove = true }},
		{"Init", func(in *container.InspectResponse) { in.HostConfig.Init = nil }},
		{"Image", func(in *container.InspectResponse) { in.Config.Image = "other" }},
		{"Labels", func(in *container.InspectResponse) { in.Config.Labels[driver.LabelName] = "other" }},
		{"incomplete", func(in *container.InspectResponse) { in.NetworkSettings = nil }},
	} {
		t.Run(test.field, func(t *testing.T) {
			r := testRequest(t)
			in := held(t, r)
			test.change(&in)
			err := verify(r, in)
			if !errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), test.field) {
				t.Errorf("got %v, want ErrInvalid that names %s", err, test.field)
			}
		})
	}
}

func TestVerifyOverlooksSpelling(t *testing.T) {
	r := testRequest(t)
	in := held(t, r)
	in.HostConfig.CapAdd = append([]string(nil), "NET_BIND_SERVICE", "CAP_CHOWN", "setuid", "SETGID", "KILL", "FOWNER", "DAC_OVERRIDE")
	in.HostConfig.PortBindings["80/tcp"] = []nat.PortBinding{{HostIP: "127.0.0.1", HostPort: "0"}}
	in.HostConfig.Binds, in.HostConfig.Sysctls = []string{}, map[string]string{}
	in.Mounts = []container.MountPoint{{Type: "volume", Destination: "/data"}} // the image's own
	in.Config.Labels["maintainer"] = "someone"
	if err := verify(r, in); err != nil {
		t.Error(err)
	}
}

func TestIsolates(t *testing.T) {
	good := func() network.Summary {
		return network.Summary{
			Name: IsolatedNetwork, Driver: "bridge",
			Options: map[string]string{enableICC: "false"}, Labels: map[string]string{driver.LabelManaged: "true"},
		}
	}
	for _, test := range []struct {
		name   string
		change func(*network.Summary)
		want   error
	}{
		{"AsMade", func(*network.Summary) {}, nil},
		{"NotOurs", func(n *network.Summary) { n.Labels = nil }, driver.ErrConflict},
		{"OtherDriver", func(n *network.Summary) { n.Driver = "macvlan" }, driver.ErrConflict},
		{"ICCByDefault", func(n *network.Summary) { n.Options = nil }, driver.ErrConflict},
		{"ICC", func(n *network.Summary) { n.Options[enableICC] = "true" }, driver.ErrConflict},
		{"IPv6", func(n *network.Summary) { n.EnableIPv6 = true }, driver.ErrConflict},
	} {
		n := good()
		test.change(&n)
		if err := isolates(n); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

func TestManifestDigest(t *testing.T) {
	const a, b = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	for _, test := range []struct {
		name, ref   string
		repoDigests []string
		want        string
	}{
		{"None", "alpine", nil, ""},
		{"ShortAndFullNames", "alpine:3.22", []string{"docker.io/library/alpine@" + a}, a},
		{"OfTheRepository", "ghcr.io/x/y:1", []string{"alpine@" + a, "ghcr.io/x/y@" + b}, b},
		{"OfAnotherOnly", "ghcr.io/x/y:1", []string{"alpine@" + a}, ""},
		{"TheOneAsked", "alpine@" + b, []string{"alpine@" + a, "alpine@" + b}, b},
		{"ImageID", "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", []string{"alpine@" + a}, ""},
	} {
		if got := manifestDigest(test.ref, test.repoDigests); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestDeniedByRegistry holds the only messages that are read; they are those of engines 20.10 to 28.
func TestDeniedByRegistry(t *testing.T) {
	for _, test := range []struct {
		name, message string
		kind, want    error
	}{
		{"DeniedAsNotFound", "pull access denied for x/y, repository does not exist or may require 'docker login'", cerrdefs.ErrNotFound, driver.ErrDenied},
		{"UnauthorizedAsInternal", "unauthorized: access refused", cerrdefs.ErrInternal, driver.ErrDenied},
		{"ByStatus", "no", cerrdefs.ErrUnauthenticated, driver.ErrDenied},
		{"Unknown", "manifest for x/y:1 not found: manifest unknown", cerrdefs.ErrNotFound, driver.ErrNotFound},
	} {
		err := classify(pullError(errors.Join(errors.New(test.message), test.kind)))
		if !errors.Is(err, test.want) || errors.Is(err, driver.ErrDenied) != errors.Is(test.want, driver.ErrDenied) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

func TestLayersAddUp(t *testing.T) {
	l := newLayers()
	for _, step := range []struct {
		message string
		want    driver.PullProgress
	}{
		{`{"status":"Pulling from x/y","id":"latest"}`, driver.PullProgress{}},
		{`{"status":"Already exists","id":"a"}`, driver.PullProgress{LayersDone: 1, LayersTotal: 1}},
		{`{"status":"Pulling fs layer","id":"b"}`, driver.PullProgress{LayersDone: 1, LayersTotal: 2}},
		{`{"status":"Downloading","id":"b","progressDetail":{"current":3,"total":10}}`, driver.PullProgress{LayersDone: 1, LayersTotal: 2, BytesDone: 3, BytesTotal: 10}},
		{`{"status":"Download complete","id":"b"}`, driver.PullProgress{LayersDone: 1, LayersTotal: 2, BytesDone: 10, BytesTotal: 10}},
		{`{"status":"Extracting","id":"b","progressDetail":{"current":1,"total":10}}`, driver.PullProgress{LayersDone: 1, LayersTotal: 2, BytesDone: 10, BytesTotal: 10}},
		{`{"status":"Pull complete","id":"b"}`, driver.PullProgress{LayersDone: 2, LayersTotal: 2, BytesDone: 10, BytesTotal: 10}},
		{`{"status":"Status: Downloaded newer image for x/y"}`, driver.PullProgress{LayersDone: 2, LayersTotal: 2, BytesDone: 10, BytesTotal: 10}},
	} {
		var message jsonmessage.JSONMessage
		if err := json.Unmarshal([]byte(step.message), &message); err != nil {
			t.Fatal(err)
		}
		l.heard(message)
		if diff := cmp.Diff(step.want, l.progress()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.message, diff)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, never := range []string{"", "0001-01-01T00:00:00Z"} {
		if got, err := parseTime(never); err != nil || !got.IsZero() {
			t.Errorf("%q: got %v (%v), want zero", never, got, err)
		}
	}
	got, err := parseTime("2030-01-02T03:04:05.123456789Z")
	if err != nil || got.Nanosecond() != 123456789 {
		t.Errorf("got %v (%v)", got, err)
	}
	if _, err := parseTime("yesterday"); err == nil {
		t.Error("no error for nonsense")
	}
}

func TestResponseErrorIsClassified(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusNotFound: driver.ErrNotFound, http.StatusBadRequest: driver.ErrInvalid, http.StatusServiceUnavailable: driver.ErrUnavailable,
	} {
		resp := &http.Response{StatusCode: status, Status: http.StatusText(status), Body: http.NoBody}
		if err := classify(responseError(resp)); !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %v", status, err, want)
		}
	}
}
