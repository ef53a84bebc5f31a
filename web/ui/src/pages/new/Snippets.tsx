import { Tabs } from "@mantine/core";
import type { ContainerLease } from "@/api/types";
import { Card } from "@/components/Card";
import { CodeBlock } from "@/components/CodeBlock";
import { toYAML } from "@/components/yaml";
import { curlCommand, kubectlCommand } from "./commands";

/** The same lease by other means, ready to be copied. */
export function Snippets({ lease }: { lease: ContainerLease }) {
  const all = [
    { value: "yaml", label: "YAML", code: toYAML(lease) },
    { value: "kubectl", label: "kubectl", code: kubectlCommand(lease) },
    { value: "curl", label: "curl", code: curlCommand(window.location.origin, lease) },
  ];
  return (
    <Card title="The same by hand">
      <Tabs defaultValue="yaml" keepMounted={false}>
        <Tabs.List mb="sm">
          {all.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {all.map(({ value, label, code }) => (
          <Tabs.Panel key={value} value={value}>
            <CodeBlock label={label} code={code} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Card>
  );
}
