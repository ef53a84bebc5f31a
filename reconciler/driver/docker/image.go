package docker

import (
	"context"
	"fmt"
	"sync"

	"github.com/distribution/reference"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// ImageExists returns the image the engine has under a reference.
func (d *Driver) ImageExists(ctx context.Context, ref string) (*driver.Image, error) {
	return do(ctx, d, "image_exists", d.opts.Timeout, func(ctx context.Context) (*driver.Image, error) {
		return d.image(ctx, ref)
	})
}

func (d *Driver) image(ctx context.Context, ref string) (*driver.Image, error) {
	if ref == "" {
		return nil, fmt.Errorf("%w: empty image reference", driver.ErrInvalid)
	}
	inspected, err := d.cli.ImageInspect(ctx, ref)
	if err != nil {
		return nil, err
	}
	image := &driver.Image{ID: inspected.ID, Digest: manifestDigest(ref, inspected.RepoDigests)}
	if image.Digest == "" {
		image.Digest = image.ID
	}
	d.digests.put(inspected.ID, ref, image.Digest)
	return image, nil
}

// manifestDigest picks the digest that belongs to the repository of ref: one image may have
// been pulled from several, each with a manifest of its own.
func manifestDigest(ref string, repoDigests []string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	var digest string
	for _, repoDigest := range repoDigests {
		candidate, err := reference.ParseNormalizedNamed(repoDigest)
		if err != nil || candidate.Name() != named.Name() {
			continue
		}
		digested, ok := candidate.(reference.Digested)
		if !ok {
			continue
		}
		if asked, ok := named.(reference.Digested); ok && asked.Digest() == digested.Digest() {
			return digested.Digest().String()
		}
		if digest == "" {
			digest = digested.Digest().String()
		}
	}
	return digest
}

// digestOf returns the manifest digest of a container's image, else the image's ID. An engine
// that doesn't tell is no reason for an observation to fail.
func (d *Driver) digestOf(ctx context.Context, imageID, ref string) string {
	if digest, ok := d.digests.get(imageID, ref); ok {
		return digest
	}
	inspected, err := d.cli.ImageInspect(ctx, imageID)
	if err != nil {
		return imageID
	}
	digest := manifestDigest(ref, inspected.RepoDigests)
	if digest == "" {
		digest = imageID
	}
	d.digests.put(imageID, ref, digest)
	return digest
}

// digestCache spares each observation of a container the inspection of its image.
type digestCache struct {
	mu      sync.Mutex
	digests map[digestKey]string
}

type digestKey struct{ imageID, reference string }

// digestCacheSize bounds the cache; hosts have far fewer images.
const digestCacheSize = 1024

func (c *digestCache) get(imageID, ref string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	digest, ok := c.digests[digestKey{imageID, ref}]
	return digest, ok
}

func (c *digestCache) put(imageID, ref, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digests == nil || len(c.digests) >= digestCacheSize {
		c.digests = map[digestKey]string{}
	}
	c.digests[digestKey{imageID, ref}] = digest
}

// clear forgets everything: a pull can give an image we had a digest.
func (c *digestCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.digests = nil
}
