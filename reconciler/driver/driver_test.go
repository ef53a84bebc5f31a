package driver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func TestIdentitySurvivesItsLabels(t *testing.T) {
	want := driver.Identity{Namespace: "team", Name: "demo", UID: "1234"}
	if got, owned := driver.IdentityOf(want.Labels()); !owned || got != want {
		t.Errorf("got %+v, %v", got, owned)
	}
	for label := range want.Labels() {
		labels := want.Labels()
		delete(labels, label)
		if _, owned := driver.IdentityOf(labels); owned {
			t.Errorf("owned without %s", label)
		}
	}
}

func TestValidate(t *testing.T) {
	valid := func() driver.ContainerSpec {
		return driver.ContainerSpec{
			Owner: driver.Identity{Namespace: "team", Name: "demo", UID: "1234"},
			Image: "alpine", Limits: driver.Limits{MilliCPU: 1, MemoryBytes: 1}, PidsLimit: 1, Network: driver.NetworkIsolated,
			Env:   []driver.EnvVar{{Name: "EMPTY"}},
			Ports: []driver.Port{{ContainerPort: 65535, Protocol: "udp"}},
		}
	}
	for _, test := range []struct {
		name   string
		change func(*driver.ContainerSpec)
		want   string
	}{
		{"Valid", func(*driver.ContainerSpec) {}, ""},
		{"NoName", func(s *driver.ContainerSpec) { s.Owner.Name = "" }, "Owner"},
		{"NoUID", func(s *driver.ContainerSpec) { s.Owner.UID = "" }, "Owner.UID"},
		{"LongUID", func(s *driver.ContainerSpec) { s.Owner.UID = strings.Repeat("x", 200) }, "Owner.UID"},
		{"NegativeCPU", func(s *driver.ContainerSpec) { s.Limits.MilliCPU = -1 }, "MilliCPU"},
		{"UnlimitedPids", func(s *driver.ContainerSpec) { s.PidsLimit = -1 }, "PidsLimit"},
		{"NoNetwork", func(s *driver.ContainerSpec) { s.Network = "" }, "Network"},
		{"PortTooHigh", func(s *driver.ContainerSpec) { s.Ports[0].ContainerPort = 65536 }, "Ports"},
		{"EnvNameWithEquals", func(s *driver.ContainerSpec) { s.Env[0].Name = "A=B" }, "Env"},
		{"EnvValueWithNUL", func(s *driver.ContainerSpec) { s.Env[0].Value = "\x00" }, "Env"},
	} {
		spec := valid()
		test.change(&spec)
		err := spec.Validate()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want ErrInvalid that names %s", test.name, err, test.want)
		}
	}
}
