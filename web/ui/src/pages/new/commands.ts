// The same lease by other means: a manifest, kubectl, curl.
import { collectionPath, containerLeases } from "@/api/kubernetes";
import type { ContainerLease } from "@/api/types";
import { toYAML } from "@/components/yaml";
import { quote } from "./shell";

/** Creates the lease by kubectl, or by leasectl, which takes the same. */
export function kubectlCommand(lease: ContainerLease): string {
  // A lease without a name can't be applied, only created.
  const verb = lease.metadata?.name ? "apply" : "create";
  const manifest = toYAML(lease);
  return `kubectl ${verb} -f - <<'${marker(manifest)}'\n${manifest}${marker(manifest)}\n`;
}

/** A word that ends a here-document, and no line of it. */
function marker(text: string): string {
  let word = "EOF";
  while (text.split("\n").includes(word)) word += "_";
  return word;
}

/** Creates the lease by the API at an origin, with a token in TOKEN. */
export function curlCommand(origin: string, lease: ContainerLease): string {
  const url = origin + collectionPath(containerLeases, lease.metadata?.namespace);
  return [
    `curl --fail-with-body ${quote(url)}`,
    `--header "Authorization: Bearer $TOKEN"`,
    `--header 'Content-Type: application/json'`,
    `--data ${quote(JSON.stringify(lease))}\n`,
  ].join(" \\\n  ");
}
