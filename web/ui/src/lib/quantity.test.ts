import { expect, it } from "vitest";
import { bytes, cpuQuantity, memoryQuantity, milliCPU, parseMilli } from "./quantity";

it.each<[string | number, bigint]>([
  ["500m", 500n],
  ["2", 2000n],
  [2, 2000n],
  ["0.1", 100n],
  [".5", 500n],
  ["1.", 1000n],
  ["1e3", 1_000_000n],
  ["1E-3", 1n],
  ["512Mi", 536_870_912_000n],
  ["1.5Gi", 1_610_612_736_000n],
  ["500M", 500_000_000_000n],
  ["3k", 3_000_000n],
  ["3G", 3_000_000_000_000n],
  ["3T", 3_000_000_000_000_000n],
  ["3P", 3_000_000_000_000_000_000n],
  ["3E", 3_000_000_000_000_000_000_000n],
  ["3Ti", 3000n << 40n],
  ["3Pi", 3000n << 50n],
  ["3Ei", 3000n << 60n],
  ["1n", 1n], // rounded up, as Kubernetes does
  ["1100u", 2n],
  ["+1", 1000n],
])("reads %s", (text, milli) => expect(parseMilli(text)).toBe(milli));

it.each(["", "-1", "1 Gi", "Gi", ".", "1K", "1gi", "one", "1e", "0x10", undefined])(
  "takes %j for none",
  (text) => expect(parseMilli(text)).toBeUndefined(),
);

it("knows cores and bytes", () => {
  expect(milliCPU("1.5")).toBe(1500);
  expect(milliCPU("nonsense")).toBe(0);
  expect(bytes("1Ki")).toBe(1024);
  expect(bytes("1m")).toBe(1);
});

it("writes quantities as manifests do", () => {
  expect([250, 1000, 1500].map(cpuQuantity)).toEqual(["250m", "1", "1500m"]);
  expect([512, 1024, 1536].map(memoryQuantity)).toEqual(["512Mi", "1Gi", "1536Mi"]);
});
