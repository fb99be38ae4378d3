/** The figures of `docs/growth.json`: written by `growth.ts`, drawn by `growth_chart.ts`. */

/** One measurement. What could not be measured is left out. */
export interface GrowthPoint {
  /** Subscriptions, connections, bytes of payload or receivers. */
  readonly x: number;
  /** Messages per second: deliveries, but for cold exact topics, where most messages have no receiver. */
  readonly perSecond?: number;
  /** Broker CPU for each of them, in microseconds. */
  readonly brokerUs?: number;
  /** Of these: in the kernel. */
  readonly brokerSystemUs?: number;
  readonly brokerPercent?: number;
  readonly generatorPercent?: number;
  /** Memory for each item, in KiB. */
  readonly kibEach?: number;
  /** Making one item: subscribing, connecting. */
  readonly setUpPerSecond?: number;
  readonly setUpBrokerUs?: number;
  readonly lost?: number;
}

export const GROWTH_SUBJECTS = ["subscriptions", "connections", "payload", "fanout"] as const;
export type GrowthSubject = (typeof GROWTH_SUBJECTS)[number];

export interface GrowthSeries {
  readonly subject: GrowthSubject;
  /** Of subscriptions: "exact", "+", "#". */
  readonly kind?: string;
  /** Of subscriptions: "warm", "cold", "changing". */
  readonly phase?: string;
  /** "bun", "deno": ours on these; "mosquitto": to compare with. */
  readonly runtime: string;
  /** Of ours: what was measured. */
  readonly commit?: string;
  readonly points: readonly GrowthPoint[];
}

/** What could not be measured, and why. */
export interface GrowthRemark {
  readonly subject: GrowthSubject;
  readonly runtime: string;
  readonly text: string;
}

export interface GrowthData {
  readonly machine: string;
  readonly runtimes: Readonly<Record<string, string>>;
  readonly remarks: GrowthRemark[];
  readonly series: GrowthSeries[];
}

/** How a cost has grown from one point to another. */
export interface Growth {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** 1 is linear, 0 is no growth at all. */
  readonly exponent: number;
}

/** A step may be this much steeper than linear: figures waver. */
const TOLERANCE = 0.3;
/** All steps together waver less. */
const TOLERANCE_OVERALL = 0.1;
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
  fanout: {
    "CPU of a message to all": ({ x, brokerUs }) => times(x, brokerUs),
    "of it in the kernel": ({ x, brokerSystemUs }) => times(x, brokerSystemUs),
  },
};

function times(x: number, each: number | undefined): number | undefined {
  return each === undefined ? undefined : x * each;
}

/** Every step of a series, and the whole of it, at which a cost of ours grew faster than linearly. */
export function findExcesses(series: GrowthSeries): Growth[] {
  if (series.runtime === "mosquitto") return [];
  return costsOf(series).flatMap(({ what, costs }) => {
    const steps = costs.slice(1).map((one, index) => growth(what, costs[index] as CostAt, one));
    const excesses = steps.filter(({ exponent }) => exponent > 1 + TOLERANCE);
    const whole = costs.length > 2 ? overall(what, costs) : undefined;
    const isSteep = whole !== undefined && whole.exponent > 1 + TOLERANCE_OVERALL;
    return isSteep ? [...excesses, whole] : excesses;
  });
}

/** How each cost of a series has grown over all of it. */
export function findExponents(series: GrowthSeries): Growth[] {
  return costsOf(series).flatMap(({ what, costs }) => {
    const whole = overall(what, costs);
    return whole === undefined ? [] : [whole];
  });
}

interface CostAt {
  readonly x: number;
  readonly cost: number;
}

function costsOf(series: GrowthSeries): { what: string; costs: CostAt[] }[] {
  return Object.entries(COSTS[series.subject]).map(([name, costOf]) => {
    const { subject, kind, phase, runtime } = series;
    const costs = series.points.flatMap((point) => {
      const cost = costOf(point);
      return cost === undefined || cost <= 0 || point.x < FEWEST ? [] : [{ x: point.x, cost }];
    });
    return {
      what: [subject, kind, phase, name, `on ${runtime}`].filter(Boolean).join(" "),
      costs,
    };
  });
}

function growth(what: string, from: CostAt, to: CostAt): Growth {
  const exponent = Math.log(to.cost / from.cost) / Math.log(to.x / from.x);
  return { what, from: from.x, to: to.x, exponent };
}

function overall(what: string, costs: readonly CostAt[]): Growth | undefined {
  const [first, last] = [costs[0], costs[costs.length - 1]];
  if (first === undefined || last === undefined || first.x === last.x) return undefined;
  return growth(what, first, last);
}

/** `before` with what was measured `now` in its place, point by point. Remarks on what was measured again are new ones. */
export function mergeGrowth(before: GrowthData, now: GrowthData): GrowthData {
  const series = before.series.map((old) => {
    const measured = now.series.find((one) => isSameLine(one, old));
    return measured === undefined
      ? old
      : { ...old, ...measured, points: mergePoints(old, measured) };
  });
  const added = now.series.filter((one) => !before.series.some((old) => isSameLine(one, old)));
  const kept = before.remarks.filter((old) =>
    !now.series.some(({ subject, runtime }) => subject === old.subject && runtime === old.runtime)
  );
  return {
    machine: now.machine,
    runtimes: { ...before.runtimes, ...now.runtimes },
    remarks: [...kept, ...now.remarks],
    series: [...series, ...added],
  };
}

function isSameLine(one: GrowthSeries, other: GrowthSeries): boolean {
  return one.subject === other.subject && one.runtime === other.runtime &&
    one.kind === other.kind && one.phase === other.phase;
}

function mergePoints(before: GrowthSeries, now: GrowthSeries): GrowthPoint[] {
  const kept = before.points.filter(({ x }) => !now.points.some((point) => point.x === x));
  return [...kept, ...now.points].sort((a, b) => a.x - b.x);
}
