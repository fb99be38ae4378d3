/**
 * Cost as the work grows: `deno run -A tests/bench/growth.ts`, or the same with `bun`. Takes about ten minutes on an idle
 * machine, writes docs/growth.json and draws docs/growth.svg from it.
 *
 * Every point has a broker of its own, so that memory is what these items take. Exit status 1: some cost grew
 * faster than linearly.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "@std/cli";
import { PROJECT_ROOT } from "../support/project_files.ts";
import { drawGrowth } from "./growth_chart.ts";
import {
  findExcesses,
  type GrowthData,
  type GrowthPoint,
  type GrowthSeries,
  type GrowthSubject,
} from "./growth_data.ts";
import type {
  FilterKind,
  LoadPhase,
  LoadPlan,
  LoadResult,
  PhaseResult,
  SetUpResult,
} from "./load/plan.ts";
import { percentOf } from "./load/plan.ts";
import { openFilesMax } from "./load/process_usage.ts";
import {
  BROKER_CORE,
  canPin,
  chooseRuntimes,
  findRuntimes,
  GENERATOR_CORE,
  generatorRuntime,
  machineLine,
  runScript,
  type RuntimeProgram,
  startBenchBroker,
} from "./load/programs.ts";

const USAGE = `growth.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --only subscriptions,connections,payload,fanout
  --most N             no more items than this
  --seconds 2          length of each measurement
  --out docs           folder of growth.json and growth.svg`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "only", "most", "seconds", "out"],
  boolean: ["help"],
  default: { seconds: "2", out: "docs", most: "1000000000" },
});

const SUBSCRIPTIONS = [10, 100, 1000, 10_000, 100_000];
const CONNECTIONS = [10, 100, 1000, 10_000, 50_000];
const PAYLOADS = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];
const RECEIVERS = [1, 10, 100, 1000, 10_000];
const KINDS: readonly FilterKind[] = ["exact", "+", "#"];
const CHANGES_PER_SECOND = 100;
/** Files that broker and generator have open besides their connections. */
const OTHER_FILES = 200;
/** Fewer items than this do not show in the memory of a process. */
const FEWEST_FOR_MEMORY = 1000;
const IN_FLIGHT_BYTES_MAX = 4 << 20;
/** The same for any fan-out: how many messages a write can carry depends on it. */
const FANOUT_WINDOW = 64;

const isPinned = canPin();
const most = Number(options.most);
const remarks: string[] = [];

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function phaseOf(name: string, fields: Partial<LoadPhase> = {}): LoadPhase {
  return {
    name,
    topics: "warm",
    warmUpMs: 700,
    measureMs: Number(options.seconds) * 1000,
    changesPerSecond: 0,
    ...fields,
  };
}

type Fields = Omit<Partial<LoadPlan>, "phases"> & { phases: readonly LoadPhase[] };

/** Measures one point. Undefined: it could not be measured, which the remarks say. */
async function run(
  what: string,
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  fields: Fields,
  settings: readonly string[] = [],
): Promise<LoadResult | undefined> {
  try {
    const result = await loadBroker(runtime, generator, fields, settings);
    const { lost, orderErrors, closed } = result;
    if (lost > 0 || orderErrors > 0 || closed > 0) {
      remarks.push(
        `${what} on ${runtime.name}: ${lost} lost, ${orderErrors} out of order, ${closed} closed`,
      );
    }
    return result;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    remarks.push(`${what} on ${runtime.name}: not measured: ${reason.split("\n", 2).join(" ")}`);
    print(remarks[remarks.length - 1] ?? "");
    return undefined;
  }
}

/** Starts a broker, loads it as planned and stops it. */
async function loadBroker(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  fields: Fields,
  settings: readonly string[],
): Promise<LoadResult> {
  const place = isPinned ? { core: BROKER_CORE } : {};
  const broker = await startBenchBroker(runtime, settings, place);
  try {
    const plan: LoadPlan = {
      host: broker.host,
      port: broker.port,
      version: 4,
      shape: "pair",
      publishers: 10,
      subscribers: 10,
      qos: 0,
      payloadBytes: 64,
      window: 256,
      burst: 16,
      idleConnections: 0,
      settleMs: 1000,
      ...(broker.pid === undefined ? {} : { brokerPid: broker.pid }),
      ...fields,
    };
    const script = ["load/generator.ts", JSON.stringify(plan)];
    const line = await runScript(generator, script, isPinned ? { core: GENERATOR_CORE } : {});
    return JSON.parse(line) as LoadResult;
  } finally {
    await broker.stop();
  }
}

/** `perMessage`: by which count a rate is meant. */
function ratesOf(phase: PhaseResult, perMessage: "published" | "deliveries"): Partial<GrowthPoint> {
  const count = phase[perMessage];
  return withoutUnknown({
    perSecond: Math.round(count / phase.seconds),
    brokerUs: phase.brokerCpuS === undefined ? undefined : phase.brokerCpuS * 1e6 / count,
    brokerPercent: percentOf(phase.brokerCpuS, phase.seconds),
    generatorPercent: percentOf(phase.generatorCpuS, phase.seconds),
  });
}

function withoutUnknown(fields: Record<string, number | undefined>): Partial<GrowthPoint> {
  const known = Object.entries(fields).filter(([, value]) =>
    value !== undefined && Number.isFinite(value)
  );
  return Object.fromEntries(known.map(([name, value]) => [name, Number(value?.toPrecision(5))]));
}

function kibEach(before: number | undefined, after: number | undefined, count: number): number {
  if (before === undefined || after === undefined || count < FEWEST_FOR_MEMORY) return NaN;
  return (after - before) / 1024 / count;
}

async function subscriptions(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
): Promise<GrowthSeries[]> {
  const found: GrowthSeries[] = [];
  const phases = [
    phaseOf("warm"),
    phaseOf("changing", { changesPerSecond: CHANGES_PER_SECOND }),
    phaseOf("cold", { topics: "cold" }),
  ];
  for (const kind of KINDS) {
    const points: Record<string, GrowthPoint[]> = { warm: [], changing: [], cold: [] };
    for (const count of SUBSCRIPTIONS.filter((one) => one <= most)) {
      const result = await run(`${count} subscriptions ${kind}`, runtime, generator, {
        shape: "table",
        table: { kind, count },
        phases,
      });
      if (result === undefined) continue;
      for (const phase of result.phases) {
        const isMostlyUnheard = kind === "exact" && phase.name === "cold";
        const point: GrowthPoint = {
          x: count,
          ...ratesOf(phase, isMostlyUnheard ? "published" : "deliveries"),
          ...(phase.name === "warm" ? subscribingOf(result.setUp, count) : {}),
        };
        points[phase.name]?.push(point);
        show(`subscriptions ${kind} ${phase.name}`, runtime, point);
      }
    }
    for (const [phase, list] of Object.entries(points)) {
      found.push({ subject: "subscriptions", kind, phase, runtime: runtime.name, points: list });
    }
  }
  return found;
}

function subscribingOf(setUp: SetUpResult, count: number): Partial<GrowthPoint> {
  const cpuS = setUp.subscribeBrokerCpuS;
  return withoutUnknown({
    kibEach: kibEach(setUp.rssConnectedBytes, setUp.rssSubscribedBytes, count),
    setUpPerSecond: count / setUp.subscribeSeconds,
    setUpBrokerUs: cpuS === undefined ? undefined : cpuS * 1e6 / count,
  });
}

async function connections(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
): Promise<GrowthSeries[]> {
  const points: GrowthPoint[] = [];
  const filesMax = openFilesMax();
  const possible = filesMax === undefined ? Infinity : filesMax - OTHER_FILES;
  for (const wanted of CONNECTIONS.filter((one) => one <= most)) {
    const count = Math.min(wanted, possible);
    if (count < wanted) {
      remarks.push(`${wanted} connections: a process may have ${filesMax} files open here`);
    }
    const result = await run(`${count} connections`, runtime, generator, {
      idleConnections: count,
      phases: [phaseOf("beside")],
    });
    if (result === undefined) continue;
    const { setUp, phases } = result;
    const { connectSeconds, connectBrokerCpuS, rssStartBytes, rssConnectedBytes } = setUp;
    const all = setUp.connections;
    const point: GrowthPoint = {
      x: count,
      ...(phases[0] === undefined ? {} : ratesOf(phases[0], "deliveries")),
      ...withoutUnknown({
        kibEach: kibEach(rssStartBytes, rssConnectedBytes, all),
        setUpPerSecond: all / connectSeconds,
        setUpBrokerUs: connectBrokerCpuS === undefined ? undefined : connectBrokerCpuS * 1e6 / all,
      }),
    };
    points.push(point);
    show("connections", runtime, point);
  }
  return [{ subject: "connections", runtime: runtime.name, points }];
}

async function payload(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
): Promise<GrowthSeries[]> {
  const points: GrowthPoint[] = [];
  for (const payloadBytes of PAYLOADS.filter((one) => one <= most)) {
    const window = Math.max(4, Math.min(256, Math.floor(IN_FLIGHT_BYTES_MAX / payloadBytes)));
    const result = await run(`payload of ${payloadBytes} bytes`, runtime, generator, {
      publishers: 4,
      subscribers: 4,
      payloadBytes,
      window,
      burst: Math.max(1, Math.min(16, window >> 3)),
      phases: [phaseOf("payload")],
    }, ["mqtt.max_packet_size=2MB"]);
    const phase = result?.phases[0];
    if (phase === undefined) continue;
    const point: GrowthPoint = { x: payloadBytes, ...ratesOf(phase, "deliveries") };
    points.push(point);
    show("payload", runtime, point);
  }
  return [{ subject: "payload", runtime: runtime.name, points }];
}

async function fanout(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
): Promise<GrowthSeries[]> {
  const points: GrowthPoint[] = [];
  for (const receivers of RECEIVERS.filter((one) => one <= most)) {
    const result = await run(`fan-out to ${receivers}`, runtime, generator, {
      shape: "fanout",
      publishers: 1,
      subscribers: receivers,
      window: FANOUT_WINDOW,
      phases: [phaseOf("fanout")],
    });
    const phase = result?.phases[0];
    if (phase === undefined) continue;
    const point: GrowthPoint = { x: receivers, ...ratesOf(phase, "deliveries") };
    points.push(point);
    show("fanout", runtime, point);
  }
  return [{ subject: "fanout", runtime: runtime.name, points }];
}

function show(what: string, runtime: RuntimeProgram, point: GrowthPoint): void {
  const { x, ...figures } = point;
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`).join(", ");
  print(`${runtime.name} ${what} ${x.toLocaleString("en")}: ${text}`);
}

const SUBJECTS: Readonly<
  Record<
    GrowthSubject,
    (runtime: RuntimeProgram, generator: RuntimeProgram) => Promise<GrowthSeries[]>
  >
> = { subscriptions, connections, payload, fanout };

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const found = await findRuntimes();
  const generator = generatorRuntime(found);
  const runtimes = chooseRuntimes(found, options.runtime);
  const subjects = options.only?.split(",") ?? Object.keys(SUBJECTS);
  const series: GrowthSeries[] = [];
  for (const runtime of runtimes) {
    for (const [name, measure] of Object.entries(SUBJECTS)) {
      if (subjects.includes(name)) series.push(...await measure(runtime, generator));
    }
  }
  const data: GrowthData = {
    machine: machineLine(),
    runtimes: Object.fromEntries(runtimes.map(({ name, version }) => [name, version])),
    remarks: [...new Set(remarks)],
    series,
  };
  const folder = join(PROJECT_ROOT, options.out);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "growth.json"), `${JSON.stringify(data, null, 2)}\n`);
  await writeFile(join(folder, "growth.svg"), drawGrowth(data));
  for (const remark of data.remarks) print(remark);
  const excesses = series.flatMap(findExcesses);
  for (const { what, from, to, exponent } of excesses) {
    print(`WORSE THAN LINEAR: ${what}, ${from} to ${to}: exponent ${exponent.toFixed(2)}`);
  }
  if (excesses.length > 0) process.exitCode = 1;
}

await main();
