// A registry that has one image and is in no hurry, so that a pull can be watched.
import { execFile } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const run = promisify(execFile);

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const configType = "application/vnd.docker.container.image.v1+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** Bytes of what the engine does not have yet. They can't be made smaller. */
const payload = 4 << 20;
/** So much is sent at a time, and then it is rested, in milliseconds. */
const [piece, rest] = [64 << 10, 60];

export class SlowRegistry {
  private constructor(
    private readonly server: Server,
    /** What its image is pulled by. */
    readonly reference: string,
  ) {}

  /** Starts one that has the base image, and on it a layer that nobody has. */
  static async start(base: string): Promise<SlowRegistry> {
    const blobs = new Map<string, Buffer>();
    const add = (data: Buffer) => {
      const digest = `sha256:${createHash("sha256").update(data).digest("hex")}`;
      blobs.set(digest, data);
      return { digest, size: data.length };
    };
    const { config, layers } = await imageOn(base);
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: { mediaType: configType, ...add(config) },
        layers: layers.map((layer) => ({ mediaType: layerType, ...add(gzipSync(layer)) })),
      }),
    );
    const server = createServer(async (request, response) => {
      const [, blob] = /\/blobs\/(sha256:\w+)$/.exec(request.url ?? "") ?? [];
      const data = blob ? blobs.get(blob) : manifest;
      if (request.url === "/v2/") return response.end("{}");
      if (!data) return response.writeHead(404).end();
      response.setHeader("Content-Type", blob ? "application/octet-stream" : manifestType);
      response.setHeader("Content-Length", data.length);
      if (request.method === "HEAD") return response.end();
      for (let at = 0; at < data.length && !response.destroyed; at += piece) {
        response.write(data.subarray(at, at + piece));
        if (data.length > piece) await pause(rest);
      }
      return response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return new SlowRegistry(server, `127.0.0.1:${port}/slow:latest`);
  }

  /** Ends it, and has the engine forget the image. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await run("docker", ["image", "rm", "--force", this.reference]).catch(() => {});
  }
}

/** The parts of an image that is the base with a file of noise on it; the engine doesn't keep it. */
async function imageOn(base: string): Promise<{ config: Buffer; layers: Buffer[] }> {
  const directory = await mkdtemp(path.join(tmpdir(), "containerlease-image-"));
  const tag = `localhost/containerlease/slow:${randomUUID()}`;
  try {
    await writeFile(path.join(directory, "noise"), randomBytes(payload));
    await writeFile(path.join(directory, "Dockerfile"), `FROM ${base}\nCOPY noise /noise\n`);
    await run("docker", ["build", "--quiet", "--tag", tag, directory]);
    const archive = path.join(directory, "image.tar");
    await run("docker", ["save", "--output", archive, tag]);
    await run("tar", ["--extract", "--file", archive, "--directory", directory]);
    const read = (name: string) => readFile(path.join(directory, name));
    const [image] = JSON.parse(String(await read("manifest.json"))) as { Config: string; Layers: string[] }[];
    if (!image) throw new Error("docker save wrote no image");
    return { config: await read(image.Config), layers: await Promise.all(image.Layers.map(read)) };
  } finally {
    await run("docker", ["image", "rm", "--force", tag]).catch(() => {});
    await rm(directory, { recursive: true, force: true });
  }
}
