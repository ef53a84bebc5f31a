package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestResolveImage(t *testing.T) {
	standard := v1alpha1.ImagePolicy{
		Catalog: []v1alpha1.CatalogImage{{Name: "ubuntu", Reference: "ubuntu:22.04"}, {Name: "alpine", Reference: "alpine:3.22"}},
		Allow:   []string{"docker.io/library/ubuntu:*", "docker.io/library/alpine:*"},
	}
	pinned := v1alpha1.ImagePolicy{
		Catalog: []v1alpha1.CatalogImage{{Name: "base", Reference: "ubuntu:22.04@" + digestA}},
	}
	allow := func(patterns ...string) v1alpha1.ImagePolicy { return v1alpha1.ImagePolicy{Allow: patterns} }
	const denied, malformed = "denied", "malformed"
	for name, tc := range map[string]struct {
		policy v1alpha1.ImagePolicy
		image  string
		want   string
	}{
		"CatalogName":                {standard, "ubuntu", "docker.io/library/ubuntu:22.04"},
		"CatalogNameWinsOverLatest":  {standard, "alpine", "docker.io/library/alpine:3.22"},
		"Tag":                        {standard, "alpine:edge", "docker.io/library/alpine:edge"},
		"Library":                    {standard, "library/alpine", "docker.io/library/alpine:latest"},
		"Canonical":                  {standard, "docker.io/library/alpine:3.22", "docker.io/library/alpine:3.22"},
		"LegacyRegistry":             {standard, "index.docker.io/library/alpine:3.22", "docker.io/library/alpine:3.22"},
		"HubShort":                   {standard, "docker.io/alpine:3.22", "docker.io/library/alpine:3.22"},
		"DigestOfAnAllowedImage":     {standard, "alpine@" + digestA, "docker.io/library/alpine@" + digestA},
		"TagBesideDigestIsDropped":   {standard, "alpine:3.22@" + digestA, "docker.io/library/alpine@" + digestA},
		"LookAlikeRegistry":          {standard, "docker.io.evil.com/library/alpine", denied},
		"LookAlikeSubdomain":         {standard, "evil.docker.io/library/alpine", denied},
		"RegistryInPath":             {standard, "evil.com/docker.io/library/alpine", denied},
		"OtherUser":                  {standard, "evil/ubuntu", denied},
		"OtherUserOnHub":             {standard, "docker.io/evil/ubuntu", denied},
		"ImageAsRegistry":            {standard, "ubuntu.evil.io/ubuntu", denied},
		"Suffix":                     {standard, "ubuntu-evil", denied},
		"SuffixOfPath":               {standard, "library/ubuntu/evil", denied},
		"Localhost":                  {standard, "localhost/library/ubuntu", denied},
		"Port":                       {standard, "docker.io:443/library/ubuntu", denied},
		"RegistryInUpperCase":        {standard, "DOCKER.IO/library/ubuntu", denied},
		"UpperCase":                  {standard, "Ubuntu", malformed},
		"Space":                      {standard, "ubuntu ", malformed},
		"Shell":                      {standard, "ubuntu;reboot", malformed},
		"Substitution":               {standard, "$(id)", malformed},
		"Newline":                    {standard, "ubuntu\nevil", malformed},
		"Empty":                      {standard, "", malformed},
		"Wildcard":                   {standard, "docker.io/library/*", malformed},
		"ShortDigest":                {standard, "alpine@sha256:abc", malformed},
		"ImageID":                    {standard, strings.Repeat("a", 64), malformed},
		"URL":                        {standard, "https://docker.io/library/alpine", malformed},
		"PinnedByName":               {pinned, "base", "docker.io/library/ubuntu@" + digestA},
		"PinnedByTag":                {pinned, "ubuntu:22.04", "docker.io/library/ubuntu@" + digestA},
		"PinnedByDigest":             {pinned, "ubuntu@" + digestA, "docker.io/library/ubuntu@" + digestA},
		"PinnedOtherDigest":          {pinned, "ubuntu:22.04@" + digestB, denied},
		"PinnedOtherTag":             {pinned, "ubuntu:24.04", denied},
		"PinnedUntagged":             {pinned, "ubuntu", denied},
		"AllowedTagOnly":             {allow("alpine:3.22"), "alpine:3.22", "docker.io/library/alpine:3.22"},
		"AllowedTagNotItsDigest":     {allow("alpine:3.22"), "alpine:3.22@" + digestA, denied},
		"AllowedTagOtherTag":         {allow("alpine:3.22"), "alpine:3.221", denied},
		"AllowedDigest":              {allow("alpine@" + digestA), "alpine:anything@" + digestA, "docker.io/library/alpine@" + digestA},
		"AllowedDigestNotItsTag":     {allow("alpine:3.22@" + digestA), "alpine:3.22", denied},
		"AnyVersion":                 {allow("alpine"), "alpine:3.22", "docker.io/library/alpine:3.22"},
		"AnySegment":                 {allow("registry.io/team/*:*"), "registry.io/team/app:1", "registry.io/team/app:1"},
		"OneSegmentOnly":             {allow("registry.io/team/*"), "registry.io/team/app/sub:1", denied},
		"NotNoSegment":               {allow("registry.io/team/*"), "registry.io/team:1", denied},
		"SegmentInTheMiddle":         {allow("registry.io/*/app"), "registry.io/b/app", "registry.io/b/app:latest"},
		"AnythingOfficial":           {allow("*"), "redis:7", "docker.io/library/redis:7"},
		"AnythingOfficialIsNotUsers": {allow("*"), "evil/redis:7", denied},
		"AnyUserOfHub":               {allow("*/app"), "someone/app", "docker.io/someone/app:latest"},
		"AnyUserIsNoRegistry":        {allow("*/app"), "evil.com/app", denied},
		"RegistryWithPort":           {allow("localhost:5000/*"), "localhost:5000/app:1", "localhost:5000/app:1"},
		"RegistryWithOtherPort":      {allow("localhost:5000/*"), "localhost:5001/app:1", denied},
		"LocalhostRegistry":          {allow("localhost/containerlease/*:*"), "localhost/containerlease/demo:busybox", "localhost/containerlease/demo:busybox"},
		"BrokenPatternAllowsNothing": {allow("alpine:3.*", "["), "alpine:3.22", denied},
		"NothingAllowed":             {v1alpha1.ImagePolicy{}, "alpine", denied},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ResolveImage(tc.policy, tc.image)
			switch {
			case err == nil:
			case errors.Is(err, ErrImageNotAllowed):
				got = denied
			default:
				got = malformed
			}
			if got != tc.want {
				t.Errorf("got %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}

func TestAllowedImagesNamesAll(t *testing.T) {
	got := AllowedImages(v1alpha1.ImagePolicy{
		Catalog: []v1alpha1.CatalogImage{{Name: "ubuntu", Reference: "ubuntu:22.04"}}, Allow: []string{"docker.io/library/alpine:*"},
	})
	if want := "use one of ubuntu (ubuntu:22.04), or a reference that matches docker.io/library/alpine:*"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzResolveImage checks that whatever is allowed is canonical, and of the one
// repository that is.
func FuzzResolveImage(f *testing.F) {
	for _, seed := range []string{"ubuntu", "docker.io/library/ubuntu:1", "evil/ubuntu", "index.docker.io/ubuntu@" + digestA, "ubuntu:22.04"} {
		f.Add(seed)
	}
	policy := v1alpha1.ImagePolicy{Allow: []string{"docker.io/library/ubuntu:*"}}
	f.Fuzz(func(t *testing.T, image string) {
		got, err := ResolveImage(policy, image)
		if err != nil {
			return
		}
		const repository = "docker.io/library/ubuntu"
		if rest, ok := strings.CutPrefix(got, repository); !ok || (rest[0] != ':' && rest[0] != '@') {
			t.Fatalf("%q was allowed as %q", image, got)
		}
		if again, err := ResolveImage(policy, got); err != nil || again != got {
			t.Fatalf("%q is not canonical: %q, %v", got, again, err)
		}
	})
}
