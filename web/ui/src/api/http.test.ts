import { afterEach, describe, expect, it, vi } from "vitest";
import { onUnauthenticated, RequestError, request, requestJSON, serverNow } from "./http";

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  vi.stubGlobal("fetch", async () => new Response(text, { status, headers }));
}

async function refusal(): Promise<RequestError> {
  const error = await request("/x").catch((caught: unknown) => caught);
  if (!(error instanceof RequestError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a refusal", () => {
  it("is read from a problem", async () => {
    answer(
      422,
      {
        type: "about:blank",
        title: "Invalid",
        status: 422,
        detail: "no",
        errors: [{ field: "ttl", message: "too long" }],
      },
      { "X-Request-ID": "r1" },
    );
    expect(await refusal()).toMatchObject({
      status: 422,
      message: "no",
      fields: [{ field: "ttl", message: "too long" }],
      requestID: "r1",
      unreachable: false,
    });
  });

  it("is read from a Status", async () => {
    const causes = [{ field: "spec.ttl", message: "too long" }, { message: "of no field" }];
    answer(422, { kind: "Status", message: "invalid", details: { causes } });
    expect(await refusal()).toMatchObject({
      message: "invalid",
      fields: [{ field: "spec.ttl", message: "too long" }],
    });
  });

  it("says what it can, of an answer that says little", async () => {
    answer(409, { type: "about:blank", title: "Conflict", status: 409 });
    expect(await refusal()).toMatchObject({ message: "Conflict", fields: [] });
    answer(403, { kind: "Status", details: { causes: [{ field: "spec.ttl" }] } });
    expect(await refusal()).toMatchObject({
      message: "The server answered with status 403.",
      fields: [{ field: "spec.ttl", message: "is not allowed" }],
    });
  });

  it("may be of something in between, which speaks no JSON", async () => {
    answer(502, "<html>Bad gateway</html>");
    const error = await refusal();
    expect(error.message).toContain("502");
    expect(error.unreachable).toBe(true);
  });

  it("may be that nobody answers", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("fetch failed");
    });
    expect(await refusal()).toMatchObject({
      status: 0,
      message: "The server can't be reached.",
      unreachable: true,
    });
  });

  it("may be that nobody answers in time", async () => {
    vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => signal?.throwIfAborted());
    const error = await refusal();
    expect(error).toMatchObject({ status: 0, unreachable: true });
    expect(error.message).toBe("The server did not answer within 30 seconds.");
  });

  it("is worth another try only where nobody answers", async () => {
    const unreachable: number[] = [];
    for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504]) {
      answer(status, {});
      if ((await refusal()).unreachable) unreachable.push(status);
    }
    expect(unreachable).toEqual([502, 503, 504]);
  });

  it("is told to whoever minds that nobody is signed in", async () => {
    const minds = vi.fn();
    const stop = onUnauthenticated(minds);
    answer(403, { title: "not you", status: 403, type: "x" });
    await refusal();
    expect(minds).not.toHaveBeenCalled();
    answer(401, { title: "who are you", status: 401, type: "x" });
    await refusal();
    expect(minds).toHaveBeenCalledTimes(1);
    stop();
    await refusal();
    expect(minds).toHaveBeenCalledTimes(1);
  });
});

it("sends what it is given, as what it is", async () => {
  let sent: RequestInit | undefined;
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    sent = init;
    return new Response('{"ok":true}');
  });
  await expect(
    requestJSON("/x", { method: "PATCH", body: { a: 1 }, contentType: "text/x", headers: { "X-A": "b" } }),
  ).resolves.toEqual({ ok: true });
  expect(sent).toMatchObject({
    method: "PATCH",
    body: '{"a":1}',
    headers: { "Content-Type": "text/x", "X-A": "b" },
  });
});

it("keeps the deadline, and ends as what it was ended with, where it can be ended", async () => {
  const signals: (AbortSignal | null | undefined)[] = [];
  vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => {
    signals.push(signal);
    signal?.throwIfAborted();
    return new Response("{}");
  });
  const deadline = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(deadline.signal);
  await request("/x", { signal: new AbortController().signal });
  deadline.abort();
  expect(signals[0]?.aborted).toBe(true);
  const why = new Error("the page is gone");
  await expect(request("/x", { signal: AbortSignal.abort(why) })).rejects.toBe(why);
});

it("takes no answer for one that is no JSON", async () => {
  answer(200, "<html>a login page of something in between</html>");
  await expect(requestJSON("/x")).rejects.toMatchObject({ name: "RequestError", unreachable: true });
});

describe("the server's time", () => {
  it("is told by its answers, where the browser's differs", async () => {
    vi.useFakeTimers({ now: Date.parse("2026-01-01T12:00:00Z") });
    answer(200, {}, { Date: "Thu, 01 Jan 2026 12:10:00 GMT" });
    await request("/x");
    expect(serverNow() - Date.now()).toBe(600_500);
    answer(200, {}, { Date: "Thu, 01 Jan 2026 12:00:01 GMT" });
    await request("/x");
    expect(serverNow()).toBe(Date.now()); // as good as the same
    answer(200, {}, { Date: "Thu, 01 Jan 2026 11:59:00 GMT" });
    await request("/x");
    expect(serverNow() - Date.now()).toBe(-59_500);
    answer(200, {});
    await request("/x");
    expect(serverNow() - Date.now()).toBe(-59_500); // nothing new
  });

  it("is that of the middle of a request", async () => {
    vi.useFakeTimers({ now: Date.parse("2026-01-01T12:00:00Z") });
    vi.stubGlobal("fetch", async () => {
      vi.setSystemTime(Date.now() + 10_000);
      return new Response("{}", { headers: { Date: "Thu, 01 Jan 2026 13:00:05 GMT" } });
    });
    await request("/x");
    expect(serverNow() - Date.now()).toBe(3_600_500);
  });
});
