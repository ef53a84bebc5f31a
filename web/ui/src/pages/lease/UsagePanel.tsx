import { Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import uPlot, { type AlignedData } from "uplot";
import "uplot/dist/uPlot.min.css";
import { serverNow } from "@/api/http";
import { containerLeases, objectPath } from "@/api/kubernetes";
import type { ContainerLease, LeaseStats } from "@/api/types";
import { type FollowState, follow } from "@/api/watch/follow";
import { useSecondsUntil } from "@/lib/clock";
import { cpu, memory } from "@/lib/format";
import { nameOf, namespaceOf } from "@/lib/lease";
import { parseTime } from "@/lib/time";
import classes from "./UsagePanel.module.css";
import { addSample, cpuShare, memoryShare, type Sample, span } from "./usage";

/** What a lease's container uses of its limits, live. */
export function UsagePanel({ lease }: { lease: ContainerLease }) {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [state, setState] = useState<FollowState>({ kind: "connecting" });
  const { uid } = lease.metadata ?? {};
  const [namespace, name] = [namespaceOf(lease), nameOf(lease)];

  // biome-ignore lint/correctness/useExhaustiveDependencies: the UID stands for the lease; another is another stream
  useEffect(() => {
    setSamples([]);
    return follow({
      path: () => `/ws${objectPath(containerLeases, { namespace, name }, "stats")}?follow=true`,
      onState: setState,
      onLines: (lines) =>
        setSamples((before) =>
          lines.reduce((all, line) => addSample(all, sampleOf(JSON.parse(line) as LeaseStats)), before),
        ),
      whyOver: ({ code, reason }) => (code === 1000 ? reason || "the container has stopped" : undefined),
    });
  }, [uid, namespace, name]);

  const last = samples.at(-1);
  return (
    <section className={classes.panel} aria-label="Usage">
      <Chart
        title="CPU"
        samples={samples}
        share={cpuShare}
        now={last && `${Math.round(cpuShare(last))} % of ${cpu(last.cpuLimit / 1e6)}`}
      />
      <Chart
        title="Memory"
        samples={samples}
        share={memoryShare}
        now={last && `${memory(last.memory)} of ${memory(last.memoryLimit)}`}
      />
      <Waiting state={state} />
    </section>
  );
}

function sampleOf(stats: LeaseStats): Sample {
  return {
    at: parseTime(stats.timestamp) ?? serverNow(),
    cpu: stats.cpu.usageNanoCores,
    cpuLimit: stats.cpu.limitNanoCores,
    memory: stats.memory.workingSetBytes,
    memoryLimit: stats.memory.limitBytes,
  };
}

function Waiting({ state }: { state: FollowState }) {
  const seconds = useSecondsUntil(state.kind === "waiting" ? state.retryAt : undefined);
  if (state.kind !== "waiting" && state.kind !== "ended") return null;
  return (
    <Text size="xs" c="dimmed" className={classes.waiting ?? ""} role="status">
      {state.kind === "waiting"
        ? `Not measured now; asked again in ${seconds} s`
        : `Measured until the end: ${state.why}`}
    </Text>
  );
}

interface ChartProps {
  title: string;
  samples: readonly Sample[];
  /** What is drawn of a sample, in percent of its limit. */
  share: (sample: Sample) => number;
  now: string | undefined;
}

const height = 120;

function Chart({ title, samples, share, now }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const make = () => new uPlot(options(element), [[], []], element);
    plot.current = make();
    const size = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    size.observe(element);
    // uPlot reads its colours once.
    const scheme = new MutationObserver(() => {
      const data = plot.current?.data ?? [[], []];
      plot.current?.destroy();
      plot.current = make();
      plot.current.setData(data);
    });
    scheme.observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });
    return () => {
      size.disconnect();
      scheme.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => {
    const end = samples.at(-1)?.at ?? serverNow();
    const data: AlignedData = [samples.map(({ at }) => at / 1000), samples.map(share)];
    plot.current?.setData(data, false);
    plot.current?.setScale("x", { min: (end - span) / 1000, max: end / 1000 });
  }, [samples, share]);
  const last = samples.at(-1);
  return (
    <figure className={classes.chart}>
      <figcaption className={classes.caption}>
        <Text component="span" size="sm" fw={600}>
          {title}
        </Text>
        <Text component="span" size="sm" c="dimmed" className="numbers">
          {now ?? "not measured yet"}
        </Text>
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${title} of the last five minutes, in percent of its limit${last ? `; now ${Math.round(share(last))} %` : ""}`}
      />
    </figure>
  );
}

/** A colour of the page's, in the form that a canvas understands. */
function colour(element: HTMLElement, property: string): string {
  element.style.color = `var(${property})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}

function options(element: HTMLElement): uPlot.Options {
  const [text, line, fill, grid] = ["text", "line", "fill", "grid"].map((name) =>
    colour(element, `--chart-${name}`),
  );
  const axis = {
    stroke: text ?? "",
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: grid ?? "", width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    cursor: { show: false },
    legend: { show: false },
    padding: [8, 18, 0, 0],
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(100, max)] } },
    axes: [
      { ...axis, space: 80, size: 24, values: (_, splits) => splits.map(clock) },
      { ...axis, size: 44, splits: [0, 50, 100], values: (_, splits) => splits.map((value) => `${value} %`) },
    ],
    series: [{}, { stroke: line ?? "", width: 1.5, fill: fill ?? "", points: { show: false } }],
  };
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

function clock(seconds: number): string {
  return clockFormat.format(seconds * 1000);
}
