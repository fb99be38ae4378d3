/**
 * One client must not slow the others down: `deno run -A tests/bench/fairness.ts`, or the same with `bun`.
 *
 * A pair of clients sends a message about every millisecond; its 99th percentile of latency is taken alone, and beside
 * one publisher that sends as fast as its socket takes it and a subscriber to that which never reads. Above a
 * ratio of three the exit status is 1. `--beside store`: beside ten publishers of QoS 1 that store, synced, as fast as they are
 * acknowledged, for a session that is away. `--json` prints the figures as JSON.
 */
import process from "node:process";
import { parseArgs } from "@std/cli";
import {
  type BenchBroker,
  BROKER_CORE,
  canPin,
  chooseRuntimes,
  findRuntimes,
  GENERATOR_CORE,
  generatorRuntime,
  machineLine,
  RunningProgram,
  runScript,
  type RuntimeProgram,
  startBenchBroker,
} from "./load/programs.ts";
import { startInFolder } from "./load/configured_broker.ts";
import type { ProbeResult } from "./load/probe.ts";
import { formatTable } from "./load/table.ts";

const USAGE = `fairness.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --seconds 5          length of each measurement
  --rounds 3           measurements of each kind, in turn; the median counts
  --beside flood       or store
  --qos 0,1            of the pair (beside store: 0)
  --reading 0          subscribers of the flood that do read
  --max-ratio 3        above it the exit status is 1
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "seconds", "rounds", "beside", "qos", "reading", "max-ratio"],
  boolean: ["json", "help"],
  default: { seconds: "5", rounds: "3", beside: "flood", reading: "0", "max-ratio": "3" },
});

/** Time for the others to fill what buffers there are. */
const WARM_UP_LINES = 2;
const isStoring = options.beside === "store";
const STORE_SETTINGS = ["mqtt.max_queued_messages=0", "mqtt.max_queued_bytes=16GB"];

interface Finding {
  readonly runtime: string;
  readonly qos: number;
  readonly aloneP50Us: number;
  readonly aloneP99Us: number;
  readonly besideP50Us: number;
  readonly besideP99Us: number;
  readonly ratio: number;
  /** Messages of the others: published, or acknowledged. */
  readonly othersPerSecond: number;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const isPinned = canPin();
const generatorPlace = isPinned ? { core: GENERATOR_CORE } : {};

async function probe(
  generator: RuntimeProgram,
  broker: BenchBroker,
  qos: number,
): Promise<ProbeResult> {
  const script = ["load/probe.ts", `${broker.port}`, `${qos}`, options.seconds];
  return JSON.parse(await runScript(generator, script, generatorPlace)) as ProbeResult;
}

/** Runs `use` beside the others; returns how many messages of theirs per second that was, too. */
async function besideOthers<T>(
  generator: RuntimeProgram,
  broker: BenchBroker,
  use: () => Promise<T>,
): Promise<[T, number]> {
  const args = isStoring
    ? ["store.ts", `${broker.port}`, "1"]
    : ["flood.ts", `${broker.port}`, "1", options.reading];
  const script = [`tests/bench/load/${args[0]}`, ...args.slice(1)];
  // The probe is not to wait for its core behind the others: only the broker may make it wait.
  const place = { ...generatorPlace, isBackground: isPinned };
  const others = RunningProgram.start(generator, script, place);
  let before = 0;
  for (let line = 0; line < WARM_UP_LINES; line++) {
    const text = await others.nextLine();
    if (text === undefined) throw new Error(`Cannot load the broker: ${others.errors}`);
    before = Number(text);
  }
  const startMs = performance.now();
  let last = before;
  const counting = (async () => {
    for (let line = await others.nextLine(); line !== undefined; line = await others.nextLine()) {
      last = Number(line);
    }
  })();
  try {
    const result = await use();
    return [result, (last - before) / ((performance.now() - startMs) / 1000)];
  } finally {
    others.signal("SIGKILL");
    await counting;
  }
}

/** One that stores keeps it in a folder of its own, and has a thread that writes: it goes where there is room. */
async function startBroker(runtime: RuntimeProgram): Promise<BenchBroker> {
  if (!isStoring) return await startBenchBroker(runtime, [], isPinned ? { core: BROKER_CORE } : {});
  return await startInFolder((dataDir) => startBenchBroker(runtime, STORE_SETTINGS, { dataDir }));
}

async function measure(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  qos: number,
): Promise<Finding> {
  const alone: ProbeResult[] = [];
  const beside: ProbeResult[] = [];
  const rates: number[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const broker = await startBroker(runtime);
    try {
      alone.push(await probe(generator, broker, qos));
      const [result, rate] = await besideOthers(
        generator,
        broker,
        () => probe(generator, broker, qos),
      );
      beside.push(result);
      rates.push(rate);
    } finally {
      await broker.stop();
    }
  }
  const [aloneP99Us, besideP99Us] = [alone, beside].map((results) =>
    median(results.map(({ p99Us }) => p99Us))
  ) as [number, number];
  return {
    runtime: `${runtime.name} ${runtime.version}`,
    qos,
    aloneP50Us: median(alone.map(({ p50Us }) => p50Us)),
    aloneP99Us,
    besideP50Us: median(beside.map(({ p50Us }) => p50Us)),
    besideP99Us,
    ratio: besideP99Us / aloneP99Us,
    othersPerSecond: Math.round(median(rates)),
  };
}

function qosOfPair(): number[] {
  return (options.qos ?? (isStoring ? "0" : "0,1")).split(",").map(Number);
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  if (!["flood", "store"].includes(options.beside)) {
    throw new Error(`Cannot measure beside "${options.beside}": allowed are flood and store`);
  }
  const runtimes = await findRuntimes();
  const generator = generatorRuntime(runtimes);
  const findings: Finding[] = [];
  for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
    for (const qos of qosOfPair()) findings.push(await measure(runtime, generator, qos));
  }
  if (options.json) print(JSON.stringify(findings));
  else {
    print(machineLine());
    print(formatTable(
      [
        "broker",
        "QoS",
        "p50 alone",
        "p50 beside",
        "p99 alone",
        "p99 beside",
        "ratio",
        "others/s",
        "",
      ],
      findings.map((found) => [
        found.runtime,
        `${found.qos}`,
        `${found.aloneP50Us} µs`,
        `${found.besideP50Us} µs`,
        `${found.aloneP99Us} µs`,
        `${found.besideP99Us} µs`,
        found.ratio.toFixed(2),
        found.othersPerSecond.toLocaleString("en"),
        "",
      ]),
    ));
  }
  if (findings.some(({ ratio }) => ratio > Number(options["max-ratio"]))) process.exitCode = 1;
}

await main();
