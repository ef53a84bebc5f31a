// What the server says of a lease that it does not create, at the fields that it is about.
import { isStatus, RequestError } from "@/api/http";
import type { ContainerLease } from "@/api/types";
import type { Errors } from "./form";

/** The fields that are always there. What the server says of another, or of a whole, is said above the button. */
const fields = [
  "metadata.name",
  "metadata.namespace",
  "spec.image",
  "spec.ttl",
  "spec.resources.cpu",
  "spec.resources.memory",
  "spec.command",
  "spec.env[",
];

/** What a refusal says of the fields that are shown; nothing if it says something of any other. */
export function fieldErrors(error: unknown, lease: ContainerLease, choosesClass: boolean): Errors {
  if (!(error instanceof RequestError)) return {};
  const { name, namespace = "" } = lease.metadata ?? {};
  if (isStatus(error, 409) && name) {
    return { "metadata.name": `"${name}" already exists in ${namespace}; choose another name` };
  }
  if (isStatus(error, 404)) {
    return { "metadata.namespace": `There is no namespace "${namespace}"; name another, or create it first` };
  }
  const shown = choosesClass ? [...fields, "spec.className"] : fields;
  if (!error.fields.every(({ field }) => shown.some((start) => field.startsWith(start)))) return {};
  return Object.fromEntries(error.fields.map(({ field, message }) => [field, message]));
}
