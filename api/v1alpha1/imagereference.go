package v1alpha1

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// maxImageLength bounds an image reference: a repository name of 255 bytes, a tag of
// 128 and a digest fit.
const maxImageLength = 512

// ParseImageReference reads an image reference as Docker does and returns its
// canonical form: "alpine" is docker.io/library/alpine:latest. A tag beside a digest
// is dropped, because the digest decides. The error says what is wrong with it.
func ParseImageReference(s string) (reference.Named, error) {
	if s == "" {
		return nil, errors.New("must not be empty")
	}
	if len(s) > maxImageLength {
		return nil, fmt.Errorf("must have at most %d bytes", maxImageLength)
	}
	named, err := reference.ParseDockerRef(s)
	if err != nil {
		return nil, fmt.Errorf(`must be an image reference such as "ubuntu:22.04" or "registry.example.com/team/app@sha256:…": %w`, err)
	}
	return named, nil
}

// ImagePattern says which image references of one registry are meant. It is written
// like a reference, "docker.io/library/alpine:3.22", where a "*" may stand for
// exactly one path segment or for any tag. It is compared segment by segment with
// canonical references, never as a string.
//
// +k8s:openapi-gen=false
// +k8s:deepcopy-gen=false
type ImagePattern struct {
	// registry is never a wildcard: a registry is what trust is given to.
	registry string
	// path holds the path segments; wildcard stands for any one.
	path []string
	// tag is wildcard for any tag or digest, else the only one.
	tag string
	// digest, if given, is the only one, and decides alone.
	digest string
}

const wildcard = "*"

// ParseImagePattern reads a pattern. A pattern without a registry means Docker Hub, as
// in a reference; without tag and digest, it means any.
func ParseImagePattern(s string) (ImagePattern, error) {
	if len(s) > maxImageLength {
		return ImagePattern{}, fmt.Errorf("must have at most %d bytes", maxImageLength)
	}
	name, digest, pinned := strings.Cut(s, "@")
	name, tag, tagged := cutTag(name)
	if !tagged && !pinned {
		tag = wildcard
	}
	segments := strings.Split(name, "/")
	probe := slices.Clone(segments)
	for i, segment := range segments {
		if strings.Contains(segment, wildcard) && segment != wildcard {
			return ImagePattern{}, errors.New(`a "*" must be a whole path segment or the whole tag`)
		}
		if segment == wildcard {
			// Any valid segment will do: the parser checks the rest of the pattern and
			// completes it as it completes a reference.
			probe[i] = "any"
		}
	}
	suffix := ""
	if tagged && tag != wildcard {
		suffix = ":" + tag
	}
	if pinned {
		suffix += "@" + digest
	}
	named, err := ParseImageReference(strings.Join(probe, "/") + suffix)
	if err != nil {
		return ImagePattern{}, err
	}
	path := strings.Split(reference.Path(named), "/")
	// What canonicalisation added (docker.io, library) or took as the registry stands
	// in front, so the segments correspond from the end.
	for i := 1; i <= len(segments) && i <= len(path); i++ {
		if segments[len(segments)-i] == wildcard {
			path[len(path)-i] = wildcard
		}
	}
	return ImagePattern{registry: reference.Domain(named), path: path, tag: tag, digest: digest}, nil
}

// cutTag splits a name at the colon that follows its last slash; a colon before that
// belongs to the registry's port.
func cutTag(name string) (repository, tag string, tagged bool) {
	slash := strings.LastIndexByte(name, '/')
	if colon := strings.LastIndexByte(name, ':'); colon > slash {
		return name[:colon], name[colon+1:], true
	}
	return name, "", false
}

// Matches says whether the pattern means a canonical reference.
func (p ImagePattern) Matches(named reference.Named) bool {
	if reference.Domain(named) != p.registry {
		return false
	}
	path := strings.Split(reference.Path(named), "/")
	if len(path) != len(p.path) {
		return false
	}
	for i, segment := range p.path {
		if segment != wildcard && segment != path[i] {
			return false
		}
	}
	return p.matchesVersion(named)
}

// matchesVersion compares digest and tag. Where either side gives a digest, a tag is
// only decoration: anything may be behind "alpine:3.22@sha256:…".
func (p ImagePattern) matchesVersion(named reference.Named) bool {
	digested, hasDigest := named.(reference.Digested)
	switch {
	case p.digest != "":
		return hasDigest && digested.Digest().String() == p.digest
	case p.tag == wildcard:
		return true
	case hasDigest:
		return false
	}
	tagged, ok := named.(reference.Tagged)
	return ok && tagged.Tag() == p.tag
}
