import { stringify } from "yaml";

/** An object as a manifest has it. */
export function toYAML(object: unknown): string {
  return stringify(object, { lineWidth: 0 });
}
