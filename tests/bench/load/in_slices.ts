/**
 * Steady traffic for several brokers, a slice of time for each in turn, as a program: `in_slices.ts PLAN`, with the plan
 * as JSON. What makes a machine faster or slower for some seconds so does it to all of them. Who does not have the slice
 * stands still: what it does once a second would be in the way of the others. Prints what came of it as a line of JSON.
 */
import process from "node:process";
import { sleep } from "./clock.ts";
import { type Counts, LatencyCounter } from "./latencies.ts";
import { cpuSeconds, machineSeconds, threadSeconds } from "./process_usage.ts";
import { SteadyPairs } from "./steady_pairs.ts";

/** Messages in a second, for so long. */
export interface Stretch {
  readonly rate: number;
  readonly seconds: number;
}

export interface SliceBroker {
  readonly port: number;
  readonly pid: number | undefined;
  /** Undefined: there is nothing that takes things to a resource. */
  readonly resources: {
    /** Where it says what waits for them. */
    readonly metricsUrl: string;
    /** So much must wait before anything is measured; the break-in goes on until it does. */
    readonly waitingMin: number;
  } | undefined;
}

export interface SlicePlan {
  readonly brokers: readonly SliceBroker[];
  /** Whether this program has no core in common with the brokers: none of them is to blame when it stands still. */
  readonly hasOwnCore: boolean;
  /** Messages in a second. */
  readonly rate: number;
  /** What all brokers get at the same time before anything is measured, so that they are as after some minutes. */
  readonly breakIn: Stretch;
  /** After that, as little as there is when a broker has not much to do. */
  readonly rest: Stretch;
  /** Further rounds at the start are not measured: code is compiled for what it does, and that changes. */
  readonly roundsBefore: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** What waits for the resources of a broker, and how many actions of its rules have failed so far. */
export interface Waiting {
  readonly queued: number;
  readonly failed: number;
}

/** What came of one broker. */
export interface LaneResult {
  /** Before the first round, those that are not measured included, and after the last one; undefined: no resources. */
  readonly waiting: readonly [before: Waiting, after: Waiting] | undefined;
  /** Of each round. */
  readonly slices: readonly Counts[];
  /** Only of the messages on the topic of the first pair. */
  readonly firstPair: readonly Counts[];
  readonly perSecond: number;
  readonly lost: number;
  /** Messages that are not in the slices, since this program itself stood still while they were under way. */
  readonly unknown: number;
  /** For each message. */
  readonly brokerUs: number;
}

export interface SliceResult {
  readonly lanes: readonly LaneResult[];
  /** Rounds that were measured again, as other programs had the machine. */
  readonly repeated: number;
}

/** At the start of each slice, which is not measured: what stood still makes up for it. */
const SETTLE_MS = 200;
/** Of the machine's time; a round in which other programs have more of it is measured again. */
const OTHERS_SHARE_MAX = 0.025;

const FILL_TRIES_MAX = 10;

/** Sums over all resources. */
async function waitingAt(metricsUrl: string): Promise<Waiting> {
  const text = await (await fetch(metricsUrl)).text();
  const sum = (pattern: RegExp): number =>
    text.matchAll(pattern).reduce((total, [, value]) => total + Number(value), 0);
  return {
    queued: sum(/^mqtt_resource_queued\{.*\} (\d+)$/gm),
    failed: sum(/^mqtt_rules_actions_total\{result="failed"\} (\d+)$/gm),
  };
}

class Lane {
  readonly #slices: Counts[] = [];
  readonly #firstPair: Counts[] = [];
  readonly #latency: LatencyCounter;
  readonly #firstLatency: LatencyCounter;
  readonly #broker: SliceBroker;
  readonly #pairs: SteadyPairs;
  #measured = 0;
  #measuredS = 0;
  #before = { published: 0, unknown: 0, cpuS: 0 };
  #waitingBefore: Waiting | undefined;

  private constructor(
    [latency, firstLatency]: readonly [LatencyCounter, LatencyCounter],
    pairs: SteadyPairs,
    broker: SliceBroker,
  ) {
    this.#latency = latency;
    this.#firstLatency = firstLatency;
    this.#pairs = pairs;
    this.#broker = broker;
  }

  static async open(broker: SliceBroker, hasOwnCore: boolean): Promise<Lane> {
    const [latency, firstLatency] = [new LatencyCounter(), new LatencyCounter()];
    const pairs = await SteadyPairs.open(broker.port, (us, isKnown, pair) => {
      if (!isKnown && hasOwnCore) {
        latency.unknown++;
        return;
      }
      latency.record(us);
      if (pair === 0) firstLatency.record(us);
    });
    return new Lane([latency, firstLatency], pairs, broker);
  }

  get threadS(): number {
    const { pid } = this.#broker;
    return pid === undefined ? NaN : threadSeconds(pid) ?? NaN;
  }

  get cpuS(): number {
    const { pid } = this.#broker;
    return pid === undefined ? NaN : cpuSeconds(pid) ?? NaN;
  }

  async play({ rate, seconds }: Stretch, who: "turns" | "all"): Promise<void> {
    const stop = this.#pairs.send(rate, who);
    await sleep(seconds * 1000);
    stop();
    await this.#pairs.drain();
  }

  /** Goes on with `stretch` until as much waits for its resources as should. */
  async fill(stretch: Stretch): Promise<void> {
    const { resources } = this.#broker;
    if (resources === undefined) return;
    for (let tries = 0; tries < FILL_TRIES_MAX; tries++) {
      this.#waitingBefore = await waitingAt(resources.metricsUrl);
      if (this.#waitingBefore.queued >= resources.waitingMin) return;
      await this.play(stretch, "all");
    }
    const { queued } = this.#waitingBefore ?? {};
    throw new Error(`Cannot fill a queue: of ${resources.waitingMin} there are ${queued}`);
  }

  stop(): void {
    this.#signal("SIGSTOP");
  }

  /** What is counted from now on is the result. */
  begin(): void {
    const [{ published }, { unknown }] = [this.#pairs, this.#latency];
    this.#before = { published, unknown, cpuS: this.cpuS };
    this.#measured = this.#measuredS = 0;
    this.#slices.length = this.#firstPair.length = 0;
  }

  async slice(rate: number, seconds: number): Promise<void> {
    this.#signal("SIGCONT");
    const stop = this.#pairs.send(rate, "turns");
    await sleep(SETTLE_MS);
    this.#latency.take();
    this.#firstLatency.take();
    const [startMs, before] = [performance.now(), this.#pairs.published];
    await sleep(seconds * 1000);
    this.#measured += this.#pairs.published - before;
    this.#measuredS += (performance.now() - startMs) / 1000;
    stop();
    await this.#pairs.drain();
    this.#slices.push(this.#latency.take());
    this.#firstPair.push(this.#firstLatency.take());
    this.#signal("SIGSTOP");
  }

  forgetSlice(): void {
    this.#slices.pop();
    this.#firstPair.pop();
  }

  async finish(): Promise<LaneResult> {
    const cpuS = this.cpuS - this.#before.cpuS;
    this.#signal("SIGCONT");
    const [{ resources }, before] = [this.#broker, this.#waitingBefore];
    const after = resources === undefined ? undefined : await waitingAt(resources.metricsUrl);
    return {
      waiting: before === undefined || after === undefined ? undefined : [before, after],
      slices: this.#slices,
      firstPair: this.#firstPair,
      perSecond: Math.round(this.#measured / this.#measuredS),
      lost: await this.#pairs.drain(),
      unknown: this.#latency.unknown - this.#before.unknown,
      brokerUs: cpuS * 1e6 / (this.#pairs.published - this.#before.published),
    };
  }

  #signal(name: "SIGSTOP" | "SIGCONT"): void {
    const { pid } = this.#broker;
    if (pid !== undefined && process.platform !== "win32") process.kill(pid, name);
  }
}

/** The share of the machine that others than the lanes and this program had since the last call; NaN: who knows. */
function othersMeter(lanes: readonly Lane[]): () => number {
  const read = () => {
    const { busyS = NaN, allS = NaN } = machineSeconds() ?? {};
    return {
      busyS,
      allS,
      ownS: lanes.reduce((sum, { threadS }) => sum + threadS, threadSeconds(process.pid) ?? NaN),
    };
  };
  let before = read();
  return () => {
    const [{ busyS, allS, ownS }, now] = [before, read()];
    before = now;
    return (now.busyS - busyS - (now.ownS - ownS)) / (now.allS - allS);
  };
}

async function run(plan: SlicePlan): Promise<SliceResult> {
  const { brokers, hasOwnCore, rate, breakIn, rest, roundsBefore, rounds, seconds } = plan;
  const lanes: Lane[] = [];
  for (const broker of brokers) lanes.push(await Lane.open(broker, hasOwnCore));
  await Promise.all(lanes.map((lane) => lane.play(breakIn, "all")));
  await Promise.all(lanes.map((lane) => lane.fill(breakIn)));
  await Promise.all(lanes.map((lane) => lane.play(rest, "turns")));
  for (const lane of lanes) lane.stop();
  const othersShare = othersMeter(lanes);
  /** Whether nobody else had much of the machine in any of its slices. */
  const playRound = async (round: number): Promise<boolean> => {
    // Nobody is always the first one, or always behind the same one.
    const order = round % 2 === 0 ? lanes : lanes.toReversed();
    const start = (round >> 1) % lanes.length;
    let isOurs = true;
    othersShare();
    for (const lane of [...order.slice(start), ...order.slice(0, start)]) {
      await lane.slice(rate, seconds);
      // Of a round as a whole it would tell little: a tenth of one slice is a fortieth of four, and is all of its tail.
      if (othersShare() > OTHERS_SHARE_MAX) isOurs = false;
    }
    return isOurs;
  };
  for (let round = 0; round < roundsBefore; round++) await playRound(round);
  for (const lane of lanes) lane.begin();
  let repeated = 0;
  for (let round = 0; round < rounds; round++) {
    const isOurs = await playRound(round);
    // A machine that never rests is measured as it is.
    if (!isOurs && repeated < rounds) {
      for (const lane of lanes) lane.forgetSlice();
      repeated++;
      round--;
    }
  }
  const results: LaneResult[] = [];
  for (const lane of lanes) results.push(await lane.finish());
  return { lanes: results, repeated };
}

const result = await run(JSON.parse(process.argv[2] ?? "") as SlicePlan);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
