package conformance

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func testImageExists(f *fixture) {
	image, err := f.ImageExists(f.ctx(), f.Image())
	if err != nil {
		f.Fatalf("ImageExists: %v", err)
	}
	if !strings.HasPrefix(image.ID, "sha256:") || !strings.HasPrefix(image.Digest, "sha256:") {
		f.Errorf("ImageExists: %+v", image)
	}
	byID, err := f.ImageExists(f.ctx(), image.ID)
	if err != nil || byID.ID != image.ID {
		f.Errorf("ImageExists by its ID: got %+v (%v), want %s", byID, err, image.ID)
	}
	if _, err := f.ImageExists(f.ctx(), f.MissingImage(f.T)); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("ImageExists: got %v, want ErrNotFound", err)
	}
}

func testPull(f *fixture) {
	ref := f.PullableImage(f.T)
	if _, err := f.ImageExists(f.ctx(), ref); !errors.Is(err, driver.ErrNotFound) {
		f.Fatalf("ImageExists before the pull: got %v, want ErrNotFound", err)
	}
	var reports []driver.PullProgress
	pulled, err := f.PullImage(f.ctx(), ref, func(p driver.PullProgress) { reports = append(reports, p) })
	if err != nil {
		f.Fatalf("PullImage: %v", err)
	}
	if len(reports) == 0 {
		f.Fatal("no progress was reported")
	}
	if last := reports[len(reports)-1]; last.LayersTotal == 0 || last.LayersDone != last.LayersTotal || last.BytesDone != last.BytesTotal {
		f.Errorf("progress at the end: %+v", last)
	}
	for _, p := range reports {
		if p.LayersDone > p.LayersTotal || p.BytesDone > p.BytesTotal {
			f.Errorf("more done than there is: %+v", p)
		}
	}
	image, err := f.ImageExists(f.ctx(), ref)
	if err != nil {
		f.Fatalf("ImageExists: %v", err)
	}
	if diff := cmp.Diff(pulled, image); diff != "" {
		f.Errorf("ImageExists differs from PullImage (-pulled +exists):\n%s", diff)
	}
	if image.Digest == image.ID {
		f.Error("the digest of a pulled image isn't the manifest's")
	}

	repository, _, _ := strings.Cut(ref, ":latest")
	pinned := repository + "@" + image.Digest
	again, err := f.PullImage(f.ctx(), pinned, nil)
	if err != nil {
		f.Fatalf("PullImage by digest: %v", err)
	}
	if again.Digest != image.Digest {
		f.Errorf("PullImage by digest %s: got %s", image.Digest, again.Digest)
	}
}

func testPullMissing(f *fixture) {
	if _, err := f.PullImage(f.ctx(), f.MissingImage(f.T), nil); !errors.Is(err, driver.ErrNotFound) {
		f.Errorf("PullImage: got %v, want ErrNotFound", err)
	}
	if _, err := f.PullImage(f.ctx(), "Not A Reference", nil); !errors.Is(err, driver.ErrInvalid) {
		f.Errorf("PullImage: got %v, want ErrInvalid", err)
	}
}

func testPullDenied(f *fixture) {
	if _, err := f.PullImage(f.ctx(), f.DeniedImage(f.T), nil); !errors.Is(err, driver.ErrDenied) {
		f.Errorf("PullImage: got %v, want ErrDenied", err)
	}
}

func testPullCancel(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := f.PullImage(ctx, f.StalledImage(f.T), nil)
		done <- err
	}()
	select {
	case err := <-done:
		f.Fatalf("PullImage ended by itself: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	cancel()
	if err := f.ends("PullImage", done); !errors.Is(err, context.Canceled) {
		f.Errorf("PullImage: got %v, want context.Canceled", err)
	}
}

// testContext calls everything with a context that has ended.
func testContext(f *fixture) {
	spec := f.spec(Program{})
	f.create(spec)
	uid := spec.Owner.UID
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	for name, call := range map[string]func() error{
		"Info":        func() error { _, err := f.Info(ctx); return err },
		"Observe":     func() error { _, err := f.Observe(ctx, uid); return err },
		"List":        func() error { _, err := f.List(ctx); return err },
		"ImageExists": func() error { _, err := f.ImageExists(ctx, spec.Image); return err },
		"PullImage":   func() error { _, err := f.PullImage(ctx, spec.Image, nil); return err },
		"Create":      func() error { _, err := f.Create(ctx, spec); return err },
		"Start":       func() error { return f.Start(ctx, uid) },
		"Resize":      func() error { return f.Resize(ctx, uid, spec.Limits) },
		"Stop":        func() error { return f.Stop(ctx, uid, time.Second) },
		"Remove":      func() error { return f.Remove(ctx, uid) },
		"LastExit":    func() error { _, err := f.LastExit(ctx, uid, time.Time{}); return err },
		"Logs":        func() error { return f.Logs(ctx, uid, all, nil) },
		"ListStrays":  func() error { _, err := f.ListStrays(ctx); return err },
		"RemoveStray": func() error { return f.RemoveStray(ctx, driver.Stray{Kind: "volume", ID: uid, Owner: spec.Owner}) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			f.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
	if c := f.observe(uid); c.State != driver.StateCreated {
		f.Errorf("a call that was given up still made the container %s", c.State)
	}
}
