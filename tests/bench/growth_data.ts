/** The figures of `docs/growth.json`: written by `growth.ts`, drawn by `growth_chart.ts`. */

/** One measurement. What could not be measured is left out. */
export interface GrowthPoint {
  /** Subscriptions, connections, bytes of payload or receivers. */
  readonly x: number;
  /** Messages per second: deliveries, but for cold exact topics, where most messages have no receiver. */
  readonly perSecond?: number;
  /** Broker CPU for each of them, in microseconds. */
  readonly brokerUs?: number;
  readonly brokerPercent?: number;
  readonly generatorPercent?: number;
  /** Memory for each item, in KiB. */
  readonly kibEach?: number;
  /** Making one item: subscribing, connecting. */
  readonly setUpPerSecond?: number;
  readonly setUpBrokerUs?: number;
  readonly lost?: number;
}

export type GrowthSubject = "subscriptions" | "connections" | "payload" | "fanout";

export interface GrowthSeries {
  readonly subject: GrowthSubject;
  /** Of subscriptions: "exact", "+", "#". */
  readonly kind?: string;
  /** Of subscriptions: "warm", "cold", "changing". */
  readonly phase?: string;
  readonly runtime: string;
  readonly points: readonly GrowthPoint[];
}

export interface GrowthData {
  readonly machine: string;
  readonly runtimes: Readonly<Record<string, string>>;
  /** What could not be measured here, and why. */
  readonly remarks: readonly string[];
  readonly series: readonly GrowthSeries[];
}

/** A step at which cost grew faster than the work. */
export interface Excess {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** 1 is linear. */
  readonly exponent: number;
}

/** A step may be this much steeper than linear: figures waver. */
const TOLERANCE = 0.3;
/** Fixed costs hide what few items cost. */
const FEWEST = 100;

type Cost = (point: GrowthPoint) => number | undefined;

/** The whole cost that must not grow faster than `x`. */
const COSTS: Readonly<Record<GrowthSubject, Readonly<Record<string, Cost>>>> = {
  subscriptions: {
    "CPU of a message": ({ brokerUs }) => brokerUs,
    "CPU of subscribing": ({ x, setUpBrokerUs }) => times(x, setUpBrokerUs),
    "memory": ({ x, kibEach }) => times(x, kibEach),
  },
  connections: {
    "CPU of a message": ({ brokerUs }) => brokerUs,
    "CPU of connecting": ({ x, setUpBrokerUs }) => times(x, setUpBrokerUs),
    "memory": ({ x, kibEach }) => times(x, kibEach),
  },
  payload: { "CPU of a message": ({ brokerUs }) => brokerUs },
  fanout: { "CPU of a message to all": ({ x, brokerUs }) => times(x, brokerUs) },
};

function times(x: number, each: number | undefined): number | undefined {
  return each === undefined ? undefined : x * each;
}

/** Every step of a series at which a cost grew faster than linearly. */
export function findExcesses(series: GrowthSeries): Excess[] {
  const found: Excess[] = [];
  for (const [name, cost] of Object.entries(COSTS[series.subject])) {
    let last: { x: number; cost: number } | undefined;
    for (const point of series.points) {
      const now = cost(point);
      if (now === undefined || now <= 0 || point.x < FEWEST) continue;
      if (last !== undefined) {
        const exponent = Math.log(now / last.cost) / Math.log(point.x / last.x);
        if (exponent > 1 + TOLERANCE) {
          const what = [series.subject, series.kind, series.phase, name, `on ${series.runtime}`];
          found.push({
            what: what.filter(Boolean).join(" "),
            from: last.x,
            to: point.x,
            exponent,
          });
        }
      }
      last = { x: point.x, cost: now };
    }
  }
  return found;
}
