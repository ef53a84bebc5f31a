// What has happened to a lease, and how far it has come: pure, so that it can be tested.
import type { Condition, ContainerLease, Event } from "@/api/types";
import { conditionOf, isOver } from "@/lib/lease";
import { parseTime } from "@/lib/time";

export type Tone = "good" | "bad" | "neutral";

export interface Entry {
  key: string;
  /** Milliseconds since 1970. */
  at: number;
  title: string;
  detail: string;
  tone: Tone;
  /** How often it happened; at is the last time then. */
  times: number;
}

/** The conditions of a lease in the order of its life. */
export const conditionTypes = ["Accepted", "Provisioned", "Ready", "Finished", "Billed"] as const;

/** A condition that was told by an event, too, was so within this time, in milliseconds. */
const sameMoment = 3_000;

/**
 * What has happened, the newest first: the events, and the conditions as they came to be what they are, as far
 * as no event tells the same.
 */
export function timeline(lease: ContainerLease, events: readonly Event[]): Entry[] {
  const told = events.flatMap((event): Entry[] => {
    const at = parseTime(event.series?.lastObservedTime) ?? parseTime(event.eventTime ?? undefined);
    if (at === undefined) return [];
    return [
      {
        key: event.metadata?.uid ?? "",
        at,
        title: spaced(event.reason ?? "Event"),
        detail: event.note ?? "",
        tone: event.type === "Warning" ? "bad" : "neutral",
        times: event.series?.count ?? 1,
      },
    ];
  });
  const untold = conditionTypes.flatMap((type): Entry[] => {
    const condition = conditionOf(lease, type);
    const at = parseTime(condition?.lastTransitionTime);
    // A condition that is as it was made says nothing yet.
    if (!condition || at === undefined || condition.status === "Unknown" || notYet(condition)) return [];
    const title = spaced(condition.reason);
    const known = told.some((entry) => entry.title === title && Math.abs(entry.at - at) <= sameMoment);
    if (known) return [];
    return [{ key: type, at, title, detail: condition.message || type, tone: toneOf(condition), times: 1 }];
  });
  const created = parseTime(lease.metadata?.creationTimestamp);
  const asked: Entry[] =
    created === undefined
      ? []
      : [{ key: "created", at: created, title: "Asked for", detail: "", tone: "neutral", times: 1 }];
  return [...asked, ...told, ...untold].sort(
    (a, b) => second(b.at) - second(a.at) || lifeOf(b) - lifeOf(a) || b.at - a.at,
  );
}

// Conditions know whole seconds only: what happened in the same one is in the order of a life.
const life = ["created", "Accepted", "Pulling", "Pull failed", "Creating", "Provisioned", "Running"];

function second(at: number): number {
  return Math.trunc(at / 1000);
}

function lifeOf({ key, title }: Entry): number {
  const place = life.indexOf(key === "created" ? key : title);
  return place < 0 ? life.length : place;
}

function notYet({ type, status }: Condition): boolean {
  return (type === "Finished" || type === "Billed") && status !== "True";
}

/** Whether a condition is good news. Finished is neither: its reason says which. */
export function toneOf({ type, status, reason }: Condition): Tone {
  if (type === "Finished") {
    return status === "True" && !["Expired", "Completed", "Deleted"].includes(reason) ? "bad" : "neutral";
  }
  if (status === "True") return "good";
  return /Fail|Exceeded|NotAllowed|NotFound|Unavailable/.test(reason) ? "bad" : "neutral";
}

/** A reason as words: "PullFailed" is "Pull failed". */
export function spaced(reason: string): string {
  const words = reason.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return words.charAt(0) + words.slice(1).replace(/\b[A-Z][a-z]/g, (word) => word.toLowerCase());
}

export type StepState = "done" | "active" | "failed" | "waiting";

export interface Step {
  label: string;
  state: StepState;
  detail?: string | undefined;
}

/** Which step a reason of Provisioned belongs to: 1 is the pull, 2 the creation, 3 the start. */
const stepOfReason: Record<string, number> = {
  Pending: 1,
  Pulling: 1,
  PullFailed: 1,
  EngineUnavailable: 1,
  Creating: 2,
  CreateFailed: 2,
  Resizing: 2,
  ResizeFailed: 2,
  StartFailed: 3,
  Provisioned: 3,
};

/** How far a lease has come on its way to running; undefined once it runs or has run. */
export function provisioning(lease: ContainerLease): Step[] | undefined {
  if (lease.status?.startTime || isOver(lease) || lease.metadata?.deletionTimestamp) return undefined;
  if (lease.spec.operatingMode === "Suspended") return undefined;
  const accepted = conditionOf(lease, "Accepted");
  const provisioned = conditionOf(lease, "Provisioned");
  const isAccepted = accepted?.status === "True";
  const current = isAccepted ? (stepOfReason[provisioned?.reason ?? ""] ?? 1) : 0;
  const speaker = isAccepted ? provisioned : accepted;
  const failed = speaker !== undefined && toneOf(speaker) === "bad";
  return ["Check the class", "Pull the image", "Create the container", "Start it"].map((label, index) => {
    if (index < current) return { label, state: "done" };
    if (index > current) return { label, state: "waiting" };
    return { label, state: failed ? "failed" : "active", detail: speaker?.message || undefined };
  });
}

/** How much of a pull is done, from 0 to 1, where the server's message says it: "…, 1.5 of 6.0 MB." */
export function pullProgress(message: string | undefined): number | undefined {
  const [, done, total] = /([\d.]+) of ([\d.]+) MB/.exec(message ?? "") ?? [];
  const part = Number(done) / Number(total);
  return Number.isFinite(part) ? Math.min(1, part) : undefined;
}
