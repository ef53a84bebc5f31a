package fake_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/conformance"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
)

const testImage = "localhost/containerlease/test:busybox"

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) (driver.Driver, conformance.Harness) {
		engine := fake.New(clock.RealClock{})
		t.Cleanup(func() { _ = engine.Close() })
		engine.AddImage(testImage)
		engine.SetProgram("/no/such/command", fake.Program{Exits: true, ExitCode: 127})
		return engine, &harness{engine: engine}
	})
}

type harness struct {
	engine   *fake.Engine
	programs int
}

func (h *harness) Image() string { return testImage }

func (h *harness) Command(p conformance.Program) []string {
	h.programs++
	command := fmt.Sprintf("program-%d", h.programs)
	h.engine.SetProgram(command, fake.Program(p))
	return []string{command}
}

func (h *harness) RemoveBehind(_ *testing.T, uid string) { h.engine.RemoveBehind(uid) }

func (h *harness) SetLimitsBehind(_ *testing.T, uid string, limits driver.Limits) {
	h.engine.SetLimitsBehind(uid, limits)
}

func (h *harness) AddForeign(_ *testing.T, name string, labels map[string]string) string {
	return h.engine.AddForeign(name, labels)
}

func (h *harness) Running(_ *testing.T, containerID string) bool {
	return h.engine.Running(containerID)
}

func (h *harness) AddStray(_ *testing.T, kind string, labels map[string]string) string {
	return h.engine.AddStray(kind, labels)
}

func (h *harness) HasStray(_ *testing.T, kind, id string) bool {
	return slices.Contains(h.engine.Strays(kind), id)
}

func (h *harness) PullableImage(*testing.T) string {
	return h.pull(fake.Pull{Progress: []driver.PullProgress{
		{LayersTotal: 1}, {LayersTotal: 2, BytesDone: 5, BytesTotal: 10}, {LayersDone: 2, LayersTotal: 2, BytesDone: 10, BytesTotal: 10},
	}})
}

func (h *harness) MissingImage(*testing.T) string { return "127.0.0.1:5000/missing:latest" }

func (h *harness) DeniedImage(*testing.T) string {
	return h.pull(fake.Pull{Err: driver.ErrDenied})
}

func (h *harness) StalledImage(*testing.T) string {
	return h.pull(fake.Pull{Release: make(chan struct{})})
}

func (h *harness) pull(p fake.Pull) string {
	ref := "127.0.0.1:5000/test/" + uuid.NewString() + ":latest"
	h.engine.SetPull(ref, p)
	return ref
}
