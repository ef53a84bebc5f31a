// Kubernetes quantities, such as "500m", "2" or "512Mi". Exact: computed in integers.

/** The API takes numbers, too; it answers with strings. */
export type Quantity = string | number;

const binary: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const decimalExponent: Record<string, number> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

const pattern = /^\+?([0-9]*)(?:\.([0-9]*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)|[eE]([+-]?[0-9]{1,2}))$/;

/** Returns the quantity in thousandths, rounded up as Kubernetes does; undefined if it is none. */
export function parseMilli(text: Quantity | undefined): bigint | undefined {
  const match = pattern.exec(String(text ?? ""));
  if (!match) return undefined;
  const [, whole = "", fraction = "", suffix = "", exponent] = match;
  if (whole + fraction === "") return undefined;
  let numerator = BigInt(whole + fraction) * 1000n;
  let power = -fraction.length;
  if (exponent !== undefined) power += Number(exponent);
  else if (suffix in binary) numerator *= binary[suffix] ?? 1n;
  else power += decimalExponent[suffix] ?? 0;
  if (power >= 0) return numerator * 10n ** BigInt(power);
  const denominator = 10n ** BigInt(-power);
  return (numerator + denominator - 1n) / denominator;
}

/** Thousandths of a core of a CPU quantity; 0 if it is none. */
export function milliCPU(text: Quantity | undefined): number {
  return Number(parseMilli(text) ?? 0n);
}

/** Bytes of a memory quantity; 0 if it is none. */
export function bytes(text: Quantity | undefined): number {
  const milli = parseMilli(text) ?? 0n;
  return Number((milli + 999n) / 1000n);
}

export const MiB = 1 << 20;
export const GiB = 1 << 30;

/** A CPU limit as manifests write it: "500m", "2". */
export function cpuQuantity(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

/** A memory limit in MiB as manifests write it: "512Mi", "2Gi". */
export function memoryQuantity(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024}Gi` : `${mib}Mi`;
}
