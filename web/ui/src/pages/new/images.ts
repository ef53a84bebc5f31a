// Which images a class allows, as the server finds it (api/policy/images.go): references are compared in
// canonical form, by registry and path segment, never by prefix.
import type { LeaseClass } from "@/api/types";

type Images = LeaseClass["spec"]["images"];

/** An image reference in canonical form; where a digest is given, there is no tag beside it. */
interface Reference {
  registry: string;
  path: readonly string[];
  tag?: string;
  digest?: string;
}

// The grammar of github.com/distribution/reference.
const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const segment = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const digestPattern = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}";
const referencePattern = new RegExp(
  `^(?:(${host})/)?(${segment}(?:/${segment})*)(?::(\\w[\\w.-]{0,127}))?(?:@(${digestPattern}))?$`,
);
/** A digest alone, which names no image. */
const hexadecimal = /^[a-f0-9]{64}$/;

const hub = "docker.io";

/** Puts in what Docker leaves out: "alpine" is docker.io/library/alpine. */
function completed(text: string): string {
  const slash = text.indexOf("/");
  if (slash < 0) return `${hub}/library/${text}`;
  const [first, rest] = [text.slice(0, slash), text.slice(slash + 1)];
  if (first === hub || first === `index.${hub}`)
    return `${hub}/${rest.includes("/") ? "" : "library/"}${rest}`;
  const isRegistry = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  return isRegistry ? text : `${hub}/${text}`;
}

function parseReference(text: string): Reference | undefined {
  const match = hexadecimal.test(text) ? null : referencePattern.exec(completed(text));
  if (!match) return undefined;
  const [, registry = "", path = "", tag, digest] = match;
  const version = digest === undefined ? { tag: tag ?? "latest" } : { digest };
  return { registry, path: path.split("/"), ...version };
}

function same(a: Reference, b: Reference): boolean {
  return (
    a.registry === b.registry &&
    a.path.join("/") === b.path.join("/") &&
    a.tag === b.tag &&
    a.digest === b.digest
  );
}

/** Whether a name has a tag: a colon before the last slash belongs to the registry's port. */
function tagAt(name: string): number {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? colon : -1;
}

/** Whether a catalog reference is what is wanted. A pinned one answers to its tag, too. */
function standsFor(catalog: string, wanted: Reference): boolean {
  const canonical = parseReference(catalog);
  if (!canonical) return false;
  if (same(canonical, wanted)) return true;
  const [unpinned = "", digest] = catalog.split("@");
  const byTag = digest !== undefined && tagAt(unpinned) >= 0 ? parseReference(unpinned) : undefined;
  return byTag !== undefined && same(byTag, wanted);
}

/** Whether a pattern of allow means a reference: a "*" is any one path segment, or any tag or digest. */
function matches(pattern: string, wanted: Reference): boolean {
  const [name = "", digest] = pattern.split("@");
  const colon = tagAt(name);
  const segments = (colon < 0 ? name : name.slice(0, colon)).split("/");
  if (segments.some((each) => each.includes("*") && each !== "*")) return false;
  const tag = colon < 0 ? undefined : name.slice(colon + 1);
  const anyVersion = digest === undefined && (tag === undefined || tag === "*");
  // Any valid segment will do for a "*": the pattern is completed as a reference is.
  const probe = segments.map((each) => (each === "*" ? "any" : each)).join("/");
  const version =
    (tag === undefined || tag === "*" ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
  const canonical = parseReference(probe + version);
  if (!canonical || canonical.registry !== wanted.registry) return false;
  // What was put in stands in front, so the segments correspond from the end.
  const put = canonical.path.length - segments.length;
  const isPath = canonical.path.every(
    (each, index) => segments[index - put] === "*" || each === wanted.path[index],
  );
  if (!isPath || canonical.path.length !== wanted.path.length) return false;
  return anyVersion || (canonical.tag === wanted.tag && canonical.digest === wanted.digest);
}

/** Whether a class allows an image, by its name in the catalog or by reference; "malformed" if it is neither. */
export function judgeImage({ catalog, allow }: Images, image: string): "allowed" | "denied" | "malformed" {
  if (catalog?.some(({ name }) => name === image)) return "allowed";
  const wanted = parseReference(image);
  if (!wanted) return "malformed";
  const allowed =
    catalog?.some(({ reference }) => standsFor(reference, wanted)) ||
    allow?.some((pattern) => matches(pattern, wanted));
  return allowed ? "allowed" : "denied";
}

/** Which images a class allows, for a person. */
export function allowedImages({ catalog, allow }: Images): string {
  const names = (catalog ?? []).map(({ name, reference }) => `${name} (${reference})`);
  const parts = [
    ...(names.length > 0 ? [`use one of ${names.join(", ")}`] : []),
    ...(allow && allow.length > 0 ? [`a reference that matches ${allow.join(", ")}`] : []),
  ];
  return parts.join(", or ");
}
