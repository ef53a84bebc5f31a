package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// ErrImageNotAllowed is in the chain of ResolveImage's error if the image is well
// formed but not among what the class allows.
var ErrImageNotAllowed = errors.New("image is not allowed")

// ResolveImage returns the canonical reference that spec.image of a lease stands for,
// such as docker.io/library/ubuntu:22.04, or an error that says what is allowed.
//
// In this order: a catalog name stands for its reference; a reference that equals a
// catalog entry's is allowed as that entry, pinned by its digest if it has one, so
// that a pinned tag can't be had unpinned; any other reference must match a pattern
// of allow.
func ResolveImage(images v1alpha1.ImagePolicy, image string) (string, error) {
	for _, entry := range images.Catalog {
		if entry.Name == image {
			named, err := v1alpha1.ParseImageReference(entry.Reference)
			if err != nil {
				return "", fmt.Errorf("catalog image %q: %q %w", entry.Name, entry.Reference, err)
			}
			return named.String(), nil
		}
	}
	wanted, err := v1alpha1.ParseImageReference(image)
	if err != nil {
		return "", err
	}
	for _, entry := range images.Catalog {
		if named, ok := standsFor(entry.Reference, wanted); ok {
			return named.String(), nil
		}
	}
	for _, allowed := range images.Allow {
		pattern, err := v1alpha1.ParseImagePattern(allowed)
		if err == nil && pattern.Matches(wanted) {
			return wanted.String(), nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrImageNotAllowed, AllowedImages(images))
}

// standsFor says whether a catalog reference is what is wanted, and returns its
// canonical form. A reference such as "ubuntu:22.04@sha256:…" answers to its tag and
// to its digest.
func standsFor(catalog string, wanted reference.Named) (reference.Named, bool) {
	canonical, err := v1alpha1.ParseImageReference(catalog)
	if err != nil {
		return nil, false
	}
	if canonical.String() == wanted.String() {
		return canonical, true
	}
	unpinned, _, pinned := strings.Cut(catalog, "@")
	if !pinned {
		return nil, false
	}
	byTag, err := reference.ParseNormalizedNamed(unpinned)
	if err != nil || reference.IsNameOnly(byTag) {
		return nil, false
	}
	return canonical, byTag.String() == wanted.String()
}

// AllowedImages says, for a person, which images a class allows.
func AllowedImages(images v1alpha1.ImagePolicy) string {
	var parts []string
	if len(images.Catalog) > 0 {
		names := make([]string, len(images.Catalog))
		for i, entry := range images.Catalog {
			names[i] = fmt.Sprintf("%s (%s)", entry.Name, entry.Reference)
		}
		parts = append(parts, "use one of "+strings.Join(names, ", "))
	}
	if len(images.Allow) > 0 {
		parts = append(parts, "a reference that matches "+strings.Join(images.Allow, ", "))
	}
	if len(parts) == 0 {
		return "the class allows no image"
	}
	return strings.Join(parts, ", or ")
}
