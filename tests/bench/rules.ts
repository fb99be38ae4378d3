/**
 * What rules cost the traffic: `deno run -A tests/bench/rules.ts`, or the same with `bun`.
 *
 * First whole messages through a broker with 0, 1, 100 and 10,000 rules, of which none or one is about the messages,
 * as fast as they go. Then messages at a steady rate of which a tenth goes to a web hook: one that answers, one where
 * nobody listens, one that takes connections and never answers. With the last two the 99th percentile of their latency
 * may not be higher by more than a tenth than without a rule.
 *
 * These brokers run at the same time, and each in turn has a second of the traffic while the others are stopped. What is
 * left of the machine's moods is seen in the row of a second broker without a rule, and in the intervals. The last three
 * columns are of the tenth that the rule is about alone; in the rows without a rule, of the same topic. `--json` prints the
 * figures as JSON.
 */
import process from "node:process";
import { parseArgs } from "@std/cli";
import { startConfiguredBroker } from "./load/configured_broker.ts";
import { type LoadPlan, type LoadResult, percentOf } from "./load/plan.ts";
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
} from "./load/programs.ts";
import { formatTable } from "./load/table.ts";
import { type HookOptions, type HookRow, hookRows, HOOKS } from "./rules_hooks.ts";

const USAGE = `rules.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --only cost|hook     one of the two parts
  --seconds N          length of each measurement (default: 2; beside a web hook 1)
  --rounds N           measurements of each case, in turn (default: 3, of which the median is shown; beside a web hook 25)
  --rules 0,1,100,10000
  --rate 5000          messages per second beside a web hook, a tenth of them for it
  --hooks again,dead,silent,alive
                       web hooks beside a broker without one
  --starts 1           how often the brokers beside web hooks are started anew; the rounds are shared out among them
  --queue 10000        what may wait for a web hook
  --state full|filling what is measured beside web hooks that take nothing: a queue that is full from the start (default), or
                       one of 1,000,000 that goes on being filled
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: [
    "runtime",
    "rules",
    "seconds",
    "rounds",
    "rate",
    "only",
    "hooks",
    "starts",
    "queue",
    "state",
  ],
  boolean: ["json", "help"],
  default: {
    rules: "0,1,100,10000",
    rate: "5000",
    hooks: HOOKS.join(","),
    starts: "1",
    queue: "10000",
    state: "full",
  },
});

const isPinned = canPin();
const brokerPlace = isPinned ? { core: BROKER_CORE } : {};
const generatorPlace = isPinned ? { core: GENERATOR_CORE } : {};

/** More than there is time to fill. */
const FILLING_QUEUE_MAX = 1_000_000;

interface CostRow {
  readonly runtime: string;
  readonly rules: number;
  readonly matching: number;
  readonly perSecond: number;
  readonly brokerUs: number;
  readonly p99Us: number;
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

function planOf(broker: BenchBroker): LoadPlan {
  const measureMs = Number(options.seconds ?? "2") * 1000;
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
  const broker = await startConfiguredBroker(runtime, rulesText(rules, matching), brokerPlace);
  try {
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
  } finally {
    await broker.stop();
  }
}

/** All cases in turn, so that a machine whose speed drifts does so for all. */
async function costs(runtime: RuntimeProgram, generator: RuntimeProgram): Promise<CostRow[]> {
  const counts: readonly number[] = options.rules.split(",").map(Number);
  const cases = counts.flatMap((count): (readonly [number, number])[] =>
    count === 0 ? [[0, 0]] : [[count, 0], [count, 1]]
  );
  const found = cases.map((): CostRow[] => []);
  for (let round = 0; round < Number(options.rounds ?? "3"); round++) {
    for (const [index, each] of cases.entries()) {
      found[index]?.push(await costOnce(runtime, generator, each));
    }
  }
  return found.map((rows) => median(rows, ({ brokerUs }) => brokerUs));
}

function hookOptions(): HookOptions {
  const hooks: readonly string[] = options.hooks.split(",");
  const isFull = options.state === "full";
  return {
    hooks: HOOKS.filter((hook) => hook === "none" || hooks.includes(hook)),
    rate: Number(options.rate),
    seconds: Number(options.seconds ?? "1"),
    rounds: Number(options.rounds ?? "25"),
    starts: Number(options.starts),
    queueMax: isFull ? Number(options.queue) : FILLING_QUEUE_MAX,
    state: isFull ? "full" : "any",
    onRepeated: (rounds) => {
      if (rounds > 0 && !options.json) {
        print(`  other programs were busy: ${rounds} rounds were measured again`);
      }
    },
    brokerPlace,
    generatorPlace,
  };
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

function rangeText(low: number, high: number): string {
  return `${low.toFixed(2)}-${high.toFixed(2)}`;
}

function printHooks(rows: readonly HookRow[]): void {
  print(formatTable(
    [
      "broker",
      "web hook",
      "waiting",
      "failed",
      "messages/s",
      "lost",
      "unknown",
      "broker µs each",
      "p50 µs",
      "p95 µs",
      "to none",
      "95 %",
      "p99 µs",
      "to none",
      "95 %",
      "by round",
      "95 %",
      "p50 for it",
      "p95",
      "p99",
    ],
    rows.map((
      {
        runtime,
        hook,
        waiting,
        failed,
        perSecond,
        lost,
        unknown,
        brokerUs,
        p50Us,
        p95Us,
        p99Us,
        ...ratios
      },
    ) => [
      runtime,
      hook,
      waiting === undefined ? "" : waiting.map((count) => count.toLocaleString("en")).join("-"),
      waiting === undefined ? "" : failed.toLocaleString("en"),
      `${perSecond}`,
      `${lost}`,
      `${unknown}`,
      brokerUs.toFixed(1),
      p50Us.toLocaleString("en"),
      p95Us.toLocaleString("en"),
      ratios.p95Ratio.value.toFixed(3),
      rangeText(ratios.p95Ratio.low, ratios.p95Ratio.high),
      p99Us.toLocaleString("en"),
      ratios.p99Ratio.value.toFixed(3),
      rangeText(ratios.p99Ratio.low, ratios.p99Ratio.high),
      ratios.p99Ratio.ofRounds.toFixed(3),
      rangeText(ratios.p99Ratio.lowOfRounds, ratios.p99Ratio.highOfRounds),
      ratios.hookedP50Us.toLocaleString("en"),
      ratios.hookedP95Us.toLocaleString("en"),
      ratios.hookedP99Us.toLocaleString("en"),
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
    if (options.only !== "cost") {
      report.hooks.push(...await hookRows(runtime, generator, hookOptions()));
    }
  }
  if (options.json) print(JSON.stringify(report));
  else {
    if (report.costs.length > 0) printCosts(report.costs);
    if (report.hooks.length > 0) printHooks(report.hooks);
  }
}

await main();
