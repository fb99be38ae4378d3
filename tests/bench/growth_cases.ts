/** The measurements of `growth.ts`: every point has a broker of its own, so that memory is what these items take. */
import process from "node:process";
import type { GrowthPoint, GrowthRemark, GrowthSeries, GrowthSubject } from "./growth_data.ts";
import { startMosquitto } from "./load/peer_broker.ts";
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
  type BenchBroker,
  BROKER_CORE,
  canPin,
  GENERATOR_CORE,
  runScript,
  type RuntimeProgram,
  startBenchBroker,
} from "./load/programs.ts";

const SUBSCRIPTIONS = [10, 100, 1000, 10_000, 100_000];
const CONNECTIONS = [10, 100, 1000, 10_000, 50_000];
const PAYLOADS = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];
const RECEIVERS = [1, 10, 100, 300, 1000, 3000, 10_000];
export const KINDS: readonly FilterKind[] = ["exact", "+", "#"];
const CHANGES_PER_SECOND = 100;
/** Files that broker and generator have open besides their connections. */
const OTHER_FILES = 200;
/** Fewer items than this do not show in the memory of a process. */
const FEWEST_FOR_MEMORY = 1000;
const IN_FLIGHT_BYTES_MAX = 4 << 20;
/** The same for any fan-out: how many messages a write can carry depends on it. */
const FANOUT_WINDOW = 64;
/** The broker's code is compiled by then. */
const WARM_UP_MS = 1500;
/** Of a phase after another. */
const NEXT_WARM_UP_MS = 700;

type Fields = Omit<Partial<LoadPlan>, "phases"> & { phases: readonly LoadPhase[] };

export interface GrowthTerms {
  /** Our broker on this, or mosquitto. */
  readonly subject: RuntimeProgram | "mosquitto";
  readonly generator: RuntimeProgram;
  /** No more items than this. */
  readonly most: number;
  /** These numbers of items only; undefined: all. */
  readonly at: readonly number[] | undefined;
  /** Length of each measurement. */
  readonly seconds: number;
  readonly kinds: readonly FilterKind[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Measures one broker; collects what could not be measured. */
export class GrowthCases {
  readonly remarks: GrowthRemark[] = [];
  /** As it stands in the figures. */
  readonly name: string;
  readonly #terms: GrowthTerms;
  readonly #isPinned = canPin();

  constructor(terms: GrowthTerms) {
    this.#terms = terms;
    this.name = terms.subject === "mosquitto" ? terms.subject : terms.subject.name;
  }

  async measure(subject: GrowthSubject): Promise<GrowthSeries[]> {
    switch (subject) {
      case "subscriptions":
        return await this.#subscriptions();
      case "connections":
        return await this.#connections();
      case "payload":
        return await this.#payload();
      case "fanout":
        return await this.#fanout();
    }
  }

  async #subscriptions(): Promise<GrowthSeries[]> {
    const found: GrowthSeries[] = [];
    const phases = [
      this.#phase("warm"),
      this.#phase("changing", {
        changesPerSecond: CHANGES_PER_SECOND,
        warmUpMs: NEXT_WARM_UP_MS,
      }),
      this.#phase("cold", { topics: "cold" }),
    ];
    for (const kind of this.#terms.kinds) {
      const points: Record<string, GrowthPoint[]> = { warm: [], changing: [], cold: [] };
      for (const count of this.#wanted(SUBSCRIPTIONS)) {
        const result = await this.#run("subscriptions", `${count} subscriptions ${kind}`, {
          shape: "table",
          table: { kind, count },
          phases,
        });
        for (const phase of result?.phases ?? []) {
          const isMostlyUnheard = kind === "exact" && phase.name === "cold";
          const point: GrowthPoint = {
            x: count,
            ...ratesOf(phase, isMostlyUnheard ? "published" : "deliveries"),
            ...(phase.name === "warm" && result !== undefined
              ? subscribingOf(result.setUp, count)
              : {}),
          };
          points[phase.name]?.push(point);
          this.#show(`subscriptions ${kind} ${phase.name}`, point);
        }
      }
      for (const [phase, list] of Object.entries(points)) {
        found.push({ subject: "subscriptions", kind, phase, runtime: this.name, points: list });
      }
    }
    return found;
  }

  async #connections(): Promise<GrowthSeries[]> {
    const points: GrowthPoint[] = [];
    const filesMax = openFilesMax();
    const possible = filesMax === undefined ? Infinity : filesMax - OTHER_FILES;
    for (const wanted of this.#wanted(CONNECTIONS)) {
      const count = Math.min(wanted, possible);
      if (count < wanted) {
        this.#remark(
          "connections",
          `${wanted} connections: a process may have ${filesMax} files open here`,
        );
      }
      const result = await this.#run("connections", `${count} connections`, {
        idleConnections: count,
        phases: [this.#phase("beside")],
      });
      if (result === undefined) continue;
      const { setUp, phases } = result;
      const { connectSeconds, connectBrokerCpuS, rssStartBytes, rssConnectedBytes } = setUp;
      const all = setUp.connections;
      const cpuS = connectBrokerCpuS;
      const point: GrowthPoint = {
        x: count,
        ...(phases[0] === undefined ? {} : ratesOf(phases[0], "deliveries")),
        ...withoutUnknown({
          kibEach: kibEach(rssStartBytes, rssConnectedBytes, all),
          setUpPerSecond: all / connectSeconds,
          setUpBrokerUs: cpuS === undefined ? undefined : cpuS * 1e6 / all,
        }),
      };
      points.push(point);
      this.#show("connections", point);
    }
    return [{ subject: "connections", runtime: this.name, points }];
  }

  async #payload(): Promise<GrowthSeries[]> {
    const points: GrowthPoint[] = [];
    for (const payloadBytes of this.#wanted(PAYLOADS)) {
      const window = Math.max(4, Math.min(256, Math.floor(IN_FLIGHT_BYTES_MAX / payloadBytes)));
      const result = await this.#run("payload", `payload of ${payloadBytes} bytes`, {
        publishers: 4,
        subscribers: 4,
        payloadBytes,
        window,
        burst: Math.max(1, Math.min(16, window >> 3)),
        phases: [this.#phase("payload")],
      }, ["mqtt.max_packet_size=2MB"]);
      this.#addPoint(points, "payload", payloadBytes, result);
    }
    return [{ subject: "payload", runtime: this.name, points }];
  }

  async #fanout(): Promise<GrowthSeries[]> {
    const points: GrowthPoint[] = [];
    for (const receivers of this.#wanted(RECEIVERS)) {
      const result = await this.#run("fanout", `fan-out to ${receivers}`, {
        shape: "fanout",
        publishers: 1,
        subscribers: receivers,
        window: FANOUT_WINDOW,
        phases: [this.#phase("fanout")],
      });
      this.#addPoint(points, "fanout", receivers, result);
    }
    return [{ subject: "fanout", runtime: this.name, points }];
  }

  #addPoint(points: GrowthPoint[], what: string, x: number, result: LoadResult | undefined): void {
    const phase = result?.phases[0];
    if (phase === undefined) return;
    const point: GrowthPoint = { x, ...ratesOf(phase, "deliveries") };
    points.push(point);
    this.#show(what, point);
  }

  #wanted(counts: readonly number[]): readonly number[] {
    const { most, at } = this.#terms;
    return counts.filter((one) => one <= most && (at === undefined || at.includes(one)));
  }

  #phase(name: string, fields: Partial<LoadPhase> = {}): LoadPhase {
    return {
      name,
      topics: "warm",
      warmUpMs: WARM_UP_MS,
      measureMs: this.#terms.seconds * 1000,
      changesPerSecond: 0,
      ...fields,
    };
  }

  /** Measures one point. Undefined: it could not be measured, which the remarks say. */
  async #run(
    subject: GrowthSubject,
    what: string,
    fields: Fields,
    settings: readonly string[] = [],
  ): Promise<LoadResult | undefined> {
    try {
      const result = await this.#load(fields, settings);
      const { lost, orderErrors, closed } = result;
      if (lost > 0 || orderErrors > 0 || closed > 0) {
        this.#remark(
          subject,
          `${what}: ${lost} lost, ${orderErrors} out of order, ${closed} closed`,
        );
      }
      return result;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#remark(subject, `${what}: not measured: ${reason.split("\n", 2).join(" ")}`);
      return undefined;
    }
  }

  /** Starts a broker, loads it as planned and stops it. */
  async #load(fields: Fields, settings: readonly string[]): Promise<LoadResult> {
    const broker = await this.#start(settings);
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
      const place = this.#isPinned ? { core: GENERATOR_CORE } : {};
      return JSON.parse(await runScript(this.#terms.generator, script, place)) as LoadResult;
    } finally {
      await broker.stop();
    }
  }

  async #start(settings: readonly string[]): Promise<BenchBroker> {
    const { subject } = this.#terms;
    const place = this.#isPinned ? { core: BROKER_CORE } : {};
    return subject === "mosquitto"
      ? await startMosquitto(place)
      : await startBenchBroker(subject, settings, place);
  }

  #remark(subject: GrowthSubject, text: string): void {
    this.remarks.push({ subject, runtime: this.name, text });
    print(`${this.name}: ${text}`);
  }

  #show(what: string, point: GrowthPoint): void {
    const { x, ...figures } = point;
    const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`).join(", ");
    print(`${this.name} ${what} ${x.toLocaleString("en")}: ${text}`);
  }
}

/** `perMessage`: by which count a rate is meant. */
function ratesOf(phase: PhaseResult, perMessage: "published" | "deliveries"): Partial<GrowthPoint> {
  const count = phase[perMessage];
  const { brokerCpuS, brokerSystemS, generatorCpuS, seconds } = phase;
  return withoutUnknown({
    perSecond: Math.round(count / seconds),
    brokerUs: brokerCpuS === undefined ? undefined : brokerCpuS * 1e6 / count,
    brokerSystemUs: brokerSystemS === undefined ? undefined : brokerSystemS * 1e6 / count,
    brokerPercent: percentOf(brokerCpuS, seconds),
    generatorPercent: percentOf(generatorCpuS, seconds),
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

function subscribingOf(setUp: SetUpResult, count: number): Partial<GrowthPoint> {
  const cpuS = setUp.subscribeBrokerCpuS;
  return withoutUnknown({
    kibEach: kibEach(setUp.rssConnectedBytes, setUp.rssSubscribedBytes, count),
    setUpPerSecond: count / setUp.subscribeSeconds,
    setUpBrokerUs: cpuS === undefined ? undefined : cpuS * 1e6 / count,
  });
}
