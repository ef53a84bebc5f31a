// What a class allows and costs, in words: pure, so that it can be tested.
import type { LeaseClass } from "@/api/types";
import { parseDuration } from "@/lib/duration";
import { cpu, exactMoney, memory, money } from "@/lib/format";
import { isDefaultClass } from "@/lib/lease";
import { estimate, parseAmount } from "@/lib/money";
import { bytes, milliCPU } from "@/lib/quantity";
import { longTime } from "@/lib/time";

type Spec = LeaseClass["spec"];
type Fact = [string, string];

/** The default first, then by name. */
export function inOrder(classes: readonly LeaseClass[]): LeaseClass[] {
  return [...classes].sort(
    (a, b) =>
      Number(isDefaultClass(b)) - Number(isDefaultClass(a)) ||
      (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? ""),
  );
}

export function prices({ pricing, cpu, memory, ttl }: Spec): Fact[] {
  const { currency } = pricing;
  const price = (text: string | undefined) => exactMoney(parseAmount(text) ?? 0n, currency);
  const facts: Fact[] = [
    ["A core, an hour", price(pricing.perCPUHour)],
    ["A GiB, an hour", price(pricing.perGiBHour)],
  ];
  if ((parseAmount(pricing.perLease) ?? 0n) > 0n) facts.push(["Once for a lease", price(pricing.perLease)]);
  const usual = estimate(pricing, cpu.default, memory.default, parseDuration(ttl.default) ?? 0);
  facts.push(["As it comes", `${money(usual, currency)} for ${time(ttl.default)}`]);
  return facts;
}

export function rules({ ttl, cpu: cores, memory: ram, isolation }: Spec): Fact[] {
  const facts: Fact[] = [
    ["Time", range(ttl, time)],
    ["CPU", range(cores, (quantity) => cpu(milliCPU(quantity)))],
    ["Memory", range(ram, (quantity) => memory(bytes(quantity)))],
  ];
  const { network, pidsLimit, readOnlyRootFilesystem } = isolation ?? {};
  if (network) facts.push(["Network", network === "None" ? "none" : "its own"]);
  if (pidsLimit) facts.push(["Processes", `at most ${pidsLimit.toLocaleString()}`]);
  if (readOnlyRootFilesystem) facts.push(["File system", "read-only but for /tmp"]);
  return facts;
}

function range<T>(
  { min, max, default: usual }: { min: T; max: T; default: T },
  words: (value: T) => string,
): string {
  const [from, to] = [words(min), words(max)];
  return from === to ? from : `${from} – ${to}, else ${words(usual)}`;
}

function time(text: string): string {
  return longTime(parseDuration(text) ?? 0);
}
