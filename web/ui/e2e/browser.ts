// A real Chromium, and pages that remember whatever they complain about.
import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

const places = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

async function executable(): Promise<string> {
  for (const place of places) {
    if (!place) continue;
    const found = await access(place).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  throw new Error("there is no Chromium: install it (apt-get install chromium), or name it by CHROMIUM");
}

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: await executable(), headless: true, args: flags });
}

export interface Look {
  width?: number;
  height?: number;
  scheme?: "light" | "dark";
}

/** A browser of its own, as another person's: no cookies, no cache. */
export async function person(browser: Browser, look: Look = {}): Promise<BrowserContext> {
  const { width = 1440, height = 900, scheme = "light" } = look;
  return browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale: "en-US",
    timezoneId: "UTC",
    reducedMotion: "reduce",
  });
}

/** What a page complained about: console errors and warnings, exceptions, and requests to other hosts. */
export class Complaints {
  private readonly heard: string[] = [];
  // An engine that starts a container makes a network interface, and Chromium drops what is under way when
  // one comes or goes. The page tries again; what the browser says of it is none of the page's.
  private readonly always = [/net::ERR_NETWORK_CHANGED/];
  private expected: RegExp[] = [];

  constructor(page: Page, origin: string) {
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        this.hear(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.hear(`exception: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      const local = url.protocol === "data:" || url.protocol === "blob:" || url.host === new URL(origin).host;
      if (!local) this.hear(`request to another host: ${request.url()}`);
    });
  }

  /** From now on, what matches is none: what the browser itself says of a server that is away, say. */
  expect(...patterns: RegExp[]): void {
    this.expected = patterns;
  }

  private hear(text: string): void {
    if (![...this.always, ...this.expected].some((pattern) => pattern.test(text))) this.heard.push(text);
  }

  all(): string[] {
    return this.heard;
  }
}

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe finds to be a serious obstacle, or worse, on a page as it is now. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
    );
}
