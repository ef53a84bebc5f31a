import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { containerLeases } from "../kubernetes";
import type { ContainerLease } from "../types";
import { Collection } from "./collection";
import { connection, wakeAll } from "./connection";

/** Stands for the browser's: opened, spoken by and closed by the test. */
class FakeSocket {
  static readonly CONNECTING = 0;
  static all: FakeSocket[] = [];
  readyState = 0;
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly url: URL) {
    FakeSocket.all.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(type: string, object: object): void {
    this.onmessage?.({ data: `${JSON.stringify({ type, object })}\n` });
  }

  end(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }

  close(): void {
    this.closed = true;
    this.readyState = 3;
    setTimeout(() => this.onclose?.({ code: 1005, reason: "" }));
  }
}

function lease(name: string, resourceVersion: string, namespace = "ada"): ContainerLease {
  return {
    metadata: { name, namespace, uid: `${namespace}/${name}`, resourceVersion },
    spec: { image: "box" },
  };
}

const names = (items: readonly ContainerLease[]) => items.map(({ metadata }) => metadata?.name ?? "").sort();

type Answer = { status: number; body: object };
let lists: string[];
let answers: Record<string, Answer>;
let latency: number;
let seen: string[][];
let collection: Collection<ContainerLease> | undefined;

const at = (namespace: string) =>
  `/apis/containerlease.dev/v1alpha1/namespaces/${namespace}/containerleases?`;

function listed(resourceVersion: string, ...items: ContainerLease[]): Answer {
  return { status: 200, body: { metadata: { resourceVersion }, items } };
}

function collect(...namespaces: string[]): Collection<ContainerLease> {
  collection = new Collection({ resource: containerLeases, namespaces }, (items) => seen.push(names(items)));
  return collection;
}

/** Lets everything happen that is due within a time. */
const pass = (ms = 200) => vi.advanceTimersByTimeAsync(ms);

function last(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  lists = [];
  seen = [];
  latency = 0;
  answers = { [at("ada")]: listed("10", lease("a", "3"), lease("b", "7")) };
  FakeSocket.all = [];
  vi.stubGlobal("window", {
    setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
    clearTimeout: (timer: number) => clearTimeout(timer),
    location: { href: "http://dashboard.test/" },
  });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (path: string, { signal }: RequestInit) => {
    lists.push(path);
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency));
    signal?.throwIfAborted();
    const answer = answers[path] ?? { status: 503, body: { kind: "Status", message: "not now" } };
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
});

afterEach(() => {
  collection?.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a collection", () => {
  it("is listed once, and watched from there", async () => {
    const first = collect("ada").first;
    await pass();
    expect(names(await first)).toEqual(["a", "b"]);
    expect(lists).toEqual([at("ada")]);
    const { url } = last();
    expect(url.protocol).toBe("ws:");
    expect(url.pathname).toBe("/ws/apis/containerlease.dev/v1alpha1/namespaces/ada/containerleases");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "10",
    });
    last().open();
    expect(connection()).toEqual({ kind: "live" });
  });

  it("is of what it is asked for only, and as safe as the page", async () => {
    vi.stubGlobal("window", { ...window, location: { href: "https://dashboard.test/leases" } });
    const fieldSelector = "metadata.name=a";
    answers[`${at("ada")}fieldSelector=metadata.name%3Da`] = listed("10", lease("a", "3"));
    collection = new Collection({ resource: containerLeases, namespaces: ["ada"], fieldSelector }, () => {});
    await pass();
    expect(names(await collection.first)).toEqual(["a"]);
    expect(last().url.protocol).toBe("wss:");
    expect(last().url.searchParams.get("fieldSelector")).toBe(fieldSelector);
  });

  it("says that it is about to be there", async () => {
    latency = 300;
    collect("ada");
    expect(connection()).toEqual({ kind: "connecting" });
    await pass();
    expect(connection()).toEqual({ kind: "connecting" });
    await pass();
    last().open();
    expect(connection()).toEqual({ kind: "live" });
  });

  it("follows what happens", async () => {
    collect("ada");
    await pass();
    last().open();
    last().say("ADDED", lease("c", "11"));
    last().say("MODIFIED", lease("a", "12"));
    last().say("DELETED", lease("b", "13"));
    await pass();
    expect(seen.at(-1)).toEqual(["a", "c"]);
  });

  it("takes a bookmark for no object", async () => {
    collect("ada");
    await pass();
    last().open();
    last().say("BOOKMARK", lease("", "15"));
    await pass();
    expect(seen.at(-1)).toEqual(["a", "b"]);
  });

  it("tells of many changes at once, once, and of one at once", async () => {
    collect("ada");
    await pass();
    last().open();
    const before = seen.length;
    for (let index = 0; index < 500; index++) last().say("ADDED", lease(`c${index}`, String(20 + index)));
    expect(seen).toHaveLength(before);
    await pass(1);
    expect(seen).toHaveLength(before + 1);
    expect(seen.at(-1)).toHaveLength(502);
  });

  it("tells of changes that don't end once in a tenth of a second", async () => {
    collect("ada");
    await pass();
    last().open();
    seen = [];
    for (let index = 0; index < 100; index++) {
      last().say("MODIFIED", lease("a", String(20 + index)));
      await pass(10);
    }
    expect(seen).toHaveLength(1 + 10); // the first at once
  });

  it("goes on where it was, once the stream is back", async () => {
    collect("ada");
    await pass();
    last().open();
    last().say("MODIFIED", lease("a", "12"));
    last().say("BOOKMARK", lease("", "15"));
    last().end();
    expect(connection().kind).toBe("waiting");
    await pass(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().url.searchParams.get("resourceVersion")).toBe("15");
    expect(lists).toHaveLength(1);
    last().open();
    expect(connection()).toEqual({ kind: "live" });
  });

  it("tries again less and less often, and at once after it was there", async () => {
    const retryIn = () => {
      const state = connection();
      return state.kind === "waiting" ? state.retryAt - Date.now() : 0;
    };
    collect("ada");
    await pass();
    const pauses: number[] = [];
    for (let failure = 0; failure < 4; failure++) {
      last().end();
      pauses.push(retryIn());
      await pass(retryIn() + 200);
    }
    for (const [failure, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(500 * 2 ** failure);
      expect(pause).toBeLessThanOrEqual(750 * 2 ** failure);
    }
    last().open();
    last().end();
    expect(retryIn()).toBeLessThanOrEqual(750);
  });

  it("opens another stream for one that may be dead, and goes on where it was", async () => {
    collect("ada");
    await pass();
    const [dead] = FakeSocket.all;
    last().open();
    last().say("MODIFIED", lease("a", "12"));
    wakeAll();
    expect(dead?.closed).toBe(true);
    await pass(60_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().url.searchParams.get("resourceVersion")).toBe("12");
    expect(lists).toHaveLength(1);
  });

  it("does not list twice at the same time", async () => {
    latency = 300;
    collect("ada");
    wakeAll();
    await pass(1_000);
    expect(lists).toHaveLength(1);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("lists anew what happened too long ago to be told, and drops what is gone", async () => {
    collect("ada");
    await pass();
    last().open();
    answers[at("ada")] = listed("90", lease("c", "80"));
    last().say("ERROR", { kind: "Status", code: 410 });
    last().end(1000);
    await pass(1_500);
    expect(seen.at(-1)).toEqual(["c"]);
    expect(last().url.searchParams.get("resourceVersion")).toBe("90");
  });

  it("lists anew where a stream is refused, since only a list says why", async () => {
    collect("ada");
    await pass();
    last().end();
    await pass(1_500);
    expect(lists).toHaveLength(2);
  });

  it("tries again for as long as nobody answers, and is there in the end", async () => {
    const ready = answers[at("ada")];
    answers = {};
    const { first } = collect("ada");
    await pass();
    await expect(first).rejects.toThrow("not now");
    expect(connection().kind).toBe("waiting");
    await pass(5_000);
    expect(lists.length).toBeGreaterThan(2);
    if (ready) answers[at("ada")] = ready;
    wakeAll();
    await pass();
    expect(seen.at(-1)).toEqual(["a", "b"]);
  });

  it("does not try again for who is signed out", async () => {
    answers[at("ada")] = { status: 401, body: { kind: "Status", message: "who are you" } };
    await expect(collect("ada").first).rejects.toThrow("who are you");
    await pass(60_000);
    expect(lists).toHaveLength(1);
  });

  it("is shown when all of its namespaces are known, and not before", async () => {
    const { first } = collect("ada", "team");
    await first.catch(() => {});
    await pass();
    expect(seen).toEqual([]);
    answers[at("team")] = listed("11", lease("t", "9", "team"));
    await pass(2_000);
    expect(seen.at(-1)).toEqual(["a", "b", "t"]);
  });

  it("is silent once it is stopped", async () => {
    const stopped = collect("ada");
    await pass();
    last().open();
    const { length } = seen;
    last().say("DELETED", lease("b", "13"));
    stopped.stop();
    expect(last().closed).toBe(true);
    await pass(60_000);
    expect(seen).toHaveLength(length);
    expect(lists).toHaveLength(1);
    expect(connection()).toEqual({ kind: "idle" });
    wakeAll();
    await pass(60_000);
    expect(lists).toHaveLength(1);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("is silent if it is stopped before it is listed", async () => {
    latency = 300;
    const stopped = collect("ada");
    await pass();
    stopped.stop();
    await pass(60_000);
    expect(seen).toEqual([]);
    expect(FakeSocket.all).toEqual([]);
    expect(lists).toHaveLength(1);
    expect(connection()).toEqual({ kind: "idle" });
  });

  it("is silent if it is stopped before it is tried again", async () => {
    const stopped = collect("ada");
    await pass();
    last().end();
    stopped.stop();
    await pass(60_000);
    expect(lists).toHaveLength(1);
    expect(FakeSocket.all).toHaveLength(1);
    expect(connection()).toEqual({ kind: "idle" });
  });

  it("closes a stream once it stands that is not wanted any more", async () => {
    const stopped = collect("ada");
    await pass();
    stopped.stop();
    expect(last().closed).toBe(false);
    last().open();
    expect(last().closed).toBe(true);
    expect(connection()).toEqual({ kind: "idle" });
  });

  it("of no namespace at all is empty", async () => {
    await expect(collect().first).resolves.toEqual([]);
  });
});
