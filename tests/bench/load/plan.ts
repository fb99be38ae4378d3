/** What a load generator is asked to do, and what it answers: both travel as JSON. */
import type { Qos, Version } from "./frames.ts";

/**
 * Who sends to whom.
 *
 * - `pair`: publisher i → topic i → subscriber i.
 * - `fanout`: the publishers → one topic → every subscriber.
 * - `fanin`: the publishers, a topic each → every subscriber, by a wildcard.
 * - `table`: the publishers → topics of the subscription table → the subscriber that has the filter.
 */
export type LoadShape = "pair" | "fanout" | "fanin" | "table";

/** How a filter of the subscription table looks. */
export type FilterKind = "exact" | "+" | "#";

export interface LoadPhase {
  readonly name: string;
  /** `warm`: few topics in turn; `cold`: a topic that was never seen for (nearly) every message. Only for `table`. */
  readonly topics: "warm" | "cold";
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Subscriptions made and taken back beside the load. */
  readonly changesPerSecond: number;
}

export interface LoadPlan {
  /** 127.0.0.1 stands for further addresses of loopback where one has too few ports. */
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly version: Version;
  readonly shape: LoadShape;
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: Qos;
  /** At least `STAMP_BYTES`. */
  readonly payloadBytes: number;
  /** Messages on their way at the same time, over all publishers. */
  readonly window: number;
  /** Messages that a publisher sends at once. */
  readonly burst: number;
  /** Connections that do nothing, made before the load. */
  readonly idleConnections: number;
  /** Subscriptions in the broker, for the shape `table`. */
  readonly table?: { readonly kind: FilterKind; readonly count: number };
  readonly phases: readonly LoadPhase[];
  /** Process of the broker when it is on this machine, for its CPU time and memory. */
  readonly brokerPid?: number;
  /** Waited before memory is read, so that what connecting left behind can be collected. */
  readonly settleMs: number;
}

export interface SetUpResult {
  readonly connections: number;
  readonly connectSeconds: number;
  readonly connectBrokerCpuS?: number;
  readonly subscribeSeconds: number;
  readonly subscribeBrokerCpuS?: number;
  /** Memory of the broker before the first connection, with connections, with subscriptions. */
  readonly rssStartBytes?: number;
  readonly rssConnectedBytes?: number;
  readonly rssSubscribedBytes?: number;
}

export interface PhaseResult {
  readonly name: string;
  readonly seconds: number;
  readonly published: number;
  readonly deliveries: number;
  readonly brokerCpuS?: number;
  /** Of these: in the kernel. */
  readonly brokerSystemS?: number;
  readonly generatorCpuS?: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly rssBytes?: number;
}

export interface LoadResult {
  readonly setUp: SetUpResult;
  readonly phases: readonly PhaseResult[];
  /** Deliveries that never came. */
  readonly lost: number;
  /** Deliveries out of order or twice. */
  readonly orderErrors: number;
  /** Connections that ended by themselves. */
  readonly closed: number;
}

/** Shares of a CPU, in percent of one. */
export function percentOf(cpuS: number | undefined, seconds: number): number | undefined {
  return cpuS === undefined ? undefined : 100 * cpuS / seconds;
}
