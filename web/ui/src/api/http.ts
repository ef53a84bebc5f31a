// The one way to the server: fetch with a deadline, and errors as one type, whether the REST API sent a
// problem (RFC 9457) or the Kubernetes API a Status.
import type { Problem, Status } from "./types";

/** How long any request may take. */
const patience = 30_000;

export interface FieldMessage {
  /** As the API names it: "spec.ttl", "spec.resources.cpu". */
  field: string;
  message: string;
}

/** What the server, or the way to it, answered instead of what was asked for. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  constructor(
    /** The HTTP status; 0 if there was no answer. */
    readonly status: number,
    message: string,
    readonly fields: FieldMessage[] = [],
    /** Finds the request in the server's log. */
    readonly requestID?: string,
  ) {
    super(message);
  }

  /** Whether nobody answered, so that trying again is all there is to do. */
  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof RequestError && error.status === status;
}

export interface Options {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

type Listener = () => void;
const unauthenticated = new Set<Listener>();

/** Calls listener whenever an answer says that nobody is signed in any more. Returns how to stop. */
export function onUnauthenticated(listener: Listener): () => void {
  unauthenticated.add(listener);
  return () => unauthenticated.delete(listener);
}

let offset = 0;

/**
 * The server's time in milliseconds since 1970. Countdowns must not depend on the browser's clock, which
 * may be minutes off; the Date header of the answers tells by how much.
 */
export function serverNow(): number {
  return Date.now() + offset;
}

/** Answers tell whole seconds, and take their time: differences below this say nothing. */
const tolerance = 2_000;

function learnOffset(response: Response, began: number): void {
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return;
  const difference = date + 500 - (began + Date.now()) / 2;
  offset = Math.abs(difference) < tolerance ? 0 : difference;
}

/** Requests a path and returns the answer, unless that is an error: then it throws a RequestError. */
export async function request(path: string, options: Options = {}): Promise<Response> {
  const { method = "GET", body, contentType = "application/json", headers, signal } = options;
  const deadline = AbortSignal.timeout(patience);
  const began = Date.now();
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": contentType }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      credentials: "same-origin",
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new RequestError(
      0,
      deadline.aborted
        ? `The server did not answer within ${patience / 1000} seconds.`
        : "The server can't be reached.",
    );
  }
  learnOffset(response, began);
  if (!response.ok) {
    const error = await errorOf(response);
    if (error.status === 401) for (const listener of unauthenticated) listener();
    throw error;
  }
  return response;
}

/** Requests a path and returns the JSON that is answered. */
export async function requestJSON<T>(path: string, options?: Options): Promise<T> {
  const response = await request(path, options);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (options?.signal?.aborted) throw cause;
    throw new RequestError(0, "The server's answer broke off, or is none of its own.");
  }
}

async function errorOf(response: Response): Promise<RequestError> {
  const requestID = response.headers.get("X-Request-ID") ?? undefined;
  let body: Partial<Problem> & Partial<Status> = {};
  try {
    body = (await response.json()) as typeof body;
  } catch {
    // Not everything in between speaks JSON.
  }
  if (body.kind === "Status") {
    const causes = body.details?.causes ?? [];
    const fields = causes.flatMap(({ field, message }) =>
      field ? [{ field, message: message ?? "is not allowed" }] : [],
    );
    return new RequestError(response.status, body.message ?? statusText(response), fields, requestID);
  }
  return new RequestError(
    response.status,
    body.detail || body.title || statusText(response),
    body.errors ?? [],
    requestID,
  );
}

function statusText(response: Response): string {
  return `The server answered with status ${response.status}${response.statusText ? ` (${response.statusText})` : ""}.`;
}
