// The dashboard as a person uses it: real Chromium, a real server, Redis and Docker Engine.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Complaints, type Look, launch, person, violations } from "./browser";
import { SlowRegistry } from "./registry";
import { containersOf, image, Server, slowClass, until } from "./server";

let server: Server;
let browser: Browser;
let contexts: BrowserContext[] = [];
let complaints: Complaints[] = [];

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(() => {
  contexts = [];
  complaints = [];
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  expect(complaints.flatMap((each) => each.all())).toEqual([]);
});

/** A page of a browser of its own, in which nobody is signed in. */
async function visitor(look?: Look): Promise<{ page: Page; context: BrowserContext; complains: Complaints }> {
  const context = await person(browser, look);
  contexts.push(context);
  const page = await context.newPage();
  const complains = new Complaints(page, server.url);
  complaints.push(complains);
  return { page, context, complains };
}

/** A page in which a user is signed in. */
async function user(name: string, look?: Look, ...options: string[]) {
  const visit = await visitor(look);
  const answer = await visit.context.request.post(`${server.url}/api/session`, {
    data: { token: await server.token(name, ...options) },
    headers: { Origin: server.url },
  });
  expect(answer.status()).toBe(201);
  return visit;
}

const lease = (page: Page, name: string) => page.getByTestId(`lease-${name}`);
const see = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

/** Applies a lease that runs for a time, prints a line a second, and ends at once when it is told to. */
async function apply(name: string, namespace: string, more: Record<string, unknown> = {}): Promise<void> {
  await server.apply(
    JSON.stringify({
      apiVersion: "containerlease.dev/v1alpha1",
      kind: "ContainerLease",
      metadata: { name, namespace },
      spec: {
        className: "quick",
        image: "box",
        ttl: "10m",
        command: [
          "sh",
          "-c",
          "trap 'exit 0' TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 1 & wait; done",
        ],
        terminationGracePeriodSeconds: 2,
        ...more,
      },
    }),
  );
}

describe("signing in", () => {
  it("takes a token that is good, and says what is wrong with one that isn't", async () => {
    const { page, complains } = await visitor();
    complains.expect(/401 \(Unauthorized\)/); // what the browser says of the refusal
    await page.goto(`${server.url}/billing`);
    await page.getByLabel("Token", { exact: true }).fill("cl_wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await see(page, "This token is not good");

    await page.getByLabel("Token", { exact: true }).fill(await server.token("sue"));
    await page.keyboard.press("Enter");
    // What was asked for is there.
    await page.getByRole("heading", { name: "Billing", level: 1 }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/billing");

    await page.getByRole("button", { name: "Signed in as sue" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("Token", { exact: true }).waitFor();
    await page.reload();
    await page.getByLabel("Token", { exact: true }).waitFor();
  });

  it("sends whoever wants it to the issuer, and back to where they were", async () => {
    const { page } = await visitor();
    const oidc = { name: "Acme", url: "/signin/oidc" };
    await page.route("**/api/signin", (route) => route.fulfill({ json: { oidc } }));
    await page.goto(`${server.url}/billing?days=7`);
    const link = page.getByRole("link", { name: "Sign in with Acme" });
    expect(await link.getAttribute("href")).toBe(
      `/signin/oidc?return=${encodeURIComponent("/billing?days=7")}`,
    );
  });

  it("lets a viewer look and not change", async () => {
    await server.leasectl("create", "namespace", "shared").catch(() => {});
    await apply("watched", "shared");
    const { page } = await user("vic", {}, "--role", "viewer", "--namespace", "shared");
    await page.goto(`${server.url}/leases/shared/watched`);
    await see(page, "You may look, but not change it");
    expect(await page.getByRole("button", { name: "Delete" }).count()).toBe(0);
    await page.goto(`${server.url}/new`);
    await see(page, "You may look, but not lease");
  });
});

describe("a lease", () => {
  it("is created, gets ready, prints, is extended, ends and is billed, and another browser sees all of it", async () => {
    const { page } = await user("ada");
    await page.goto(server.url);
    await see(page, "Nothing is leased");
    const { page: other } = await user("ada");
    await other.goto(server.url);
    await see(other, "Nothing is leased");

    await page.getByRole("link", { name: "New lease" }).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("first");
    await choose(page, "Class", "quick");
    await page.getByRole("radio", { name: "box" }).check();
    await page.getByLabel("Time", { exact: true }).fill("12s");
    await page.getByRole("combobox", { name: "CPU" }).fill("200m");
    await page.getByRole("combobox", { name: "Memory" }).fill("48Mi");
    await page
      .getByLabel("Command")
      .fill(`sh -c 'echo "hello $GREETED"; echo "ERROR: a bad line" >&2; sleep 600'`);
    await page.getByRole("button", { name: "Add a variable" }).click();
    await page.getByLabel("Name of variable 1").fill("GREETED");
    await page.getByLabel("Value of variable 1").fill("world");
    // 12 s of 0.2 cores at 4 and 48 MiB at 0.5, and 0.01 once.
    expect(await page.getByTestId("estimate").textContent()).toBe("$0.0127");
    await page.getByRole("button", { name: "Create lease" }).click();

    // From here on nothing is reloaded.
    await page.waitForURL(`${server.url}/leases/ada/first`);
    await page.getByTestId("countdown").waitFor();
    await see(page, "Running");
    await page.getByTestId("log-terminal").getByText("hello world").waitFor();
    await page.getByTestId("log-terminal").getByText("ERROR: a bad line").waitFor();
    expect(await page.getByTestId("log-state").textContent()).toBe("Live");
    await lease(other, "first").getByText("Running").waitFor();

    const uid = await server.field("containerlease", "first", "ada", ".metadata.uid");
    const [container] = await containersOf(uid);
    expect(await server.limits(container ?? "")).toEqual({ cpus: 0.2, memory: 48 * 1024 * 1024 });

    await page.getByRole("button", { name: "Another time for first" }).click();
    await page.getByRole("menuitem", { name: "Another time …" }).click();
    await page.getByLabel("By", { exact: true }).fill("5s");
    await page.getByRole("button", { name: "Extend", exact: true }).click();
    await see(page, /of 17 s, until/);
    expect(await server.field("containerlease", "first", "ada", ".spec.ttl")).toBe("17s");

    // The countdown goes to zero, and every second is in it.
    const seen = new Set<string>();
    const countdown = page.getByTestId("countdown");
    await until("the final bill", async () => {
      if ((await countdown.count()) > 0)
        seen.add((await countdown.textContent({ timeout: 500 }).catch(() => null)) ?? "");
      return (await page.getByTestId("final-cost").count()) > 0;
    });
    expect([...seen]).toEqual(expect.arrayContaining(["0:05", "0:04", "0:03", "0:02", "0:01"]));
    await see(page, "Finished");
    await lease(other, "first").getByText("Finished").waitFor();
    await until("the container is gone", async () => (await containersOf(uid)).length === 0);
    expect(await page.getByTestId("log-state").textContent()).toMatch(/^Ended: the lease expired/);
    // What was printed can still be read.
    expect(await page.getByTestId("log-terminal").textContent()).toContain("hello world");

    const billed = await server.field("billingrecord", uid, "ada", ".spec.amount");
    expect(await page.getByTestId("final-cost").textContent()).toBe(`$${billed}`);
    await other.getByRole("link", { name: "Billing" }).first().click();
    const bill = other.getByTestId("bill-first");
    await bill.getByRole("button").click();
    await bill.getByText("That is what was billed.").waitFor();
    expect(await bill.getByRole("row", { name: /^\s*Sum/ }).textContent()).toContain(`$${billed}`);
  });

  it("is extended by one click, but never past its class", async () => {
    const { page } = await user("ed");
    await server.leasectl("create", "namespace", "ed").catch(() => {});
    await apply("long", "ed");
    await page.goto(server.url);
    const row = lease(page, "long");
    await row.getByText("Running").waitFor();
    await row.getByRole("button", { name: "+30 m for long" }).click();
    await until(
      "40 minutes",
      async () => (await server.field("containerlease", "long", "ed", ".spec.ttl")) === "40m",
    );
    await row.getByRole("button", { name: "+15 m for long" }).click();
    await until(
      "55 minutes",
      async () => (await server.field("containerlease", "long", "ed", ".spec.ttl")) === "55m",
    );
    await row
      .getByRole("timer")
      .getByText(/^5\d:\d\d$/)
      .waitFor();
    // The class allows an hour.
    await until("no more 15 minutes", () => row.getByRole("button", { name: "+15 m for long" }).isDisabled());
    await row.getByRole("button", { name: "Another time for long" }).click();
    await page.getByRole("menuitem", { name: "Another time …" }).click();
    await page.getByLabel("By", { exact: true }).fill("6m");
    await see(page, "At most 5m more");
    expect(await page.getByRole("button", { name: "Extend", exact: true }).isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await row.getByRole("button", { name: "Another time for long" }).click();
    await page.getByRole("menuitem", { name: "As far as allowed: +5 min" }).click();
    await until(
      "an hour",
      async () => (await server.field("containerlease", "long", "ed", ".spec.ttl")) === "1h",
    );
  });

  it("is suspended and resumed", async () => {
    const { page } = await user("ed");
    await apply("pausing", "ed");
    await page.goto(`${server.url}/leases/ed/pausing`);
    await page.getByTestId("log-terminal").getByText("line 1").waitFor();
    await page.getByRole("button", { name: "Suspend" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await see(page, "Suspended");
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Suspend" }).waitFor();
    await until(
      "it runs again",
      async () => (await server.field("containerlease", "pausing", "ed", ".status.phase")) === "Running",
    );
    await page.getByRole("img", { name: /^CPU of the last five minutes/ }).waitFor();
  });

  it("shows its log as one wants to read it", async () => {
    const { page } = await user("ed");
    const long = "i=0; while [ $i -lt 60 ]; do printf 'long line '; i=$((i+1)); done; echo";
    const lines = "trap 'exit 0' TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 1 & wait; done";
    await apply("talking", "ed", { command: ["sh", "-c", `${long}; ${lines}`] });
    await page.goto(`${server.url}/leases/ed/talking`);
    const terminal = page.getByTestId("log-terminal");
    const overflow = () => terminal.evaluate((element) => element.scrollWidth - element.clientWidth);
    await terminal.getByText("line 3", { exact: false }).first().waitFor();

    await page.getByRole("textbox", { name: "Search the logs" }).fill("line 2");
    await until(
      "a match",
      async () => (await page.getByTestId("log-matches").textContent())?.endsWith("of 1") ?? false,
    );
    await page.getByRole("textbox", { name: "Search the logs" }).fill("no such thing");
    await until("no match", async () => (await page.getByTestId("log-matches").textContent()) === "none");
    await page.getByRole("button", { name: "Clear the search" }).click();

    expect(await overflow()).toBe(0);
    await page.getByRole("button", { name: "Wrap long lines" }).click();
    await until("long lines go on", async () => (await overflow()) > 1000);
    await page.getByRole("button", { name: "Wrap long lines" }).click();
    await until("long lines are wrapped", async () => (await overflow()) === 0);

    await page.getByRole("button", { name: "Show timestamps" }).click();
    await terminal
      .getByText(/\d\d:\d\d:\d\d\.\d{3} line 1$/)
      .first()
      .waitFor();

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: /^Paused, \d+ new lines?$/ }).waitFor();
    const paused = await terminal.textContent();
    await page.getByRole("button", { name: /^Paused, [2-9]\d* new lines$/ }).waitFor();
    expect(await terminal.textContent()).toBe(paused);
    await page.getByRole("button", { name: "Go on" }).click();
    await until("it goes on", async () => (await terminal.textContent()) !== paused);

    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: /^Download \d+ lines$/ }).click(),
    ]);
    expect(file.suggestedFilename()).toBe("talking.log");
    const text = await (await file.createReadStream()).setEncoding("utf8").toArray();
    expect(text.join("")).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (long line ){60}\n[^\n]*Z line 1\n/m,
    );
  });

  it("is deleted, alone or with others, after a question", async () => {
    const { page } = await user("del");
    await server.leasectl("create", "namespace", "del").catch(() => {});
    await Promise.all(["one", "two", "three", "keep"].map((name) => apply(name, "del")));
    await page.goto(server.url);
    await lease(page, "one").getByText("Running").waitFor();
    await lease(page, "one").getByRole("button", { name: "Delete one" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    expect(await lease(page, "one").count()).toBe(1);

    for (const name of ["one", "two", "three"]) await page.getByLabel(`Select ${name}`).check();
    await see(page, "3 leases selected");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    for (const name of ["one", "two", "three"]) await lease(page, name).waitFor({ state: "detached" });
    expect(await lease(page, "keep").getByText("Running").count()).toBe(1);
  });
});

describe("the form", () => {
  it("says what is wrong as it is entered, and what the server says at its field", async () => {
    const { page, complains } = await user("form");
    complains.expect(/422 \(Unprocessable Entity\)/, /409 \(Conflict\)/);
    await page.goto(`${server.url}/new?class=quick`);
    const create = page.getByRole("button", { name: "Create lease" });
    const time = page.getByLabel("Time", { exact: true });
    await time.fill("soon");
    await see(page, `"soon" is no time; write one such as 30m, 1h30m or 90s`);
    await time.fill("2h");
    await see(page, "Class quick allows from 5s to 1h");
    await page.getByRole("combobox", { name: "CPU" }).fill("4");
    await see(page, "Class quick allows from 50m to 1");
    await page.getByRole("combobox", { name: "Memory" }).fill("lots");
    await see(page, `"lots" is no quantity`);
    await page.getByLabel("Command").fill("sh -c 'open");
    await see(page, "the quote ' is not closed");
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("Not A Name");
    await see(page, `"Not A Name" is no name`);
    await create.click();
    // The first that is wrong has the focus, and nothing was sent.
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");
    expect(await server.leasectl("get", "containerleases", "-n", "form", "-o", "name").catch(() => "")).toBe(
      "",
    );

    // Which images a class allows, the server decides.
    await page.goto(`${server.url}/new?class=open`);
    await page.getByRole("radio", { name: "Another image" }).check();
    await page.getByLabel("Image reference").fill("registry.example.com/other/thing:1");
    await page.getByRole("button", { name: "Create lease" }).click();
    await see(page, /not allowed by class "open"/);
    expect(await page.getByLabel("Image reference").getAttribute("aria-invalid")).toBe("true");

    // A name that is taken.
    await server.leasectl("create", "namespace", "form").catch(() => {});
    await apply("taken", "form");
    await page.goto(`${server.url}/new?class=quick`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("taken");
    await page.getByRole("button", { name: "Create lease" }).click();
    await see(page, /"taken" already exists/);
  });

  it("shows the same by other means, which do the same", async () => {
    const { page } = await user("hand");
    await page.goto(`${server.url}/new?class=quick`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("by-hand");
    await page.getByLabel("Command").fill(`sh -c "echo it's; sleep 60"`);
    await page.getByRole("tab", { name: "curl" }).click();
    const command = (await page.getByRole("region", { name: "curl" }).locator("pre").textContent()) ?? "";
    const made = JSON.parse(await server.shell(command, { TOKEN: await server.token("hand") }));
    expect(made.spec).toMatchObject({
      className: "quick",
      image: "box",
      command: ["sh", "-c", "echo it's; sleep 60"],
    });
    await page.getByRole("tab", { name: "YAML" }).click();
    const manifest = (await page.getByRole("region", { name: "YAML" }).locator("pre").textContent()) ?? "";
    // The same object: applying it changes nothing.
    await server.apply(manifest);
    expect(await server.field("containerlease", "by-hand", "hand", ".metadata.generation")).toBe("1");
  });

  it("leads to the progress of pull, creation and start", async () => {
    const registry = await SlowRegistry.start(image);
    try {
      await server.apply(slowClass(registry.reference));
      const { page } = await user("form");
      await page.goto(`${server.url}/new?class=slow`);
      await page.getByRole("textbox", { name: "Name", exact: true }).fill("pulled");
      await page.getByLabel("Command").fill("sleep 600");
      await page.getByRole("button", { name: "Create lease" }).click();
      const steps = page.getByRole("region", { name: "Getting ready" });
      await steps
        .getByText(/Pulling 127\.0\.0\.1:\d+\/slow:latest: \d of 2 layers, [\d.]+ of [\d.]+ MB/)
        .waitFor();
      expect(await steps.locator("[aria-current=step]").textContent()).toMatch(/^Pull the image/);
      await until("it is further", async () => {
        const pulled = await steps
          .getByRole("progressbar", { name: "Pulled" })
          .getAttribute("aria-valuenow", { timeout: 500 });
        return Number(pulled) > 30;
      });
      await page.getByTestId("countdown").waitFor();
      expect(await steps.count()).toBe(0);
      await see(page, /^\d+ % of 0\.1 CPU$/);
    } finally {
      await server.leasectl(
        "delete",
        "containerlease",
        "pulled",
        "-n",
        "form",
        "--ignore-not-found",
        "--timeout",
        "60s",
      );
      await registry.stop();
    }
  });

  it("shows how a lease that can't start fails", async () => {
    const { page } = await user("form");
    await page.goto(`${server.url}/new?class=quick`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("hopeless");
    await page.getByLabel("Command").fill("/no/such/program");
    await page.getByRole("button", { name: "Create lease" }).click();
    await page.waitForURL(/\/leases\/form\/hopeless$/);
    await see(page, /Start failed|no such file/i);
  });
});

describe("the page", () => {
  it("recovers from a restart of the server by itself, and says that it is away", async () => {
    const { page, complains } = await user("res");
    await server.leasectl("create", "namespace", "res").catch(() => {});
    await apply("steady", "res");
    await page.goto(`${server.url}/leases/res/steady`);
    const terminal = page.getByTestId("log-terminal");
    await terminal.getByText("line 2", { exact: false }).first().waitFor();

    complains.expect(/ERR_CONNECTION_REFUSED/, /WebSocket connection to .* failed/, /status of 50[23]/);
    await server.down("SIGKILL");
    await page.getByText(/^Disconnected, retry in \d+ s$/).waitFor();
    await page.getByText(/^Reconnecting in \d+ s$/).waitFor();
    // What was known is still shown.
    expect(await page.getByTestId("countdown").count()).toBe(1);
    await server.up();
    await page.getByRole("status").getByText("Live").first().waitFor();
    await until(
      "the log is live",
      async () => (await page.getByTestId("log-state").textContent()) === "Live",
    );

    // No line is lost, and none is twice, though the container printed meanwhile.
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: /^Download \d+ lines$/ }).click(),
    ]);
    const text = (await (await file.createReadStream()).setEncoding("utf8").toArray()).join("");
    const numbers = [...text.matchAll(/ line (\d+)$/gm)].map(([, n]) => Number(n));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));

    // And what happens now appears.
    await server.leasectl(
      "patch",
      "containerlease",
      "steady",
      "-n",
      "res",
      "--type=merge",
      "-p",
      '{"spec":{"ttl":"33m"}}',
    );
    await see(page, /of 33 min, until/);
  });

  it("shows a thousand leases, and has those in sight alone in the document", async () => {
    await server.leasectl("create", "namespace", "many").catch(() => {});
    const items = Array.from({ length: 1000 }, (_, index) => ({
      apiVersion: "containerlease.dev/v1alpha1",
      kind: "ContainerLease",
      metadata: { name: `many-${String(index).padStart(4, "0")}`, namespace: "many" },
      spec: { className: "quick", image: "box", ttl: "1h", operatingMode: "Suspended" },
    }));
    await server.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const { page } = await user("mae", {}, "--role", "editor", "--namespace", "many");
    await page.goto(`${server.url}/?sort=name`);
    await see(page, /^1,000 leases/);
    await lease(page, "many-0000").waitFor();
    expect(await page.locator("tbody tr[data-testid]").count()).toBeLessThan(60);
    await page.keyboard.press("End");
    await lease(page, "many-0999").waitFor();
    expect(await page.locator("tbody tr[data-testid]").count()).toBeLessThan(60);
    await page.getByLabel("Search leases").fill("many-0512");
    await see(page, /^1 of 1,000 leases/);
    await lease(page, "many-0512").waitFor();
    await page.getByLabel("Search leases").fill("");
    await see(page, /^1,000 leases/);
    await page.getByLabel("Select all").check();
    await see(page, "1,000 leases selected");
    await server.leasectl("delete", "namespace", "many", "--wait=false");
    await see(page, "Nothing is leased");
  });

  it("fits a phone, on which a lease can be made and ended", async () => {
    const { page } = await user("phil", { width: 390, height: 844 });
    const fits = async () =>
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
      ).toBeLessThanOrEqual(0);
    await page.goto(`${server.url}/new?class=quick`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("pocket");
    await page.getByLabel("Command").fill("sleep 600");
    await fits();
    await page.getByRole("button", { name: "Create lease" }).click();
    await page.getByTestId("countdown").waitFor();
    await see(page, /^\d+ % of 0\.1 CPU$/);
    await fits();
    for (const name of ["Billing", "Classes", "Leases"]) {
      await page.getByRole("navigation", { name: "Pages, below" }).getByRole("link", { name }).click();
      await page.getByRole("heading", { name, level: 1 }).waitFor();
      await fits();
    }
    await lease(page, "pocket").getByRole("button", { name: "Delete pocket" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await lease(page, "pocket").waitFor({ state: "detached" });
  });

  it.each<["light" | "dark", number]>([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
  ])("is accessible in %s at %d pixels", async (scheme, width) => {
    const look = { scheme, width, height: 900 };
    const { page: outside } = await visitor(look);
    await outside.goto(server.url);
    await outside.getByLabel("Token", { exact: true }).waitFor();
    expect(await violations(outside)).toEqual([]);

    await server.leasectl("create", "namespace", "axe").catch(() => {});
    await apply("seen", "axe");
    const { page } = await user("axe", look);
    const pages: [string, () => Promise<void>][] = [
      ["/", () => lease(page, "seen").getByText("Running").waitFor()],
      ["/?q=nothing-like-that", () => see(page, "No lease is like that")],
      ["/new?class=quick", () => page.getByRole("button", { name: "Create lease" }).waitFor()],
      ["/leases/axe/seen", () => page.getByTestId("log-terminal").getByText("line 1").first().waitFor()],
      ["/leases/axe/none", () => see(page, "There is no lease none")],
      ["/billing", () => page.getByRole("heading", { name: "Billing", level: 1 }).waitFor()],
      ["/classes", () => page.getByTestId("class-quick").waitFor()],
      ["/nowhere", () => see(page, "There is no such page")],
    ];
    for (const [path, ready] of pages) {
      await page.goto(server.url + path);
      await ready();
      expect(await violations(page), path).toEqual([]);
    }
  });

  it("is used by the keyboard alone", async () => {
    const { page } = await user("kay");
    await page.goto(server.url);
    await see(page, "Nothing is leased");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Lease a container");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "New lease", level: 1 }).waitFor();
  });
});

/** Chooses from a list as a person does, who opens it again if it has closed. */
async function choose(page: Page, label: string, name: string): Promise<void> {
  const option = page.getByRole("option", { name });
  await until(`${name} is offered`, async () => {
    if (!(await option.isVisible())) await page.getByRole("combobox", { name: label }).click();
    await option.click({ timeout: 2_000 });
    return true;
  });
}
