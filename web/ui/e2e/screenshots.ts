// The pictures of docs/images, taken of a real server with real containers. Run by `make screenshots`.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ContainerLeaseSpec } from "@/api/types";
import { launch, person } from "./browser";
import { image, Server, until } from "./server";

const images = fileURLToPath(new URL("../../../docs/images", import.meta.url));

const sandbox = `
apiVersion: containerlease.dev/v1alpha1
kind: LeaseClass
metadata: {name: sandbox}
spec:
  images:
    catalog:
    - {name: shell, reference: "${image}", description: "A shell and the usual tools"}
    - {name: worker, reference: "${image}", description: "What the queue's jobs run in"}
    - {name: preview, reference: "${image}", description: "The web application, as built"}
    allow: ["registry.example.com/team/*:*"]
    pullPolicy: IfNotPresent
  ttl: {min: 2s, default: 1h, max: 8h}
  cpu: {min: 50m, default: 250m, max: "4"}
  memory: {min: 16Mi, default: 128Mi, max: 4Gi}
  pricing: {currency: USD, perCPUHour: "0.08", perGiBHour: "0.01", perLease: "0.001"}
`;

/** A program that works a little and tells of it. */
const service = [
  "sh",
  "-c",
  `trap 'exit 0' TERM
n=0
while true; do
  n=$((n + 1))
  i=0; while [ $i -lt 9000 ]; do i=$((i + 1)); done
  echo "level=info msg=\\"request served\\" path=/api/items/$n status=200 duration=$((n * 7 % 23 + 2))ms"
  [ $((n % 4)) = 0 ] && echo "level=debug msg=\\"cache refreshed\\" entries=$((n * 3))"
  [ $((n % 7)) = 0 ] && echo "level=warn msg=\\"slow query\\" table=items duration=$((n * 13 % 400 + 200))ms"
  [ $((n % 19)) = 0 ] && echo "level=error msg=\\"upstream closed the connection\\" attempt=1" >&2
  sleep 0.4 & wait
done`,
];

interface Asked {
  owner: string;
  name: string;
  spec: ContainerLeaseSpec;
}

const asked: Asked[] = [
  { owner: "grace", name: "nightly-build", spec: { image: "worker", ttl: "3s", command: ["sleep", "60"] } },
  {
    owner: "ada",
    name: "smoke-tests",
    spec: { image: "shell", ttl: "10m", command: ["sh", "-c", "sleep 2"] },
  },
  {
    owner: "alan",
    name: "migration-dry-run",
    spec: { image: "worker", ttl: "10m", command: ["sh", "-c", "sleep 1; exit 3"] },
  },
  {
    owner: "grace",
    name: "load-test",
    spec: { image: "worker", ttl: "4h", command: service, resources: { cpu: "1", memory: "512Mi" } },
  },
  {
    owner: "alan",
    name: "paused-notebook",
    spec: { image: "shell", ttl: "2h", command: service, operatingMode: "Suspended" },
  },
  { owner: "ada", name: "bisect", spec: { image: "shell", ttl: "58s", command: service } },
  {
    owner: "grace",
    name: "review-4711",
    spec: { image: "registry.example.com/team/review:4711", ttl: "1h" },
  },
  {
    owner: "ada",
    name: "api-preview",
    spec: { image: "preview", ttl: "45m", command: service, env: [{ name: "STAGE", value: "review" }] },
  },
];

let server: Server;
let browser: Browser;
let admin: string;

beforeAll(async () => {
  await mkdir(images, { recursive: true });
  [server, browser] = await Promise.all([Server.start(sandbox), launch()]);
  admin = await server.token("root", "--role", "admin");
  for (const { owner, name, spec } of asked) {
    await server.create(await server.token(owner), {
      apiVersion: "containerlease.dev/v1alpha1",
      kind: "ContainerLease",
      metadata: { name, namespace: owner },
      spec: { className: "sandbox", terminationGracePeriodSeconds: 2, ...spec },
    });
  }
  await until(
    "the first has ended",
    async () =>
      (await server.field("containerlease", "nightly-build", "grace", ".status.phase")) === "Finished",
  );
  await until(
    "the log is worth a look",
    async () => (await server.leasectl("logs", "api-preview", "-n", "ada")).split("\n").length > 60,
  );
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** What is taken: where, and when it is ready. */
const pages: [name: string, address: string, ready: (page: Page) => Promise<void>][] = [
  ["leases", "/", (page) => page.getByTestId("lease-api-preview").getByText("Running").waitFor()],
  ["new", "/new?class=sandbox", (page) => page.getByRole("button", { name: "Create lease" }).waitFor()],
  [
    "lease",
    "/leases/ada/api-preview",
    async (page) => {
      await page.getByTestId("log-terminal").getByText("request served").first().waitFor();
      await page.getByText(/^\d+ % of 0\.25 CPU$/).waitFor();
      // A curve is made of time.
      await page.waitForTimeout(15_000);
    },
  ],
  [
    "billing",
    "/billing?by=owner",
    (page) => page.getByTestId("bill-nightly-build").getByRole("button").click(),
  ],
  ["classes", "/classes", (page) => page.getByTestId("class-sandbox").waitFor()],
];

it.each<["light" | "dark", number]>([
  ["light", 1440],
  ["dark", 1440],
  ["light", 390],
  ["dark", 390],
])("takes the pictures in %s at %d pixels", async (scheme, width) => {
  const context = await person(browser, { width, height: width > 1000 ? 900 : 844, scheme });
  const page = await context.newPage();
  const take = async (name: string) => {
    await page.evaluate(() => document.fonts.ready);
    await page.mouse.move(0, 0);
    await page.screenshot({ path: path.join(images, `${name}-${width}-${scheme}.png`) });
  };
  await page.goto(server.url);
  await page.getByLabel("Token", { exact: true }).waitFor();
  await take("signin");
  const answer = await context.request.post(`${server.url}/api/session`, {
    data: { token: admin },
    headers: { Origin: server.url },
  });
  expect(answer.status()).toBe(201);
  for (const [name, address, ready] of pages) {
    await page.goto(server.url + address);
    await ready(page);
    await take(name);
  }
  await context.close();
});
