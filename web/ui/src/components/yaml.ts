import { Document, visit } from "yaml";

// What only kubectl's reader takes for a number: octal as YAML 1.2 writes it, among the words of YAML 1.1.
const octal = /^[-+]?0o[0-7_]+$/;

/**
 * An object as a manifest has it. kubectl reads YAML 1.1, to which a plain yes is true and a plain 12:30 a
 * number: such strings are quoted.
 */
export function toYAML(object: unknown): string {
  const document = new Document(object, { version: "1.1" });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "string" && octal.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0 });
}
