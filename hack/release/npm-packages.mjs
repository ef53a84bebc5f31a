// Prints the npm packages that the dashboard is made from, those for development alone left out: name and
// version, licence and directory, with tabs between, a line each.
import { readFileSync } from "node:fs";
import path from "node:path";

const ui = path.join(import.meta.dirname, "../../web/ui");
const { packages } = JSON.parse(readFileSync(path.join(ui, "package-lock.json"), "utf8"));
for (const [place, { version, license = "none", dev, optional }] of Object.entries(packages)) {
  if (place === "" || dev || optional) continue;
  const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
  process.stdout.write(`${name} ${version}\t${license}\t${path.join(ui, place)}\n`);
}
