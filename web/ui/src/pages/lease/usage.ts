// What a container used in the last minutes.

export interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  /** Nano-cores. */
  cpu: number;
  cpuLimit: number;
  /** Bytes. */
  memory: number;
  memoryLimit: number;
}

/** How much is shown, in milliseconds. */
export const span = 5 * 60_000;

/** The samples with one more, without those that are too old. One that is not newer than the last is none. */
export function addSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last && sample.at <= last.at) return samples;
  return [...samples.filter(({ at }) => at > sample.at - span), sample];
}

/** Percent of the limit, which the engine lets be exceeded for moments only; 0 where there is no limit. */
export function cpuShare({ cpu, cpuLimit }: Sample): number {
  return cpuLimit > 0 ? (100 * cpu) / cpuLimit : 0;
}

/** Percent of the limit; 0 where there is none. */
export function memoryShare({ memory, memoryLimit }: Sample): number {
  return memoryLimit > 0 ? (100 * memory) / memoryLimit : 0;
}
