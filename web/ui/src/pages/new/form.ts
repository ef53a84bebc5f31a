// What is asked for in the form, whether it may be, and the lease it stands for: pure, so that it can
// be tested. Messages are like the server's, which has the last word.
import { newLease } from "@/api/leases";
import type { ContainerLease, LeaseClass, Session } from "@/api/types";
import { durationFormat, parseDuration } from "@/lib/duration";
import { isDefaultClass } from "@/lib/lease";
import { cpuQuantity, MiB, memoryQuantity, parseMilli, type Quantity } from "@/lib/quantity";
import { parseTime } from "@/lib/time";
import { splitCommand, UnclosedQuoteError } from "./shell";

export interface Variable {
  /** Tells rows apart that are alike. */
  id: number;
  name: string;
  value: string;
}

/** What a person has entered; undefined is what the class says. */
export interface Values {
  className: string | undefined;
  namespace: string | undefined;
  name: string;
  /** The name of a catalog image, or other. */
  image: string | undefined;
  /** An image by its reference, if image is other. */
  reference: string;
  ttl: string | undefined;
  cpu: string | undefined;
  memory: string | undefined;
  command: string;
  env: readonly Variable[];
}

/** Stands for an image that is not in the catalog; no catalog name has a capital letter. */
export const other = "OTHER";

export const emptyValues: Values = {
  className: undefined,
  namespace: undefined,
  name: "",
  image: undefined,
  reference: "",
  ttl: undefined,
  cpu: undefined,
  memory: undefined,
  command: "",
  env: [],
};

/** What is wrong, by the API's names of the fields: "spec.ttl", "spec.env[0].name". */
export type Errors = Readonly<Record<string, string>>;

/** The class that a form begins with: the default, else the first. Of many defaults the youngest, as on the server. */
export function firstClass(classes: readonly LeaseClass[]): LeaseClass | undefined {
  const created = (each: LeaseClass) => parseTime(each.metadata?.creationTimestamp) ?? 0;
  const byName = [...classes].sort((a, b) => (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? ""));
  const defaults = byName.filter(isDefaultClass).sort((a, b) => created(b) - created(a));
  return defaults[0] ?? byName[0];
}

/** Where a lease is made unless a person says otherwise: in their own namespace, if they may. */
export function homeOf({ admin, namespace, editorOf }: Session): string {
  return admin || editorOf.includes(namespace) ? namespace : (editorOf[0] ?? namespace);
}

/** The form with nothing left open. */
export interface Filled extends Values {
  namespace: string;
  image: string;
  ttl: string;
  cpu: string;
  memory: string;
}

export function fill(values: Values, leaseClass: LeaseClass, namespace: string): Filled {
  const { images, ttl, cpu, memory } = leaseClass.spec;
  return {
    ...values,
    namespace: values.namespace ?? namespace,
    image: values.image ?? images.catalog?.[0]?.name ?? other,
    ttl: values.ttl ?? ttl.default,
    cpu: values.cpu ?? String(cpu.default),
    memory: values.memory ?? String(memory.default),
  };
}

/** What of the values still holds in another class: an image or a size that it doesn't have is its own default again. */
export function changeClass(values: Values, leaseClass: LeaseClass): Values {
  const wrong = check(fill(values, leaseClass, ""), leaseClass);
  const kept = <T>(field: string, value: T): T | undefined => (wrong[field] ? undefined : value);
  const { catalog, allow } = leaseClass.spec.images;
  const hasImage =
    values.image === other
      ? (allow ?? []).length > 0
      : (catalog ?? []).some(({ name }) => name === values.image);
  return {
    ...values,
    className: leaseClass.metadata?.name,
    image: hasImage ? values.image : undefined,
    ttl: kept("spec.ttl", values.ttl),
    cpu: kept("spec.resources.cpu", values.cpu),
    memory: kept("spec.resources.memory", values.memory),
  };
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
// Kubernetes' IsEnvVarName.
const variableName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

export function check(values: Filled, leaseClass: LeaseClass): Errors {
  const errors: Record<string, string> = {};
  const set = (field: string, message: string | undefined) => {
    if (message && !errors[field]) errors[field] = message;
  };
  const { name, namespace } = values;
  if (name !== "" && (!subdomain.test(name) || name.length > 253)) {
    set(
      "metadata.name",
      `"${shortened(name)}" is no name: small letters, digits, "-" and "." within, such as "build-42"`,
    );
  }
  if (!label.test(namespace) || namespace.length > 63) {
    set(
      "metadata.namespace",
      `"${shortened(namespace)}" is no namespace: small letters, digits, and "-" within`,
    );
  }
  const { ttl, cpu, memory } = leaseClass.spec;
  const named = leaseClass.metadata?.name ?? "";
  if (values.image === other) set("spec.image", checkReference(values.reference.trim()));
  set("spec.ttl", checkTTL(values.ttl, ttl, named));
  set("spec.resources.cpu", checkQuantity(values.cpu, cpu, named, ofCPU));
  set("spec.resources.memory", checkQuantity(values.memory, memory, named, ofMemory));
  try {
    if (splitCommand(values.command)[0] === "") set("spec.command", "Name the program to run");
  } catch (error) {
    if (!(error instanceof UnclosedQuoteError)) throw error;
    set("spec.command", `Not a command: ${error.message}`);
  }
  const seen = new Set<string>();
  values.env.forEach((variable, index) => {
    const field = `spec.env[${index}].name`;
    if (variable.name === "") set(field, "Name the variable");
    else if (!variableName.test(variable.name)) {
      set(
        field,
        `"${shortened(variable.name)}" is no name: letters, digits, "_", "-" and ".", no digit first`,
      );
    } else if (seen.has(variable.name)) set(field, `${variable.name} is set twice`);
    seen.add(variable.name);
  });
  return errors;
}

/** Which images a class allows, the server alone decides; what can't be one at all is said at once. */
function checkReference(text: string): string | undefined {
  if (text === "") return `Name an image, such as "alpine:3.22"`;
  if (!/^[\w./:@[\]-]+$/.test(text)) {
    return `"${shortened(text)}" is no image reference; write one such as "alpine:3.22" or "registry.example.com/team/app:1.0"`;
  }
  return undefined;
}

function checkTTL(text: string, bounds: LeaseClass["spec"]["ttl"], named: string): string | undefined {
  const ms = parseDuration(text);
  if (ms === undefined) return `"${shortened(text)}" is no time; write one ${durationFormat}`;
  const within = ms >= (parseDuration(bounds.min) ?? 0) && ms <= (parseDuration(bounds.max) ?? 0);
  return within ? undefined : outside(text, bounds, named);
}

const ofCPU = `such as "500m" or "2"`;
const ofMemory = `such as "512Mi" or "2Gi"`;

function checkQuantity(
  text: string,
  bounds: LeaseClass["spec"]["cpu"],
  named: string,
  examples: string,
): string | undefined {
  const milli = parseMilli(text);
  if (milli === undefined) return `"${shortened(text)}" is no quantity; write one ${examples}`;
  const within = milli >= (parseMilli(bounds.min) ?? 0n) && milli <= (parseMilli(bounds.max) ?? 0n);
  return within ? undefined : outside(text, bounds, named);
}

function outside(text: string, { min, max }: { min: Quantity; max: Quantity }, named: string): string {
  return `Class ${named} allows from ${min} to ${max}, not ${shortened(text)}`;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** The lease that a form stands for. A command that is none is left out. */
export function toLease(values: Filled, leaseClass: LeaseClass): ContainerLease {
  let command: string[] = [];
  try {
    command = splitCommand(values.command);
  } catch {
    // The field says so; what is shown beside the form is what it stands for but for that.
  }
  return newLease(values.namespace, values.name, {
    className: leaseClass.metadata?.name ?? "",
    image: values.image === other ? values.reference.trim() : values.image,
    ttl: values.ttl,
    resources: { cpu: values.cpu, memory: values.memory },
    ...(command.length > 0 ? { command } : {}),
    ...(values.env.length > 0 ? { env: values.env.map(({ name, value }) => ({ name, value })) } : {}),
  });
}

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

// biome-ignore format: a table
const times = [
  5 * seconds, 10 * seconds, 15 * seconds, 30 * seconds, 45 * seconds,
  ...[1, 2, 5, 10, 15, 20, 30, 45].map((n) => n * minutes),
  ...[1, 1.5, 2, 3, 4, 6, 8, 12].map((n) => n * hours),
  ...[1, 2, 3, 5, 7, 14, 30].map((n) => n * days),
];
const cores = [
  50, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 32_000, 64_000,
];
const mebibytes = [
  16, 32, 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16_384, 32_768, 65_536,
];

/** The steps within bounds, the bounds and the default among them. */
function stepsWithin(steps: readonly number[], min: number, usual: number, max: number): number[] {
  const all = [min, usual, max, ...steps.filter((step) => step > min && step < max)];
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The times that a slider offers, in milliseconds. */
export function timeSteps({ ttl }: LeaseClass["spec"]): number[] {
  const [min, usual, max] = [ttl.min, ttl.default, ttl.max].map((text) => parseDuration(text) ?? 0);
  return stepsWithin(times, min ?? 0, usual ?? 0, max ?? 0);
}

/** The place of the step next to a time. */
export function nearestStep(steps: readonly number[], ms: number): number {
  let nearest = 0;
  for (const [index, step] of steps.entries()) {
    if (Math.abs(step - ms) < Math.abs((steps[nearest] ?? 0) - ms)) nearest = index;
  }
  return nearest;
}

function inUnits(quantity: Quantity, unit: bigint): number {
  return Number((parseMilli(quantity) ?? 0n) / unit);
}

/** The CPU limits that are offered. */
export function cpuSteps({ cpu }: LeaseClass["spec"]): string[] {
  const [min, usual, max] = [cpu.min, cpu.default, cpu.max].map((q) => inUnits(q, 1n));
  return stepsWithin(cores, min ?? 0, usual ?? 0, max ?? 0).map(cpuQuantity);
}

/** The memory limits that are offered: whole mebibytes within the bounds. */
export function memorySteps({ memory }: LeaseClass["spec"]): string[] {
  const [min, usual, max] = [memory.min, memory.default, memory.max].map((q) =>
    inUnits(q, BigInt(MiB) * 1000n),
  );
  const steps = stepsWithin(mebibytes, min ?? 0, usual ?? 0, max ?? 0);
  return steps.map(memoryQuantity).filter((text) => checkQuantity(text, memory, "", "") === undefined);
}
