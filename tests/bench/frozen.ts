/**
 * Subscribers that stop reading: `deno run -A tests/bench/frozen.ts --minutes 10`, or the same with `bun`.
 *
 * One publisher sends a thousand messages a second, first to nobody, then to subscribers that never read. Prints the
 * broker's memory twice a minute, and the latency of a pair of bystanders in both phases. Exit status 1: the memory
 * went beyond what the limits of the subscribers come to.
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
import { rssBytes } from "./load/process_usage.ts";
import type { ProbeResult } from "./load/probe.ts";

const USAGE = `frozen.ts [options]
  --minutes 10         of the phase with frozen subscribers
  --runtime bun,deno   what the broker runs on, one after the other (default: all that are installed)
  --frozen 60          subscribers that never read
  --rate 1000          messages in a second
  --payload 1000       bytes of each
  --qos 1              of the bystanders
  --set KEY=VALUE      configuration of the broker`;

const options = parseArgs(process.argv.slice(2), {
  string: ["minutes", "runtime", "frozen", "rate", "payload", "qos", "set"],
  collect: ["set"],
  boolean: ["help"],
  default: { minutes: "10", frozen: "60", rate: "1000", payload: "1000", qos: "1" },
});

const MB = 2 ** 20;
const OUTBOUND_MB = 1;
const QUEUED_MB = 1;
const SETTINGS = [
  `mqtt.max_outbound_buffer=${OUTBOUND_MB}MB`,
  `mqtt.max_queued_bytes=${QUEUED_MB}MB`,
  "mqtt.sys_interval=0",
];
/** What the runtime itself takes for garbage and the like, beyond what is in use. */
const SLACK_MB = 100;
const PROBE_S = 25;
const ALONE_PROBES = 2;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function describe({ p50Us, p99Us, maxUs }: ProbeResult): string {
  return `bystanders p50 ${p50Us} µs, p99 ${p99Us} µs, longest ${(maxUs / 1000).toFixed(1)} ms`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const isPinned = canPin();
const place = isPinned ? { core: GENERATOR_CORE } : {};

/** Probes beside a load until `seconds` are over, and looks at the memory after each. */
async function phase(
  generator: RuntimeProgram,
  broker: BenchBroker,
  frozen: string,
  seconds: number,
): Promise<{ probes: ProbeResult[]; mostRss: number }> {
  const script = ["tests/bench/load/frozen_load.ts", `${broker.port}`, frozen];
  const load = RunningProgram.start(generator, [...script, options.rate, options.payload], place);
  const probes: ProbeResult[] = [];
  let mostRss = 0;
  try {
    if (await load.nextLine() === undefined) throw new Error(`Cannot begin: ${load.errors}`);
    const startMs = performance.now();
    while (performance.now() - startMs < seconds * 1000) {
      const args = ["load/probe.ts", `${broker.port}`, options.qos, `${PROBE_S}`];
      const result = JSON.parse(await runScript(generator, args, place)) as ProbeResult;
      if (!load.isRunning) throw new Error(`Cannot go on: the load ended: ${load.errors}`);
      const rss = rssBytes(broker.pid ?? 0) ?? NaN;
      mostRss = Math.max(mostRss, rss);
      probes.push(result);
      const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
      print(`${minutes.padStart(5)} min: RSS ${(rss / MB).toFixed(0)} MB, ${describe(result)}`);
    }
  } finally {
    load.signal("SIGKILL");
    await load.exited;
  }
  return { probes, mostRss };
}

/** True: the memory stayed within its bounds. */
async function measure(runtime: RuntimeProgram, generator: RuntimeProgram): Promise<boolean> {
  print(`broker on ${runtime.name} ${runtime.version}, ${options.rate} messages a second`);
  const settings = [...SETTINGS, ...options.set.map(String)];
  const broker = await startBenchBroker(runtime, settings, isPinned ? { core: BROKER_CORE } : {});
  try {
    print("without subscribers that do not read");
    const alone = await phase(generator, broker, "0", ALONE_PROBES * PROBE_S);
    print(`with ${options.frozen} of them`);
    const beside = await phase(generator, broker, options.frozen, Number(options.minutes) * 60);
    const boundMb = alone.mostRss / MB + Number(options.frozen) * (OUTBOUND_MB + QUEUED_MB) +
      SLACK_MB;
    const [aloneP99, besideP99] = [alone, beside].map(({ probes }) =>
      median(probes.map(({ p99Us }) => p99Us))
    );
    print(
      `${runtime.name}: RSS ${(alone.mostRss / MB).toFixed(0)} MB without, at most ` +
        `${(beside.mostRss / MB).toFixed(0)} MB with them, allowed are ${boundMb.toFixed(0)} MB; ` +
        `p99 of the bystanders ${aloneP99} µs without, ${besideP99} µs with them`,
    );
    return beside.mostRss / MB <= boundMb;
  } finally {
    await broker.stop();
  }
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const runtimes = await findRuntimes();
  print(machineLine());
  for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
    const isBounded = await measure(runtime, generatorRuntime(runtimes));
    if (!isBounded) process.exitCode = 1;
  }
}

await main();
