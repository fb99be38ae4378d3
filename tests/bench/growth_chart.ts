/** Draws docs/growth.svg from docs/growth.json: `deno run -A tests/bench/growth_chart.ts`, or the same with `bun`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT } from "../support/project_files.ts";
import {
  type ChartLine,
  type ChartPanel,
  type ChartStyle,
  drawChart,
  formatBytes,
} from "./chart.ts";
import type { GrowthData, GrowthPoint, GrowthSeries } from "./growth_data.ts";

/** Blue, orange, green that most colour-blind people can tell apart; black where there is one line only. */
const COLORS: Readonly<Record<string, string>> = {
  "exact": "#0072b2",
  "+": "#d55e00",
  "#": "#009e73",
  "": "#333333",
};
const NAMES: Readonly<Record<string, string>> = {
  bun: "Bun",
  deno: "Deno",
  mosquitto: "mosquitto",
};

function styleName(series: GrowthSeries): string {
  return `${series.kind ?? ""} ${series.runtime}`;
}

function stylesOf(data: GrowthData): Record<string, ChartStyle> {
  const styles: Record<string, ChartStyle> = {};
  for (const runtime of Object.keys(data.runtimes)) {
    if (runtime === "mosquitto") {
      styles[` ${runtime}`] = { label: "mosquitto", color: "#cc79a7", isDashed: false };
      continue;
    }
    for (const [kind, color] of Object.entries(COLORS)) {
      const what = kind === ""
        ? ""
        : kind === "exact"
        ? "exact filters, "
        : `filters with ${kind}, `;
      const label = `${what}${NAMES[runtime]}`;
      styles[`${kind} ${runtime}`] = { label, color, isDashed: runtime !== "bun" };
    }
  }
  return styles;
}

type Value = (point: GrowthPoint) => number | undefined;

function linesOf(series: readonly GrowthSeries[], value: Value): ChartLine[] {
  return series.map((one) => ({
    style: styleName(one),
    points: one.points.flatMap((point) => {
      const y = value(point);
      return y === undefined || y <= 0 ? [] : [[point.x, y] as const];
    }),
  })).filter(({ points }) => points.length > 0);
}

const perSecond: Value = (point) => point.perSecond;
const systemUs: Value = (point) => point.brokerSystemUs;
const kibEach: Value = (point) => point.kibEach;

/** The SVG text for `data`. */
export function drawGrowth(data: GrowthData): string {
  const of = (subject: string, phase?: string): GrowthSeries[] =>
    data.series.filter((one) =>
      one.subject === subject && (phase === undefined || one.phase === phase)
    );
  const panel = (
    title: string,
    xTitle: string,
    series: readonly GrowthSeries[],
    value: Value,
  ): ChartPanel => ({ title, xTitle, lines: linesOf(series, value) });
  const panels: ChartPanel[] = [
    panel("Messages/s, route cache warm", "subscriptions", of("subscriptions", "warm"), perSecond),
    panel("Messages/s, every topic new", "subscriptions", of("subscriptions", "cold"), perSecond),
    panel(
      "Messages/s beside 100 subscription changes/s",
      "subscriptions",
      of("subscriptions", "changing"),
      perSecond,
    ),
    panel("KiB per subscription", "subscriptions", of("subscriptions", "warm"), kibEach),
    panel(
      "Subscribing: filters/s",
      "subscriptions",
      of("subscriptions", "warm"),
      (point) => point.setUpPerSecond,
    ),
    panel(
      "Subscribing: broker CPU, µs each",
      "subscriptions",
      of("subscriptions", "warm"),
      (point) => point.setUpBrokerUs,
    ),
    panel(
      "Connecting: connections/s",
      "connections",
      of("connections"),
      (point) => point.setUpPerSecond,
    ),
    panel(
      "Connecting: broker CPU, µs each",
      "connections",
      of("connections"),
      (point) => point.setUpBrokerUs,
    ),
    panel("KiB per idle connection", "connections", of("connections"), kibEach),
    panel("Deliveries/s beside idle connections", "connections", of("connections"), perSecond),
    panel("Deliveries/s by fan-out", "receivers of each message", of("fanout"), perSecond),
    panel(
      "Broker CPU by fan-out, µs per delivery",
      "receivers of each message",
      of("fanout"),
      (point) => point.brokerUs,
    ),
    panel(
      "Kernel's part of it, µs per delivery",
      "receivers of each message",
      of("fanout"),
      systemUs,
    ),
    {
      ...panel("Deliveries/s by payload", "bytes of payload", of("payload"), perSecond),
      formatX: formatBytes,
    },
    {
      ...panel(
        "MiB/s by payload",
        "bytes of payload",
        of("payload"),
        (point) => point.perSecond === undefined ? undefined : point.perSecond * point.x / 2 ** 20,
      ),
      formatX: formatBytes,
    },
  ];
  const versions = Object.entries(data.runtimes).map(([name, version]) => `${name} ${version}`);
  const commits = new Set(data.series.flatMap(({ commit }) => commit ?? []));
  if (commits.size > 0) versions.push(`commit ${[...commits].join(", ")}`);
  return drawChart({
    title: "Cost as the work grows",
    subtitle: `${data.machine}; ${versions.join(", ")}; broker on one core, load on another`,
    columns: 3,
    styles: stylesOf(data),
    panels,
  });
}

if (import.meta.main) {
  const folder = join(PROJECT_ROOT, "docs");
  const data = JSON.parse(await readFile(join(folder, "growth.json"), "utf8")) as GrowthData;
  await writeFile(join(folder, "growth.svg"), drawGrowth(data));
}
