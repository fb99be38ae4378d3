/** The part of `rules.ts` that is about the traffic beside a rule with a web hook. */
import { Prng } from "../../src/base/mod.ts";
import { startConfiguredBroker } from "./load/configured_broker.ts";
import type { LaneResult, SlicePlan, SliceResult } from "./load/in_slices.ts";
import { type Counts, quantileUs, type Ratio, ratioOf } from "./load/latencies.ts";
import {
  type BenchBroker,
  RunningProgram,
  type RunOptions,
  runScript,
  type RuntimeProgram,
} from "./load/programs.ts";

/** What the rule posts to. "none": there is no rule; "again": a second broker without one. */
export const HOOKS = ["none", "again", "dead", "silent", "alive"] as const;
export type Hook = (typeof HOOKS)[number];

export interface HookOptions {
  readonly hooks: readonly Hook[];
  /** Messages per second, a tenth of them for the web hook. */
  readonly rate: number;
  /** Length of a slice. */
  readonly seconds: number;
  readonly rounds: number;
  /** How often the brokers are started anew; the rounds are shared out among them. */
  readonly starts: number;
  /** What may wait for the web hook. */
  readonly queueMax: number;
  /** "full": as much waits for a web hook that does not take it when the first round begins. */
  readonly state: "full" | "any";
  /** Told how many rounds were measured again because other programs had the machine. */
  readonly onRepeated: (rounds: number) => void;
  readonly brokerPlace: RunOptions;
  readonly generatorPlace: RunOptions;
}

export interface HookRow {
  readonly runtime: string;
  readonly hook: Hook;
  /** What waits for the web hook when the rounds begin, the least of all starts, and when they end, the most. */
  readonly waiting: readonly [least: number, most: number] | undefined;
  /** So many messages were not for it meanwhile, for want of room, or were given up. */
  readonly failed: number;
  readonly perSecond: number;
  readonly lost: number;
  /** Messages that are in no figure, since the load generator itself stood still while they were under way. */
  readonly unknown: number;
  /** Of a message, those that are not for the web hook included. */
  readonly brokerUs: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  /** Of the messages on the topic that the rule is about, also where there is none. */
  readonly hookedP50Us: number;
  readonly hookedP95Us: number;
  readonly hookedP99Us: number;
  /** As multiples of the same percentile without a rule, of all brokers without one. */
  readonly p95Ratio: Ratio;
  readonly p99Ratio: Ratio;
}

/** Before anything is measured each broker gets so many times the rate, for so long, and long enough to fill a queue. */
const BREAK_IN_FACTOR = 8;
const BREAK_IN_S = 6;
/** Then so little, for so long, that a runtime takes the time to collect the whole heap: else it does so in a slice. */
const REST_FACTOR = 0.1;
const REST_S = 12;
const ROUNDS_BEFORE = 4;
const SEED = 1;

interface Started {
  readonly hook: Hook;
  readonly broker: BenchBroker;
  /** To be ended with it. */
  readonly server: RunningProgram | undefined;
}

function hasRule(hook: Hook): boolean {
  return hook !== "none" && hook !== "again";
}

function configText(port: number, queueMax: number): string {
  return `[rule_engine]
max_queued_actions = ${queueMax}
[[resource]]
name = "hook"
type = "web_hook"
config = { url = "http://127.0.0.1:${port}/", queue_max = ${queueMax} }
[[rule]]
name = "hooked"
sql = 'SELECT * FROM "steady/+/0"'
[[rule.action]]
name = "data_to_webserver"
params = { "$resource" = "hook" }
`;
}

async function start(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  hook: Hook,
  { queueMax, brokerPlace, generatorPlace }: HookOptions,
): Promise<Started> {
  if (!hasRule(hook)) {
    const broker = await startConfiguredBroker(runtime, "", brokerPlace);
    return { hook, broker, server: undefined };
  }
  const script = ["tests/bench/load/hook_server.ts", hook];
  const server = RunningProgram.start(generator, script, generatorPlace);
  const port = Number(await server.nextLine());
  // Its port stays nobody's for a while.
  if (hook === "dead") server.signal("SIGKILL");
  try {
    const text = configText(port, queueMax);
    return { hook, broker: await startConfiguredBroker(runtime, text, brokerPlace), server };
  } catch (error) {
    server.signal("SIGKILL");
    throw error;
  }
}

async function stop({ broker, server }: Started): Promise<void> {
  server?.signal("SIGKILL");
  await server?.exited;
  await broker.stop();
}

/** All brokers at the same time, and traffic for one after the other. */
async function measure(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  options: HookOptions,
  rounds: number,
): Promise<SliceResult> {
  const { rate, seconds, generatorPlace } = options;
  const started: Started[] = [];
  try {
    for (const hook of options.hooks) {
      started.push(await start(runtime, generator, hook, options));
    }
    const plan: SlicePlan = {
      brokers: started.map(({ broker: { port, pid, metricsUrl }, hook }) => {
        const isFilled = options.state === "full" && (hook === "dead" || hook === "silent");
        return {
          port,
          pid,
          resources: !hasRule(hook) || metricsUrl === undefined
            ? undefined
            : { metricsUrl, waitingMin: isFilled ? options.queueMax : 0 },
        };
      }),
      hasOwnCore: generatorPlace.core !== undefined,
      rate,
      breakIn: { rate: rate * BREAK_IN_FACTOR, seconds: BREAK_IN_S },
      rest: { rate: rate * REST_FACTOR, seconds: REST_S },
      roundsBefore: ROUNDS_BEFORE,
      rounds,
      seconds,
    };
    const script = ["load/in_slices.ts", JSON.stringify(plan)];
    return JSON.parse(await runScript(generator, script, generatorPlace)) as SliceResult;
  } finally {
    for (const each of started) await stop(each);
  }
}

/** One row for each of `options.hooks`, of which "none" must be one. */
export async function hookRows(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  options: HookOptions,
): Promise<HookRow[]> {
  const { hooks, rounds, starts } = options;
  const found: LaneResult[][] = hooks.map(() => []);
  for (let turn = 0; turn < starts; turn++) {
    const share = Math.floor(rounds * (turn + 1) / starts) - Math.floor(rounds * turn / starts);
    const { lanes, repeated } = await measure(runtime, generator, options, share);
    options.onRepeated(repeated);
    for (const [index, result] of lanes.entries()) found[index]?.push(result);
  }
  const slicesOf = (index: number): Counts[] =>
    (found[index] ?? []).flatMap(({ slices }) => slices);
  const again = slicesOf(hooks.indexOf("again"));
  const base = slicesOf(hooks.indexOf("none")).map((counts, round) => [
    ...counts,
    ...again[round] ?? [],
  ]);
  return hooks.map((hook, index) => {
    const results = found[index] ?? [];
    const slices = slicesOf(index);
    const hooked = results.flatMap(({ firstPair }) => firstPair);
    const waiting = results.flatMap(({ waiting }) => waiting === undefined ? [] : [waiting]);
    const mean = (of: (result: LaneResult) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0) / results.length;
    return {
      runtime: `${runtime.name} ${runtime.version}`,
      hook,
      waiting: waiting.length === 0 ? undefined : [
        Math.min(...waiting.map(([before]) => before.queued)),
        Math.max(...waiting.map(([, after]) => after.queued)),
      ],
      failed: waiting.reduce((sum, [before, after]) => sum + after.failed - before.failed, 0),
      perSecond: Math.round(mean(({ perSecond }) => perSecond)),
      lost: results.reduce((sum, { lost }) => sum + lost, 0),
      unknown: results.reduce((sum, { unknown }) => sum + unknown, 0),
      brokerUs: mean(({ brokerUs }) => brokerUs),
      p50Us: quantileUs(slices, 0.5),
      p95Us: quantileUs(slices, 0.95),
      p99Us: quantileUs(slices, 0.99),
      hookedP50Us: quantileUs(hooked, 0.5),
      hookedP95Us: quantileUs(hooked, 0.95),
      hookedP99Us: quantileUs(hooked, 0.99),
      p95Ratio: ratioOf(slices, base, 0.95, new Prng(SEED)),
      p99Ratio: ratioOf(slices, base, 0.99, new Prng(SEED)),
    };
  });
}
