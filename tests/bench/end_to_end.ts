/**
 * Whole messages through a broker: `deno run -A tests/bench/end_to_end.ts`, or the same with `bun`.
 *
 * The broker is started from source on each runtime that is here, one after the other, and tied to one core;
 * the load generator is a program of its own on another. `--host H --port P` measures a broker that runs
 * already, `--pid N` says which process it is.
 */
import process from "node:process";
import { parseArgs } from "@std/cli";
import { formatTable } from "./load/table.ts";
import type { LoadPhase, LoadPlan, LoadResult } from "./load/plan.ts";
import { percentOf } from "./load/plan.ts";
import {
  type BenchBroker,
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

const USAGE = `end_to_end.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --host H --port P    a broker that runs already, instead
  --pid N              its process, for CPU time and memory
  --username U --password P
  --only pair-q0,…     some of the cases
  --seconds 1.5        length of each measurement
  --rounds 1           measurements of each case; the median by rate is shown
  --no-pin             leave the placing on cores to the system
  --json               figures as JSON`;

/** At this share of its core a program is what limits the rate. */
const BUSY_PERCENT = 90;

type CasePlan = Pick<
  LoadPlan,
  "shape" | "publishers" | "subscribers" | "qos" | "version" | "payloadBytes" | "window" | "burst"
>;

const PAIR: CasePlan = {
  shape: "pair",
  publishers: 10,
  subscribers: 10,
  qos: 0,
  version: 4,
  payloadBytes: 64,
  window: 256,
  burst: 16,
};
const FANOUT: CasePlan = { ...PAIR, shape: "fanout", publishers: 1, subscribers: 100 };
const FANIN: CasePlan = { ...PAIR, shape: "fanin", publishers: 50, subscribers: 1, burst: 5 };

const CASES: Readonly<Record<string, CasePlan>> = {
  "pair-q0": PAIR,
  "pair-q1": { ...PAIR, qos: 1 },
  "pair-q2": { ...PAIR, qos: 2 },
  "pair-q0-v5": { ...PAIR, version: 5 },
  "pair-q1-v5": { ...PAIR, qos: 1, version: 5 },
  "fanout-q0": FANOUT,
  "fanout-q1": { ...FANOUT, qos: 1 },
  "fanin-q0": FANIN,
  "fanin-q1": { ...FANIN, qos: 1 },
  "unbatched": { ...PAIR, publishers: 100, subscribers: 100, window: 100, burst: 1 },
  "one-at-a-time": { ...PAIR, publishers: 1, subscribers: 1, window: 1, burst: 1 },
  "64k-payload": {
    ...PAIR,
    publishers: 4,
    subscribers: 4,
    payloadBytes: 65536,
    window: 32,
    burst: 8,
  },
};
const CONNECTIONS_CASE = "connections";
const CONNECTIONS = 5000;

interface Row {
  readonly case: string;
  readonly deliveriesPerSecond: number;
  readonly brokerUsPerDelivery: number | undefined;
  readonly brokerPercent: number | undefined;
  readonly generatorPercent: number | undefined;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly remark: string;
}

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "host", "port", "pid", "username", "password", "only", "seconds", "rounds"],
  boolean: ["json", "help", "pin"],
  negatable: ["pin"],
  default: { pin: true, seconds: "1.5", rounds: "1" },
});

const isPinned = options.pin && canPin();
const generatorOptions = isPinned ? { core: GENERATOR_CORE } : {};

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function chosenCases(): string[] {
  const all = [...Object.keys(CASES), CONNECTIONS_CASE];
  if (options.only === undefined) return all;
  const chosen = options.only.split(",");
  for (const name of chosen) {
    if (!all.includes(name)) throw new Error(`Cannot run "${name}"; there are ${all.join(" ")}`);
  }
  return chosen;
}

function planOf(broker: BenchBroker, name: string): LoadPlan {
  const phase: LoadPhase = {
    name,
    topics: "warm",
    warmUpMs: 500,
    measureMs: Number(options.seconds) * 1000,
    changesPerSecond: 0,
  };
  const isConnections = name === CONNECTIONS_CASE;
  return {
    host: broker.host,
    port: broker.port,
    ...(CASES[name] ?? { ...PAIR, publishers: 0, subscribers: 0 }),
    idleConnections: isConnections ? CONNECTIONS : 0,
    phases: isConnections ? [] : [phase],
    settleMs: isConnections ? 300 : 0,
    ...(broker.pid === undefined ? {} : { brokerPid: broker.pid }),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  };
}

function rowOf(name: string, result: LoadResult): Row {
  return name === CONNECTIONS_CASE ? connectionsRow(result) : messagesRow(name, result);
}

function messagesRow(name: string, result: LoadResult): Row {
  const phase = result.phases[0];
  if (phase === undefined) throw new Error(`Cannot read the result of "${name}": no phase`);
  const { seconds, deliveries, brokerCpuS } = phase;
  const brokerPercent = percentOf(brokerCpuS, seconds);
  const generatorPercent = percentOf(phase.generatorCpuS, seconds);
  return {
    case: name,
    deliveriesPerSecond: Math.round(deliveries / seconds),
    brokerUsPerDelivery: brokerCpuS === undefined ? undefined : brokerCpuS * 1e6 / deliveries,
    brokerPercent,
    generatorPercent,
    p50Us: phase.p50Us,
    p99Us: phase.p99Us,
    remark: [limitRemark(brokerPercent, generatorPercent), ...faults(result)].filter(Boolean)
      .join(", "),
  };
}

function connectionsRow(result: LoadResult): Row {
  const { connections, connectSeconds, connectBrokerCpuS, rssStartBytes, rssConnectedBytes } =
    result.setUp;
  const remarks = [`${connections} connections`, ...faults(result)];
  if (rssStartBytes !== undefined && rssConnectedBytes !== undefined) {
    const each = (rssConnectedBytes - rssStartBytes) / 1024 / connections;
    remarks.push(`${each.toFixed(1)} KiB each`);
  }
  const cpuS = connectBrokerCpuS;
  return {
    case: CONNECTIONS_CASE,
    deliveriesPerSecond: Math.round(connections / connectSeconds),
    brokerUsPerDelivery: cpuS === undefined ? undefined : cpuS * 1e6 / connections,
    brokerPercent: percentOf(cpuS, connectSeconds),
    generatorPercent: undefined,
    p50Us: NaN,
    p99Us: NaN,
    remark: remarks.join(", "),
  };
}

/** Who is at the end of its core: only where that is the broker is the rate the broker's own. */
function limitRemark(broker: number | undefined, generator: number | undefined): string {
  if (generator === undefined || generator < BUSY_PERCENT) return "";
  if (broker !== undefined && broker >= BUSY_PERCENT) return "both are busy";
  return "limited by the generator";
}

function faults(result: LoadResult): string[] {
  const found: string[] = [];
  if (result.lost > 0) found.push(`${result.lost} LOST`);
  if (result.orderErrors > 0) found.push(`${result.orderErrors} OUT OF ORDER`);
  if (result.closed > 0) found.push(`${result.closed} CLOSED`);
  return found;
}

async function measure(
  broker: BenchBroker,
  name: string,
  generator: RuntimeProgram,
): Promise<Row> {
  const rows: Row[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const plan = JSON.stringify(planOf(broker, name));
    const line = await runScript(generator, ["load/generator.ts", plan], generatorOptions);
    rows.push(rowOf(name, JSON.parse(line) as LoadResult));
  }
  rows.sort((a, b) => a.deliveriesPerSecond - b.deliveriesPerSecond);
  return rows[rows.length >> 1] as Row;
}

async function measureAll(broker: BenchBroker, generator: RuntimeProgram): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of chosenCases()) rows.push(await measure(broker, name, generator));
  return rows;
}

function printRows(title: string, rows: readonly Row[]): void {
  print(title);
  print(formatTable(
    ["case", "per second", "broker µs each", "broker CPU", "load CPU", "p50 µs", "p99 µs", ""],
    rows.map((row) => [
      row.case,
      row.deliveriesPerSecond.toLocaleString("en"),
      row.brokerUsPerDelivery?.toFixed(2) ?? "–",
      percent(row.brokerPercent),
      percent(row.generatorPercent),
      Number.isNaN(row.p50Us) ? "–" : row.p50Us.toLocaleString("en"),
      Number.isNaN(row.p99Us) ? "–" : row.p99Us.toLocaleString("en"),
      row.remark,
    ]),
  ));
  print("");
}

function percent(value: number | undefined): string {
  return value === undefined ? "–" : `${Math.round(value)} %`;
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const runtimes = await findRuntimes();
  const generator = generatorRuntime(runtimes);
  const report: Record<string, Row[]> = {};
  const show = (title: string, rows: Row[]): void => {
    report[title] = rows;
    if (!options.json) printRows(title, rows);
  };
  if (!options.json) {
    print(`${machineLine()}; load by ${generator.name} ${generator.version}`);
    print(isPinned ? "broker on core 0, load on core 1\n" : "placed by the system\n");
  }
  if (options.port !== undefined) {
    const host = options.host ?? "127.0.0.1";
    const pid = options.pid === undefined ? undefined : Number(options.pid);
    const stop = (): Promise<void> => Promise.resolve();
    const broker: BenchBroker = { host, port: Number(options.port), pid, stop };
    show(`${host}:${options.port}`, await measureAll(broker, generator));
  } else {
    for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
      const broker = await startBenchBroker(runtime, [], isPinned ? { core: BROKER_CORE } : {});
      try {
        show(
          `broker on ${runtime.name} ${runtime.version}`,
          await measureAll(broker, generator),
        );
      } finally {
        await broker.stop();
      }
    }
  }
  if (options.json) print(JSON.stringify(report));
}

await main();
