import type { ContainerLease } from "@/api/types";
import { CodeBlock } from "@/components/CodeBlock";
import { toYAML } from "@/components/yaml";

/** The lease as the API has it, but for who set which field, which nobody reads. */
export function YAMLView({ lease }: { lease: ContainerLease }) {
  const { managedFields: _, ...metadata } = lease.metadata ?? {};
  const { apiVersion, kind, spec, status } = lease;
  return <CodeBlock label="YAML" code={toYAML({ apiVersion, kind, metadata, spec, status })} />;
}
