package fake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/distribution/reference"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Pull says how a pull of an image goes.
type Pull struct {
	// Progress is reported, one after the other, as soon as the pull begins.
	Progress []driver.PullProgress
	// Release, if not nil, holds the pull after its progress until it is closed.
	Release <-chan struct{}
	// Err is how the pull ends. If it is nil, the engine has the image afterwards.
	Err error
}

// canonical writes a reference in full; what can't be a reference stays as it is.
func canonical(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	if digested, ok := named.(reference.Digested); ok {
		return named.Name() + "@" + digested.Digest().String()
	}
	return reference.TagNameOnly(named).String()
}

func digestOf(kind, ref string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(kind+ref)))
}

// addImage gives the engine an image under a reference, with a digest derived from it.
func (e *Engine) addImage(ref string) driver.Image {
	image := driver.Image{ID: digestOf("config ", canonical(ref)), Digest: digestOf("manifest ", canonical(ref))}
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		if digested, ok := named.(reference.Digested); ok {
			image.Digest = digested.Digest().String()
		}
		e.images[named.Name()+"@"+image.Digest] = image
	}
	e.images[canonical(ref)] = image
	return image
}

func (e *Engine) image(ref string) (*driver.Image, error) {
	if ref == "" {
		return nil, fmt.Errorf("%w: empty image reference", driver.ErrInvalid)
	}
	if image, ok := e.images[canonical(ref)]; ok {
		return &image, nil
	}
	for _, image := range e.images {
		if image.ID == ref {
			return &image, nil
		}
	}
	return nil, fmt.Errorf("%w: no image %s", driver.ErrNotFound, ref)
}

// ImageExists returns the image under a reference.
func (e *Engine) ImageExists(ctx context.Context, ref string) (*driver.Image, error) {
	return call(ctx, e, OpImageExists, ref, func() (*driver.Image, error) { return e.image(ref) })
}

// PullImage pulls as SetPull said. What it said nothing of is found only if it is there already.
func (e *Engine) PullImage(ctx context.Context, ref string, progress func(driver.PullProgress)) (*driver.Image, error) {
	if err := e.enter(ctx, OpPullImage, ref); err != nil {
		return nil, err
	}
	if _, err := reference.ParseNormalizedNamed(ref); err != nil {
		return nil, fmt.Errorf("fake %s: %w: %w", OpPullImage, driver.ErrInvalid, err)
	}
	e.mu.Lock()
	pull, known := e.pulls[canonical(ref)]
	present, _ := e.image(ref)
	e.mu.Unlock()
	if !known && present != nil {
		return present, nil
	}
	if !known {
		return nil, fmt.Errorf("fake %s: %w: no image %s", OpPullImage, driver.ErrNotFound, ref)
	}
	for _, p := range pull.Progress {
		if progress != nil {
			progress(p)
		}
	}
	if pull.Release != nil {
		if err := e.wait(ctx, OpPullImage, pull.Release); err != nil {
			return nil, err
		}
	}
	if pull.Err != nil {
		return nil, fmt.Errorf("fake %s: %w", OpPullImage, pull.Err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	image := e.addImage(ref)
	return &image, nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	return err
}
