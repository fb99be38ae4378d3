/**
 * Memory under a mixed load: `deno run -A tests/bench/soak.ts --minutes 30`, or the same with `bun`.
 *
 * Connect storms, sessions that expire, subscriptions and retained messages that come and go, traffic at every QoS, clients that
 * stop reading and clients that vanish. Prints the broker's memory once a minute, and the ratio of the end to
 * what it was after five minutes (of a short run: after a third of it). Exit status 1: it grew by more than 15 %, or
 * something went wrong on the way.
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
  type RuntimeProgram,
  startBenchBroker,
} from "./load/programs.ts";
import { rssBytes } from "./load/process_usage.ts";
import type { SoakReport } from "./load/soak_load.ts";

const USAGE = `soak.ts [options]
  --minutes 30
  --runtime bun,deno   what the broker runs on, one after the other (default: all that are installed)
  --seed N             of the load's random choices
  --max-growth 0.15    more than this is a failure
  --set KEY=VALUE      configuration of the broker`;

const options = parseArgs(process.argv.slice(2), {
  string: ["minutes", "runtime", "seed", "max-growth", "set"],
  collect: ["set"],
  boolean: ["help"],
  default: { "minutes": "30", "max-growth": "0.15" },
});

const SETTINGS = ["mqtt.session_expiry_3x=20s", "mqtt.sys_interval=5s"];
const BASELINE_MINUTES = 5;
/** Memory at a moment is the median of so many samples around it: a collection may just have been. */
const SAMPLES_AT_A_MOMENT = 6;

interface Sample {
  readonly minutes: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** The samples nearest before `minutes`. */
function around(samples: readonly Sample[], minutes: number): readonly Sample[] {
  return samples.filter((sample) => sample.minutes <= minutes + 0.1).slice(-SAMPLES_AT_A_MOMENT);
}

/** Loads the broker and gathers samples, one with each report of the load. */
async function gather(
  broker: BenchBroker,
  generator: RuntimeProgram,
  minutes: number,
  seed: number,
): Promise<Sample[]> {
  const place = canPin() ? { core: GENERATOR_CORE } : {};
  const script = ["tests/bench/load/soak_load.ts", `${broker.port}`, `${seed}`];
  const load = RunningProgram.start(generator, script, place);
  const startMs = performance.now();
  const samples: Sample[] = [];
  let printed = -1;
  try {
    for (let passed = 0; passed < minutes;) {
      const line = await load.nextLine();
      if (line === undefined) throw new Error(`Cannot go on: the load ended: ${load.errors}`);
      const report = JSON.parse(line) as SoakReport;
      const rss = rssBytes(broker.pid ?? 0);
      if (rss === undefined) throw new Error("Cannot go on: the broker is gone");
      passed = (performance.now() - startMs) / 60_000;
      samples.push({
        minutes: passed,
        rssBytes: rss,
        heapBytes: report.sys["heap/current"] ?? NaN,
      });
      if (Math.floor(passed) === printed && passed < minutes) continue;
      printed = Math.floor(passed);
      show(samples[samples.length - 1] as Sample, report);
    }
  } finally {
    load.signal("SIGKILL");
    await load.exited;
  }
  return samples;
}

function show({ minutes, rssBytes, heapBytes }: Sample, report: SoakReport): void {
  const { sys, ...counts } = report;
  const figures = Object.entries({ ...counts, ...sys })
    .filter(([name]) => name !== "heap/current")
    .map(([name, value]) => `${name} ${value.toLocaleString("en")}`);
  const memory = `RSS ${mebibytes(rssBytes)}, heap ${mebibytes(heapBytes)}`;
  print(`${minutes.toFixed(1).padStart(5)} min: ${memory}; ${figures.join(", ")}`);
}

/** True: memory stayed within its bounds. */
async function soak(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  minutes: number,
  seed: number,
): Promise<boolean> {
  print(`broker on ${runtime.name} ${runtime.version}`);
  const place = canPin() ? { core: BROKER_CORE } : {};
  const broker = await startBenchBroker(runtime, [...SETTINGS, ...options.set.map(String)], place);
  let samples: Sample[];
  try {
    samples = await gather(broker, generator, minutes, seed);
  } finally {
    await broker.stop();
  }
  const early = around(samples, Math.min(BASELINE_MINUTES, minutes / 3));
  const late = around(samples, Infinity);
  const [earlyRss, lateRss] = [early, late].map((some) => median(some.map((one) => one.rssBytes)));
  const [earlyHeap, lateHeap] = [early, late].map((some) =>
    median(some.map((one) => one.heapBytes))
  );
  if (earlyRss === undefined || lateRss === undefined) throw new Error("Cannot judge: no sample");
  const when = early[early.length - 1]?.minutes.toFixed(1);
  const ratio = lateRss / earlyRss;
  print(
    `${runtime.name}: RSS ${mebibytes(earlyRss)} after ${when} min, ${
      mebibytes(lateRss)
    } at the end, ` +
      `ratio ${ratio.toFixed(3)}; heap ${mebibytes(earlyHeap ?? NaN)}, ${
        mebibytes(lateHeap ?? NaN)
      }`,
  );
  return ratio <= 1 + Number(options["max-growth"]);
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const seed = options.seed === undefined
    ? Math.floor(Math.random() * 2 ** 31)
    : Number(options.seed);
  const runtimes = await findRuntimes();
  print(`${machineLine()}; seed ${seed}`);
  let isGood = true;
  for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
    const isFlat = await soak(runtime, generatorRuntime(runtimes), Number(options.minutes), seed);
    isGood = isFlat && isGood;
  }
  if (!isGood) process.exitCode = 1;
}

await main();
