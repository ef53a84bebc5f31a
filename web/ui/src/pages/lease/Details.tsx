import type { ReactNode } from "react";
import type { ContainerLease } from "@/api/types";
import { Card } from "@/components/Card";
import { Facts } from "@/components/Facts";
import { moment } from "@/lib/format";
import { parseTime } from "@/lib/time";

/** What the lease is made of, as far as there is something to say. */
export function Details({ lease }: { lease: ContainerLease }) {
  const { spec, status, metadata } = lease;
  const created = parseTime(metadata?.creationTimestamp);
  const { container } = status ?? {};
  const facts: [string, ReactNode][] = [];
  const say = (name: string, value: ReactNode) => {
    if (value !== undefined && value !== "") facts.push([name, value]);
  };
  say("Asked for", created === undefined ? undefined : moment(created));
  say("Image", container?.image ?? spec.image);
  say("Digest", container?.imageDigest?.replace(/^sha256:/, "").slice(0, 12));
  say("Command", [...(spec.command ?? []), ...(spec.args ?? [])].map(quoted).join(" "));
  say("Environment", (spec.env ?? []).map(({ name, value }) => `${name}=${value ?? ""}`).join(" "));
  for (const { containerPort, protocol, hostIP, hostPort } of container?.ports ?? []) {
    say(`Port ${containerPort}/${protocol}`, `${hostIP}:${hostPort}`);
  }
  say("Container", container?.id?.slice(0, 12));
  say("Engine", container?.engine);
  say("Exit code", container?.exitCode);
  return (
    <Card title="Details">
      <Facts facts={facts} />
    </Card>
  );
}

function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word);
}
