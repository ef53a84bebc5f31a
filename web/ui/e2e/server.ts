// A real server for the browser tests: the binary that `make build` makes, with a Redis of its own, on the
// Docker Engine of this machine.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ContainerLease } from "@/api/types";

const run = promisify(execFile);
const top = fileURLToPath(new URL("../../..", import.meta.url));
const binary = path.join(top, "bin/containerlease");
const leasectl = path.join(top, "bin/leasectl");

export const image = "localhost/containerlease/demo:latest";

/** Leases of seconds, so that a test sees one end, at prices that show in every cost. */
const classes = `
apiVersion: containerlease.dev/v1alpha1
kind: LeaseClass
metadata: {name: quick}
spec:
  images:
    catalog:
    - {name: box, reference: "${image}", description: A static busybox with a shell}
    pullPolicy: Never
  ttl: {min: 5s, default: 1m, max: 1h}
  cpu: {min: 50m, default: 100m, max: "1"}
  memory: {min: 16Mi, default: 32Mi, max: 256Mi}
  pricing: {currency: USD, perCPUHour: "4", perGiBHour: "0.5", perLease: "0.01"}
---
apiVersion: containerlease.dev/v1alpha1
kind: LeaseClass
metadata: {name: open}
spec:
  images: {allow: ["registry.example.com/team/*:*"]}
  ttl: {min: 5m, default: 30m, max: 2h}
  cpu: {min: 250m, default: 500m, max: "2"}
  memory: {min: 256Mi, default: 512Mi, max: 2Gi}
  pricing: {currency: EUR, perCPUHour: "0.04", perGiBHour: "0.005"}
`;

/** A class whose image has to be pulled. */
export function slowClass(reference: string): string {
  return `
apiVersion: containerlease.dev/v1alpha1
kind: LeaseClass
metadata: {name: slow}
spec:
  images:
    catalog: [{name: slow, reference: "${reference}"}]
    pullPolicy: Always
  ttl: {min: 5s, default: 10m, max: 1h}
  cpu: {min: 50m, default: 100m, max: "1"}
  memory: {min: 16Mi, default: 32Mi, max: 256Mi}
  pricing: {currency: USD, perCPUHour: "4", perGiBHour: "0.5"}
`;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** Repeats check until it is true, or the deadline, in milliseconds, has passed. */
export async function until(what: string, check: () => Promise<boolean>, deadline = 60_000): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await check().catch(() => false))) {
    if (Date.now() > end) throw new Error(`not within ${deadline / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export class Server {
  private process: ChildProcess | undefined;
  private constructor(
    readonly dataDir: string,
    private readonly port: number,
    private readonly apiPort: number,
  ) {}

  /** Where the dashboard is. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts a server with an empty store, with classes and their image. */
  static async start(manifest = classes): Promise<Server> {
    await makeImage();
    const dataDir = await mkdtemp(path.join(tmpdir(), "containerlease-ui-"));
    const server = new Server(dataDir, await freePort(), await freePort());
    await server.up();
    await server.apply(manifest);
    return server;
  }

  /** Starts the process, and waits until it is ready. */
  async up(): Promise<void> {
    const log = await open(path.join(this.dataDir, "server.log"), "a");
    const args = ["serve", "--data-dir", this.dataDir, "--address", `127.0.0.1:${this.port}`];
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, DOCKER_HOST: process.env.DOCKER_HOST };
    this.process = spawn(binary, [...args, "--api-address", `127.0.0.1:${this.apiPort}`], {
      env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    await until("the server is ready", async () => (await fetch(`${this.url}/readyz`)).ok).catch(
      async (error) => {
        throw new Error(`${error}\n${await this.log()}`);
      },
    );
  }

  /** Ends the process, as SIGTERM does, and waits until it has ended. */
  async down(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const { process } = this;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill(signal);
    await ended;
  }

  /** Ends every lease and the server, and leaves nothing behind. */
  async stop(): Promise<void> {
    try {
      await this.leasectl("delete", "containerleases", "--all", "--all-namespaces", "--timeout", "60s");
    } finally {
      await this.down();
      await rm(this.dataDir, { recursive: true, force: true });
    }
  }

  log(): Promise<string> {
    return readFile(path.join(this.dataDir, "server.log"), "utf8");
  }

  async leasectl(...args: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: path.join(this.dataDir, "kubeconfig") };
    return (await run(leasectl, args, { env })).stdout;
  }

  /** Applies manifests as the administrator. */
  async apply(manifest: string): Promise<void> {
    const env = { ...process.env, KUBECONFIG: path.join(this.dataDir, "kubeconfig") };
    const child = run(leasectl, ["apply", "-f", "-"], { env });
    child.child.stdin?.end(manifest);
    await child;
  }

  /** Creates a lease as whoever has the token. */
  async create(token: string, lease: ContainerLease): Promise<void> {
    const collection = `/apis/containerlease.dev/v1alpha1/namespaces/${lease.metadata?.namespace}/containerleases`;
    const answer = await fetch(this.url + collection, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(lease),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }

  /** Makes a token, as an operator does. */
  async token(user: string, ...options: string[]): Promise<string> {
    const args = ["token", "create", "--data-dir", this.dataDir, "--user", user, "--expires", "1h"];
    const { stdout } = await run(binary, [...args, ...(options.length ? options : ["--role", "editor"])]);
    return stdout.trim();
  }

  /** Runs a command as a person does in a shell. */
  async shell(command: string, env: Record<string, string>): Promise<string> {
    return (await run("sh", ["-c", command], { env: { ...process.env, ...env } })).stdout;
  }

  /** The limits in force of a container, in cores and bytes. */
  async limits(container: string): Promise<{ cpus: number; memory: number }> {
    const format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}";
    const { stdout } = await run("docker", ["inspect", "--format", format, container]);
    const [nano, memory] = stdout.trim().split(" ").map(Number);
    return { cpus: (nano ?? 0) / 1e9, memory: memory ?? 0 };
  }

  /** A field of an object, by a JSONPath. */
  field(kind: string, name: string, namespace: string, jsonPath: string): Promise<string> {
    return this.leasectl("get", kind, name, "-n", namespace, "-o", `jsonpath={${jsonPath}}`);
  }
}

async function makeImage(): Promise<void> {
  const present = await run("docker", ["image", "inspect", image]).then(
    () => true,
    () => false,
  );
  if (!present) await run(path.join(top, "hack/demo/make-image.sh"), [image]);
}

/** The engine's containers of a lease, running or not. */
export async function containersOf(uid: string): Promise<string[]> {
  const filter = `label=containerlease.dev/uid=${uid}`;
  const { stdout } = await run("docker", ["ps", "--all", "--quiet", "--filter", filter]);
  return stdout.split("\n").filter((line) => line !== "");
}
