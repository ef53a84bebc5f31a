import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { toYAML } from "./yaml";

describe("toYAML", () => {
  it("writes a manifest as people do", () => {
    const lease = {
      kind: "ContainerLease",
      spec: { ttl: "1h30m", resources: { cpu: "500m" }, command: ["sh", "-c", "echo 'a'"] },
    };
    expect(toYAML(lease)).toBe(
      `kind: ContainerLease
spec:
  ttl: 1h30m
  resources:
    cpu: 500m
  command:
    - sh
    - -c
    - echo 'a'
`,
    );
  });

  it("does not break long lines", () => {
    const long = "word ".repeat(100).trim();
    expect(toYAML({ long })).toBe(`long: ${long}\n`);
  });

  // Each is something else to a reader of YAML 1.1 or 1.2, unless it is quoted.
  it.each(["yes", "no", "on", "off", "y", "N", "true", "null", "~", "", "2", "010", "0o10", "0x1F"])(
    "keeps %j a string",
    (value) => expect(toYAML({ value })).toBe(`value: "${value}"\n`),
  );

  it.each(["1_000", "0b1", "12:30:45", "2026-01-02", "2026-01-02T15:04:05Z", ".5", "1e3", "685_230.15"])(
    "keeps %j a string",
    (value) => expect(toYAML({ value })).toBe(`value: "${value}"\n`),
  );

  it.each(["a: b", "a #b", "- a", "'x", '{"a": 1}', "a\nb", "a\n", " a ", "*", "&a", "!a", "%a", "@a", "`a"])(
    "is read back: %j",
    (value) => {
      expect(parse(toYAML({ value }), { version: "1.1" })).toEqual({ value });
      expect(parse(toYAML({ value }), { version: "1.2" })).toEqual({ value });
    },
  );
});
