import type { LatencyHistogram } from "../base/mod.ts";
import type { BenchArguments } from "./bench_arguments.ts";
import type { LoadFigures } from "./bench_load.ts";

/** What a bench has found out. */
export interface BenchResult extends LoadFigures {
  readonly expected: number;
  /** Connections that were lost. */
  readonly lost: number;
  readonly seconds: number;
  /** Of this program, while it measured. */
  readonly cpuMs: number;
}

export interface ConnResult {
  readonly connections: number;
  readonly seconds: number;
  readonly lost: number;
  readonly latency: LatencyHistogram;
  readonly cpuMs: number;
}

const VERSION_NAMES = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** Names and texts of a result, once for people and once for programs. */
export function loadReport(args: BenchArguments, result: BenchResult): string {
  const { mode, publishers, subscribers, qos, sizeBytes, connect } = args;
  const { sent, received, expected, outOfOrder, duplicates, refused, lost, seconds } = result;
  const rate = received / seconds;
  const cpuUs = received === 0 ? 0 : result.cpuMs * 1000 / received;
  if (args.isJson) {
    return toJson({
      mode,
      version: VERSION_NAMES[connect.version],
      publishers,
      subscribers,
      qos,
      size: sizeBytes,
      sent,
      received,
      missing: expected - received,
      outOfOrder,
      duplicates,
      refused,
      connectionsLost: lost,
      seconds: round(seconds, 3),
      messagesPerS: Math.round(rate),
      latencyUs: latencyFigures(result.latency),
      generatorCpuUsPerMessage: round(cpuUs, 3),
    });
  }
  return table([
    [
      mode,
      `${publishers} publishing, ${subscribers} subscribed, QoS ${qos}, ${sizeBytes} bytes, MQTT ${
        VERSION_NAMES[connect.version]
      }`,
    ],
    [
      "messages",
      `${sent} sent, ${received} received, ${expected - received} missing, ` +
      `${outOfOrder} out of order, ${duplicates} twice, ${refused} refused`,
    ],
    ["rate", `${Math.round(rate)} received per second, in ${seconds.toFixed(3)} s`],
    ["latency", latencyText(result.latency)],
    ["generator", `${cpuUs.toFixed(3)} µs of processor time for each message received`],
    ...(lost === 0 ? [] : [["lost", `${lost} connections`] as const]),
  ]);
}

export function connReport(args: BenchArguments, result: ConnResult): string {
  const { connections, seconds, lost, latency } = result;
  const cpuUs = connections === 0 ? 0 : result.cpuMs * 1000 / connections;
  if (args.isJson) {
    return toJson({
      mode: "conn",
      version: VERSION_NAMES[args.connect.version],
      connections,
      connectionsLost: lost,
      seconds: round(seconds, 3),
      connectionsPerS: Math.round(connections / seconds),
      latencyUs: latencyFigures(latency),
      generatorCpuUsPerConnection: round(cpuUs, 1),
    });
  }
  return table([
    ["conn", `${connections} connected, ${lost} lost, MQTT ${VERSION_NAMES[args.connect.version]}`],
    ["rate", `${Math.round(connections / seconds)} per second, in ${seconds.toFixed(3)} s`],
    ["latency", `${latencyText(latency)}, until CONNACK`],
    ["generator", `${cpuUs.toFixed(1)} µs of processor time for each`],
  ]);
}

function latencyFigures(latency: LatencyHistogram): Record<string, number | null> {
  const at = (fraction: number): number | null =>
    latency.count === 0 ? null : latency.quantileUs(fraction);
  return {
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: latency.count === 0 ? null : latency.maxUs,
  };
}

function latencyText(latency: LatencyHistogram): string {
  if (latency.count === 0) return "nothing to measure";
  const ms = (us: number): string => `${(us / 1000).toFixed(us < 1000 ? 3 : 1)} ms`;
  const parts = ([["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p99.9", 0.999]] as const).map(
    ([name, fraction]) => `${name} ${ms(latency.quantileUs(fraction))}`,
  );
  return `${parts.join(", ")}, max ${ms(latency.maxUs)}`;
}

function table(rows: readonly (readonly [name: string, text: string])[]): string {
  return rows.map(([name, text]) => `${name.padEnd(11)}${text}\n`).join("");
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
