import { describe, expect, it } from "vitest";
import { allowedImages, judgeImage } from "./images";

const digestA = `sha256:${"a".repeat(64)}`;
const digestB = `sha256:${"b".repeat(64)}`;

const standard = {
  catalog: [
    { name: "ubuntu", reference: "ubuntu:22.04" },
    { name: "alpine", reference: "alpine:3.22" },
  ],
  allow: ["docker.io/library/ubuntu:*", "docker.io/library/alpine:*"],
};
const pinned = { catalog: [{ name: "base", reference: `ubuntu:22.04@${digestA}` }] };
const allow = (...patterns: string[]) => ({ allow: patterns });

describe("judgeImage", () => {
  // The table of api/policy/images_test.go.
  it.each([
    ["CatalogName", standard, "ubuntu", "allowed"],
    ["CatalogNameWinsOverLatest", standard, "alpine", "allowed"],
    ["Tag", standard, "alpine:edge", "allowed"],
    ["Library", standard, "library/alpine", "allowed"],
    ["Canonical", standard, "docker.io/library/alpine:3.22", "allowed"],
    ["LegacyRegistry", standard, "index.docker.io/library/alpine:3.22", "allowed"],
    ["HubShort", standard, "docker.io/alpine:3.22", "allowed"],
    ["DigestOfAnAllowedImage", standard, `alpine@${digestA}`, "allowed"],
    ["TagBesideDigestIsDropped", standard, `alpine:3.22@${digestA}`, "allowed"],
    ["LookAlikeRegistry", standard, "docker.io.evil.com/library/alpine", "denied"],
    ["LookAlikeSubdomain", standard, "evil.docker.io/library/alpine", "denied"],
    ["RegistryInPath", standard, "evil.com/docker.io/library/alpine", "denied"],
    ["OtherUser", standard, "evil/ubuntu", "denied"],
    ["OtherUserOnHub", standard, "docker.io/evil/ubuntu", "denied"],
    ["ImageAsRegistry", standard, "ubuntu.evil.io/ubuntu", "denied"],
    ["Suffix", standard, "ubuntu-evil", "denied"],
    ["SuffixOfPath", standard, "library/ubuntu/evil", "denied"],
    ["Localhost", standard, "localhost/library/ubuntu", "denied"],
    ["Port", standard, "docker.io:443/library/ubuntu", "denied"],
    ["RegistryInUpperCase", standard, "DOCKER.IO/library/ubuntu", "denied"],
    ["UpperCase", standard, "Ubuntu", "malformed"],
    ["Space", standard, "ubuntu ", "malformed"],
    ["Shell", standard, "ubuntu;reboot", "malformed"],
    ["Substitution", standard, "$(id)", "malformed"],
    ["Newline", standard, "ubuntu\nevil", "malformed"],
    ["Empty", standard, "", "malformed"],
    ["Wildcard", standard, "docker.io/library/*", "malformed"],
    ["ShortDigest", standard, "alpine@sha256:abc", "malformed"],
    ["ImageID", standard, "a".repeat(64), "malformed"],
    ["URL", standard, "https://docker.io/library/alpine", "malformed"],
    ["PinnedByName", pinned, "base", "allowed"],
    ["PinnedByTag", pinned, "ubuntu:22.04", "allowed"],
    ["PinnedByDigest", pinned, `ubuntu@${digestA}`, "allowed"],
    ["PinnedOtherDigest", pinned, `ubuntu:22.04@${digestB}`, "denied"],
    ["PinnedOtherTag", pinned, "ubuntu:24.04", "denied"],
    ["PinnedUntagged", pinned, "ubuntu", "denied"],
    ["AllowedTagOnly", allow("alpine:3.22"), "alpine:3.22", "allowed"],
    ["AllowedTagNotItsDigest", allow("alpine:3.22"), `alpine:3.22@${digestA}`, "denied"],
    ["AllowedTagOtherTag", allow("alpine:3.22"), "alpine:3.221", "denied"],
    ["AllowedDigest", allow(`alpine@${digestA}`), `alpine:anything@${digestA}`, "allowed"],
    ["AllowedDigestNotItsTag", allow(`alpine:3.22@${digestA}`), "alpine:3.22", "denied"],
    ["AnyVersion", allow("alpine"), "alpine:3.22", "allowed"],
    ["AnySegment", allow("registry.io/team/*:*"), "registry.io/team/app:1", "allowed"],
    ["OneSegmentOnly", allow("registry.io/team/*"), "registry.io/team/app/sub:1", "denied"],
    ["NotNoSegment", allow("registry.io/team/*"), "registry.io/team:1", "denied"],
    ["SegmentInTheMiddle", allow("registry.io/*/app"), "registry.io/b/app", "allowed"],
    ["AnythingOfficial", allow("*"), "redis:7", "allowed"],
    ["AnythingOfficialIsNotUsers", allow("*"), "evil/redis:7", "denied"],
    ["AnyUserOfHub", allow("*/app"), "someone/app", "allowed"],
    ["AnyUserIsNoRegistry", allow("*/app"), "evil.com/app", "denied"],
    ["RegistryWithPort", allow("localhost:5000/*"), "localhost:5000/app:1", "allowed"],
    ["RegistryWithOtherPort", allow("localhost:5000/*"), "localhost:5001/app:1", "denied"],
    [
      "LocalhostRegistry",
      allow("localhost/containerlease/*:*"),
      "localhost/containerlease/demo:busybox",
      "allowed",
    ],
    ["BrokenPatternAllowsNothing", allow("alpine:3.*", "["), "alpine:3.22", "denied"],
    ["NothingAllowed", {}, "alpine", "denied"],
  ] as const)("%s", (_, images, image, want) => expect(judgeImage(images, image)).toBe(want));
});

describe("allowedImages", () => {
  it("names all", () =>
    expect(allowedImages(standard)).toBe(
      "use one of ubuntu (ubuntu:22.04), alpine (alpine:3.22), or a reference that matches docker.io/library/ubuntu:*, docker.io/library/alpine:*",
    ));
});
