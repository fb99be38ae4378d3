/**
 * One client must not slow the others down: `deno run -A tests/bench/fairness.ts`, or the same with `bun`.
 *
 * A pair of clients sends a message about every millisecond; its 99th percentile of latency is taken alone, and beside
 * one publisher that sends as fast as its socket takes it and a subscriber to that which never reads. Above a
 * ratio of three the exit status is 1. `--json` prints the figures as JSON.
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
import type { ProbeResult } from "./load/probe.ts";
import { formatTable } from "./load/table.ts";

const USAGE = `fairness.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --seconds 5          length of each measurement
  --rounds 3           measurements of each kind, in turn; the median counts
  --reading 0          subscribers of the flood that do read
  --max-ratio 3        above it the exit status is 1
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "seconds", "rounds", "reading", "max-ratio"],
  boolean: ["json", "help"],
  default: { seconds: "5", rounds: "3", reading: "0", "max-ratio": "3" },
});

/** Time for the flood to fill what buffers there are. */
const FLOOD_WARM_UP_LINES = 2;

interface Finding {
  readonly runtime: string;
  readonly qos: number;
  readonly aloneP50Us: number;
  readonly aloneP99Us: number;
  readonly besideP50Us: number;
  readonly besideP99Us: number;
  readonly ratio: number;
  readonly floodPerSecond: number;
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

/** Runs `use` beside a flood; returns how many messages per second that was, too. */
async function besideFlood<T>(
  generator: RuntimeProgram,
  broker: BenchBroker,
  use: () => Promise<T>,
): Promise<[T, number]> {
  const script = ["tests/bench/load/flood.ts", `${broker.port}`, "1", options.reading];
  // The probe is not to wait for its core behind the flood: only the broker may make it wait.
  const place = { ...generatorPlace, isBackground: isPinned };
  const flood = RunningProgram.start(generator, script, place);
  let published = 0;
  for (let line = 0; line < FLOOD_WARM_UP_LINES; line++) {
    const text = await flood.nextLine();
    if (text === undefined) throw new Error(`Cannot flood the broker: ${flood.errors}`);
    published = Number(text);
  }
  const startMs = performance.now();
  let last = published;
  const counting = (async () => {
    for (let line = await flood.nextLine(); line !== undefined; line = await flood.nextLine()) {
      last = Number(line);
    }
  })();
  try {
    const result = await use();
    return [result, (last - published) / ((performance.now() - startMs) / 1000)];
  } finally {
    flood.signal("SIGKILL");
    await counting;
  }
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
    const broker = await startBenchBroker(runtime, [], isPinned ? { core: BROKER_CORE } : {});
    try {
      alone.push(await probe(generator, broker, qos));
      const [result, rate] = await besideFlood(
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
    floodPerSecond: Math.round(median(rates)),
  };
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const runtimes = await findRuntimes();
  const generator = generatorRuntime(runtimes);
  const findings: Finding[] = [];
  for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
    for (const qos of [0, 1]) findings.push(await measure(runtime, generator, qos));
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
        "flood/s",
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
        found.floodPerSecond.toLocaleString("en"),
        "",
      ]),
    ));
  }
  if (findings.some(({ ratio }) => ratio > Number(options["max-ratio"]))) process.exitCode = 1;
}

await main();
