package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/drivertest"
)

// TestRecorder: two runs of one container are told apart, with the times that inspect gives.
func TestRecorder(t *testing.T) {
	engine := drivertest.Client(t)
	drivertest.EnsureTestImage(t, engine)
	recorder, err := Record(engine)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	ctx, cancel := context.WithTimeout(context.Background(), eventually)
	defer cancel()
	const uid = "55555555-5555-4555-8555-555555555555"
	made, err := engine.ContainerCreate(ctx, &container.Config{
		Image: drivertest.Image, Cmd: []string{"sleep", "3600"}, StopSignal: "SIGKILL",
		Labels: map[string]string{v1alpha1.LabelNamespace: "e2e-recorder", v1alpha1.LabelName: "r", v1alpha1.LabelUID: uid},
	}, &container.HostConfig{
		NetworkMode: "none",
		Resources:   container.Resources{NanoCPUs: 50e6, Memory: 16 << 20, MemorySwap: 16 << 20},
	}, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.ContainerRemove(context.WithoutCancel(ctx), made.ID, container.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}()
	var want []container.InspectResponse
	for range 2 {
		if err := engine.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := engine.ContainerStop(ctx, made.ID, container.StopOptions{Timeout: ptr.To(5)}); err != nil {
			t.Fatal(err)
		}
		found, err := engine.ContainerInspect(ctx, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, found)
		// The recorder asks on the side: the next run must not begin before it has the answer.
		for deadline := time.Now().Add(eventually); ; time.Sleep(pollInterval) {
			if runs := recorder.Runs(uid); len(runs) == len(want) && !runs[len(runs)-1].FinishedAt.IsZero() {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the recorder has %+v", recorder.Runs(uid))
			}
		}
	}
	for i, run := range recorder.Runs(uid) {
		if run.ContainerID != made.ID || run.ExitCode != 137 || run.NanoCPUs != 50e6 || run.Memory != 16<<20 || run.MemorySwap != 16<<20 {
			t.Errorf("run %d is %+v", i, run)
		}
		if !run.StartedAt.Equal(engineTime(want[i].State.StartedAt)) || !run.FinishedAt.Equal(engineTime(want[i].State.FinishedAt)) {
			t.Errorf("run %d is from %s to %s, inspect says %s to %s", i, run.StartedAt, run.FinishedAt, want[i].State.StartedAt, want[i].State.FinishedAt)
		}
		if late := run.DiedAt.Sub(run.FinishedAt); late < 0 || late > eventLag {
			t.Errorf("run %d: the event is %s later than the end", i, late)
		}
	}
	if err := recorder.Err(); err != nil {
		t.Error(err)
	}
}
