/**
 * What rules cost the traffic: `deno run -A tests/bench/rules.ts`, or the same with `bun`.
 *
 * First whole messages through a broker with 0, 1, 100 and 10,000 rules, of which none or one is about the messages,
 * as fast as they go. Then messages at a steady rate of which a tenth goes to a web hook: one that answers, one where
 * nobody listens, one that takes connections and never answers. With the last two the 99th percentile of their latency
 * may not be higher by more than a tenth than without a rule. What a machine makes of that is seen in the row of a
 * second broker without a rule. `--json` prints the figures as JSON.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "@std/cli";
import { type LoadPlan, type LoadResult, percentOf } from "./load/plan.ts";
import type { ProbeResult } from "./load/probe.ts";
import { cpuSeconds } from "./load/process_usage.ts";
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
import { formatTable } from "./load/table.ts";

const USAGE = `rules.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --rules 0,1,100,10000
  --seconds 2          length of each measurement
  --rounds 3           measurements of each case, in turn; the median is shown
  --rate 5000          messages per second beside a web hook, a tenth of them for it
  --only cost|hook     one of the two parts
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "rules", "seconds", "rounds", "rate", "only"],
  boolean: ["json", "help"],
  default: { rules: "0,1,100,10000", seconds: "2", rounds: "3", rate: "5000" },
});

const isPinned = canPin();
const brokerPlace = isPinned ? { core: BROKER_CORE } : {};
const generatorPlace = isPinned ? { core: GENERATOR_CORE } : {};

interface CostRow {
  readonly runtime: string;
  readonly rules: number;
  readonly matching: number;
  readonly perSecond: number;
  readonly brokerUs: number;
  readonly p99Us: number;
}

interface HookRow {
  readonly runtime: string;
  readonly hook: string;
  readonly result: ProbeResult;
  /** Of a message, those that are not for the web hook included. */
  readonly brokerUs: number;
  /** 99th percentile as a multiple of that without a rule in the same round. */
  readonly p99Ratio: number;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function median<T>(values: readonly T[], by: (value: T) => number): T {
  const found = values.toSorted((a, b) => by(a) - by(b))[values.length >> 1];
  if (found === undefined) throw new Error("Cannot take the median of nothing");
  return found;
}

/** So many rules of which `matching` are about the messages of the load. */
function rulesText(count: number, matching: number): string {
  return Array.from({ length: count }, (_, index) => {
    const isMatching = index >= count - matching;
    const filter = isMatching
      ? "bench/#"
      : index % 2 === 0
      ? `site/${index}/+/t`
      : `room/${index}/#`;
    const sql = `SELECT topic, qos, client_id, timestamp FROM "${filter}"`;
    return `[[rule]]\nname = "r${index}"\nsql = '${sql}'\n[[rule.action]]\nname = "do_nothing"\n`;
  }).join("");
}

async function withBroker<T>(
  runtime: RuntimeProgram,
  config: string,
  use: (broker: BenchBroker) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "rules-bench-"));
  try {
    const path = join(folder, "broker.toml");
    writeFileSync(path, config);
    const broker = await startBenchBroker(runtime, [], { ...brokerPlace, config: path });
    try {
      return await use(broker);
    } finally {
      await broker.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function planOf(broker: BenchBroker): LoadPlan {
  const measureMs = Number(options.seconds) * 1000;
  return {
    host: broker.host,
    port: broker.port,
    shape: "pair",
    publishers: 10,
    subscribers: 10,
    qos: 0,
    version: 4,
    payloadBytes: 64,
    window: 256,
    burst: 16,
    idleConnections: 0,
    phases: [{ name: "rules", topics: "warm", warmUpMs: 700, measureMs, changesPerSecond: 0 }],
    settleMs: 0,
    ...(broker.pid === undefined ? {} : { brokerPid: broker.pid }),
  };
}

async function costOnce(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  [rules, matching]: readonly [number, number],
): Promise<CostRow> {
  return await withBroker(runtime, rulesText(rules, matching), async (broker) => {
    const plan = JSON.stringify(planOf(broker));
    const line = await runScript(generator, ["load/generator.ts", plan], generatorPlace);
    const result = JSON.parse(line) as LoadResult;
    const [phase] = result.phases;
    if (phase === undefined || result.lost > 0) {
      throw new Error("Cannot use this: messages are lost");
    }
    const { seconds, deliveries, brokerCpuS = NaN, p99Us } = phase;
    if ((percentOf(brokerCpuS, seconds) ?? 0) < 80) print(`  the broker was idle at times`);
    return {
      runtime: `${runtime.name} ${runtime.version}`,
      rules,
      matching,
      perSecond: Math.round(deliveries / seconds),
      brokerUs: brokerCpuS * 1e6 / deliveries,
      p99Us,
    };
  });
}

/** All cases in turn, so that a machine whose speed drifts does so for all. */
async function costs(runtime: RuntimeProgram, generator: RuntimeProgram): Promise<CostRow[]> {
  const counts: readonly number[] = options.rules.split(",").map(Number);
  const cases = counts.flatMap((count): (readonly [number, number])[] =>
    count === 0 ? [[0, 0]] : [[count, 0], [count, 1]]
  );
  const found = cases.map((): CostRow[] => []);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [index, each] of cases.entries()) {
      found[index]?.push(await costOnce(runtime, generator, each));
    }
  }
  return found.map((rows) => median(rows, ({ brokerUs }) => brokerUs));
}

/** As `steady.ts` has it. */
const WARM_UP_S = 0.5;

/** User and system time of the broker so far. */
function usedSeconds({ pid }: BenchBroker): number {
  return pid === undefined ? NaN : cpuSeconds(pid) ?? NaN;
}

const HOOKS = ["none", "none again", "dead", "silent", "alive"] as const;
/** Before anything is measured a broker has more to do than later, so that its code is as it is after some minutes. */
const BREAK_IN = { factor: 4, seconds: "2" };

async function withHook<T>(
  generator: RuntimeProgram,
  kind: typeof HOOKS[number],
  use: (port: number) => Promise<T>,
): Promise<T> {
  if (kind === "none" || kind === "none again") return await use(0);
  const script = ["tests/bench/load/hook_server.ts", kind];
  const server = RunningProgram.start(generator, script, generatorPlace);
  const port = Number(await server.nextLine());
  // Its port stays nobody's for a while.
  if (kind === "dead") server.signal("SIGKILL");
  try {
    return await use(port);
  } finally {
    server.signal("SIGKILL");
    await server.exited;
  }
}

function hookText(port: number): string {
  if (port === 0) return "";
  return `[[resource]]
name = "hook"
type = "web_hook"
config = { url = "http://127.0.0.1:${port}/" }
[[rule]]
name = "hooked"
sql = 'SELECT * FROM "steady/+/0"'
[[rule.action]]
name = "data_to_webserver"
params = { "$resource" = "hook" }
`;
}

async function hooks(runtime: RuntimeProgram, generator: RuntimeProgram): Promise<HookRow[]> {
  const found = HOOKS.map((): Omit<HookRow, "runtime" | "hook" | "p99Ratio">[] => []);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [index, kind] of HOOKS.entries()) {
      const result = await withHook(
        generator,
        kind,
        (port) =>
          withBroker(runtime, hookText(port), async (broker) => {
            const program = ["load/steady.ts", `${broker.port}`];
            const breakInRate = `${Number(options.rate) * BREAK_IN.factor}`;
            await runScript(generator, [...program, breakInRate, BREAK_IN.seconds], generatorPlace);
            const script = [...program, options.rate, options.seconds];
            const before = usedSeconds(broker);
            const line = await runScript(generator, script, generatorPlace);
            const result = JSON.parse(line) as ProbeResult;
            // What is sent while it warms up costs as much as the rest.
            const seconds = Number(options.seconds) + WARM_UP_S;
            const cpuS = usedSeconds(broker) - before;
            return { result, brokerUs: cpuS * 1e6 / (Number(options.rate) * seconds) };
          }),
      );
      found[index]?.push(result);
    }
  }
  const without = (found[0] ?? []).map(({ result }) => result.p99Us);
  return HOOKS.map((hook, index) => {
    const rows = found[index] ?? [];
    const ratios = rows.map(({ result }, round) => result.p99Us / (without[round] ?? NaN));
    return {
      runtime: `${runtime.name} ${runtime.version}`,
      hook,
      ...median(rows, ({ result }) => result.p99Us),
      brokerUs: median(rows, ({ brokerUs }) => brokerUs).brokerUs,
      p99Ratio: median(ratios, (ratio) => ratio),
    };
  });
}

function printCosts(rows: readonly CostRow[]): void {
  print(formatTable(
    ["broker", "rules", "matching", "messages/s", "broker µs each", "p99 µs"],
    rows.map(({ runtime, rules, matching, perSecond, brokerUs, p99Us }) => [
      runtime,
      rules.toLocaleString("en"),
      `${matching}`,
      perSecond.toLocaleString("en"),
      brokerUs.toFixed(2),
      p99Us.toLocaleString("en"),
    ]),
  ));
}

function printHooks(rows: readonly HookRow[]): void {
  print(formatTable(
    ["broker", "web hook", "messages/s", "lost", "broker µs each", "p50 µs", "p99 µs", "to none"],
    rows.map(({ runtime, hook, brokerUs, p99Ratio, result }) => [
      runtime,
      hook,
      `${result.perSecond ?? ""}`,
      `${result.lost ?? 0}`,
      brokerUs.toFixed(1),
      result.p50Us.toLocaleString("en"),
      result.p99Us.toLocaleString("en"),
      p99Ratio.toFixed(2),
    ]),
  ));
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const runtimes = await findRuntimes();
  const generator = generatorRuntime(runtimes);
  const chosen = chooseRuntimes(runtimes, options.runtime);
  const report: { costs: CostRow[]; hooks: HookRow[] } = { costs: [], hooks: [] };
  if (!options.json) print(`${machineLine()}; load by ${generator.name} ${generator.version}`);
  for (const runtime of chosen) {
    if (options.only !== "hook") report.costs.push(...await costs(runtime, generator));
    if (options.only !== "cost") report.hooks.push(...await hooks(runtime, generator));
  }
  if (options.json) print(JSON.stringify(report));
  else {
    if (report.costs.length > 0) printCosts(report.costs);
    if (report.hooks.length > 0) printHooks(report.hooks);
  }
}

await main();
