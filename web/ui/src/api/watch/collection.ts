// A collection of objects that stays true: listed once, then watched, by the API's own watch. It is
// level-triggered: whoever looks gets the whole as it is, however many changes led there.
import { isStatus, requestJSON } from "../http";
import { collectionPath, type List, type Resource } from "../kubernetes";
import type { KubernetesObject, Status } from "../types";
import { pauseAfter } from "./backoff";
import { onWake, setConnection } from "./connection";
import { openStream } from "./stream";

export interface Selection<T extends KubernetesObject> {
  resource: Resource<T>;
  /** Each namespace to look in; undefined is all of them. */
  namespaces: readonly (string | undefined)[];
  fieldSelector?: string | undefined;
}

/** How often whoever looks is told of changes, at most, in milliseconds. */
const flushInterval = 100;

interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: KubernetesObject & Partial<Status>;
}

export class Collection<T extends KubernetesObject> {
  private readonly parts: Part<T>[];
  private timer: number | undefined;
  private lastFlush = 0;
  private settle!: { resolve: (items: readonly T[]) => void; reject: (error: Error) => void };
  /** Fulfilled with the first complete view; rejected if the first try failed. */
  readonly first: Promise<readonly T[]>;

  /** Starts at once. onChange gets every view after the first. */
  constructor(
    selection: Selection<T>,
    private readonly onChange: (items: readonly T[]) => void,
  ) {
    this.first = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.first.catch(() => {}); // whoever asked is told; a page may not ask at all
    this.parts = selection.namespaces.map(
      (namespace) => new Part<T>(selection, namespace, this.changed, (error) => this.settle.reject(error)),
    );
    if (this.parts.length === 0) this.settle.resolve([]);
  }

  /** Ends it; nothing is called afterwards. */
  stop(): void {
    window.clearTimeout(this.timer);
    for (const part of this.parts) part.stop();
  }

  private readonly changed = (): void => {
    if (this.timer !== undefined || !this.parts.every((part) => part.synced)) return;
    const wait = Math.max(0, this.lastFlush + flushInterval - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      this.lastFlush = performance.now();
      const items = this.parts.flatMap((part) => [...part.items.values()]);
      this.settle.resolve(items);
      this.onChange(items);
    }, wait);
  };
}

/** What of a collection is in one namespace. */
class Part<T extends KubernetesObject> {
  items = new Map<string, T>();
  synced = false;
  private readonly id = Symbol("stream");
  private readonly ended = new AbortController();
  private resourceVersion: string | undefined;
  private failures = 0;
  private timer: number | undefined;
  private close: (() => void) | undefined;
  private readonly unwake: () => void;

  constructor(
    private readonly selection: Selection<T>,
    private readonly namespace: string | undefined,
    private readonly changed: () => void,
    private readonly failed: (error: Error) => void,
  ) {
    this.unwake = onWake(() => this.reconnect());
    void this.connect();
  }

  stop(): void {
    this.ended.abort();
    this.unwake();
    window.clearTimeout(this.timer);
    this.close?.();
    setConnection(this.id, undefined);
  }

  /** Lists, unless it is known from where to go on, and watches. Never throws. */
  private async connect(): Promise<void> {
    this.timer = undefined;
    if (this.resourceVersion === undefined) {
      setConnection(this.id, { kind: "connecting" });
      try {
        await this.list();
      } catch (error) {
        if (this.ended.signal.aborted) return;
        this.failed(error as Error);
        if (isStatus(error, 401)) return; // the page is about to go
        this.retry();
        return;
      }
    }
    if (!this.ended.signal.aborted) this.watch();
  }

  private path(parameters: Record<string, string>): string {
    const query = new URLSearchParams(parameters);
    if (this.selection.fieldSelector) query.set("fieldSelector", this.selection.fieldSelector);
    return `${collectionPath(this.selection.resource, this.namespace)}?${query}`;
  }

  private async list(): Promise<void> {
    const list = await requestJSON<List<T>>(this.path({}), { signal: this.ended.signal });
    this.resourceVersion = list.metadata.resourceVersion;
    this.items = new Map(list.items.map((item) => [item.metadata?.uid ?? "", item]));
    this.synced = true;
    this.changed();
  }

  private watch(): void {
    setConnection(this.id, { kind: "connecting" });
    const path = this.path({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.resourceVersion ?? "",
    });
    this.close = openStream(`/ws${path}`, {
      onOpen: () => {
        this.failures = 0;
        setConnection(this.id, { kind: "live" });
      },
      onLines: (lines) => {
        for (const line of lines) this.apply(JSON.parse(line) as WatchEvent);
        this.changed();
      },
      onClose: ({ opened }) => {
        this.close = undefined;
        // What kept it from opening, the next list will tell.
        if (!opened) this.resourceVersion = undefined;
        this.retry();
      },
    });
  }

  private apply({ type, object }: WatchEvent): void {
    if (type === "ERROR") {
      // 410 above all: what happened since is forgotten, so that only a new list tells.
      this.resourceVersion = undefined;
      return;
    }
    const uid = object.metadata?.uid ?? "";
    if (type === "DELETED") this.items.delete(uid);
    else if (type !== "BOOKMARK") this.items.set(uid, object as T);
    this.resourceVersion = object.metadata?.resourceVersion ?? this.resourceVersion;
  }

  private retry(): void {
    this.failures++;
    const pause = pauseAfter(this.failures);
    setConnection(this.id, { kind: "waiting", retryAt: Date.now() + pause });
    this.timer = window.setTimeout(() => void this.connect(), pause);
  }

  /** Tries at once, since what waits may be there again, and what seems to stand may be dead. */
  private reconnect(): void {
    if (this.timer === undefined && !this.close) return; // under way
    window.clearTimeout(this.timer);
    this.close?.();
    this.close = undefined;
    void this.connect();
  }
}
