import { expect, it } from "vitest";
import { addSample, cpuShare, memoryShare, type Sample, span } from "./usage";

const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
  at,
  cpu: 50,
  cpuLimit: 200,
  memory: 30,
  memoryLimit: 40,
  ...more,
});

it("keeps what is in the span", () => {
  let samples: readonly Sample[] = [];
  for (let at = 0; at <= span + 2000; at += 1000) samples = addSample(samples, sample(at));
  expect(samples.at(0)?.at).toBe(3000);
  expect(samples.at(-1)?.at).toBe(span + 2000);
});

it("takes no sample twice, as after a reconnection", () => {
  const samples = addSample([], sample(1000));
  expect(addSample(samples, sample(1000))).toBe(samples);
  expect(addSample(samples, sample(999))).toBe(samples);
});

it("computes shares of limits", () => {
  expect(cpuShare(sample(0))).toBe(25);
  expect(memoryShare(sample(0))).toBe(75);
  expect(cpuShare(sample(0, { cpuLimit: 0 }))).toBe(0);
});
