// Fails when the first page loads more script than we allow ourselves. Run by `npm run build`.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Gzipped bytes of script that the first load may take. */
const limit = 250_000;
/** The page that most begin with, which is loaded on demand like the others. */
const firstPage = /^LeasesPage-/;

const dist = fileURLToPath(new URL("dist", import.meta.url));
const html = await readFile(path.join(dist, "index.html"), "utf8");
const assets = await readdir(path.join(dist, "assets"));

const named = (text, pattern) => Array.from(text.matchAll(pattern), ([, name]) => name);

// The scripts that the page names, and the first page's, with all that they import at once.
const queue = [
  ...named(html, /(?:src|href)="\/assets\/([^"]+\.js)"/g),
  ...assets.filter((name) => firstPage.test(name) && name.endsWith(".js")),
];
if (queue.length < 2) throw new Error("the entry or the first page was not found in dist");
const sizes = new Map();
for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
  if (sizes.has(name)) continue;
  const script = await readFile(path.join(dist, "assets", name));
  sizes.set(name, gzipSync(script, { level: 9 }).length);
  queue.push(...named(script.toString(), /(?:from|import)\s*["']\.\/([^"']+\.js)["']/g));
}

const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
process.stdout.write(
  `first load: ${kilobytes(total)} of script, gzipped, in ${sizes.size} files (at most ${kilobytes(limit)})\n`,
);
if (total > limit) {
  for (const [name, size] of sizes) process.stderr.write(`  ${kilobytes(size)}  ${name}\n`);
  process.exitCode = 1;
}
