/**
 * Latencies that were taken in slices of time, one kind of thing after another, and what they say when they are put
 * together: a quantile, and how sure a ratio of two of them is.
 */
import type { Prng } from "../../../src/base/mod.ts";

/** How often each latency was seen in a slice, in whole microseconds. */
export type Counts = readonly (readonly [us: number, count: number])[];

/** The slices of one kind, one of each round. */
export type Slices = readonly Counts[];

/** Longer ones count as this. */
const US_MAX = 65535;

/** Counts what comes, to the microsecond. */
export class LatencyCounter {
  /** Those of which nobody knows. */
  unknown = 0;
  readonly #counts = new Uint32Array(US_MAX + 1);

  record(us: number): void {
    const at = us > US_MAX ? US_MAX : us;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** What was counted since the last time. */
  take(): Counts {
    const counts: [number, number][] = [];
    for (let us = 0; us <= US_MAX; us++) {
      const count = this.#counts[us] as number;
      if (count > 0) counts.push([us, count]);
    }
    this.#counts.fill(0);
    return counts;
  }
}

/** All slices of a kind, the longest latencies first. */
class Merged {
  readonly #us: number[] = [];
  readonly #round: number[] = [];
  readonly #count: number[] = [];
  readonly #sums: readonly number[];

  constructor(slices: Slices) {
    this.#sums = slices.map((counts) => counts.reduce((sum, [, count]) => sum + count, 0));
    const all = slices.flatMap((counts, round) =>
      counts.map(([us, count]) => [us, round, count] as const)
    ).sort(([a], [b]) => b - a);
    for (const [us, round, count] of all) {
      this.#us.push(us);
      this.#round.push(round);
      this.#count.push(count);
    }
  }

  /** Each round counts as often as `weights` says. */
  quantile(fraction: number, weights: readonly number[]): number {
    const total = this.#sums.reduce((sum, count, round) => sum + count * (weights[round] ?? 0), 0);
    const above = total - Math.max(1, Math.ceil(fraction * total));
    let seen = 0;
    for (let at = 0; at < this.#us.length; at++) {
      seen += (this.#count[at] as number) * (weights[this.#round[at] as number] ?? 0);
      if (seen > above) return this.#us[at] as number;
    }
    return NaN;
  }
}

/** The latency that `fraction` of all stay at or below; NaN without any. */
export function quantileUs(slices: Slices, fraction: number): number {
  return new Merged(slices).quantile(fraction, slices.map(() => 1));
}

const RESAMPLES = 2000;
const SURENESS = 0.95;

/** A ratio, and where it lies with a sureness of 95 % as far as rounds differ by chance. */
export interface Ratio {
  /** Of the quantiles of all slices. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The median of the ratios of single rounds: a round with a hiccup of the machine weighs no more than another. */
  readonly ofRounds: number;
  readonly lowOfRounds: number;
  readonly highOfRounds: number;
}

/**
 * The quantile of `slices` as a multiple of that of `base`, of which the slice of the same round is the one to compare
 * with. The intervals are bootstraps: rounds drawn at random, as many as there are, again and again.
 */
export function ratioOf(slices: Slices, base: Slices, fraction: number, prng: Prng): Ratio {
  const [ours, theirs] = [new Merged(slices), new Merged(base)];
  const ratioFor = (weights: readonly number[]): number =>
    ours.quantile(fraction, weights) / theirs.quantile(fraction, weights);
  const rounds = slices.map((_, round) =>
    ratioFor(slices.map((_, each) => each === round ? 1 : 0))
  );
  const [all, medians]: [number[], number[]] = [[], []];
  for (let sample = 0; sample < RESAMPLES; sample++) {
    const drawn = slices.map(() => prng.nextInt(slices.length));
    const weights = slices.map(() => 0);
    for (const round of drawn) weights[round] = (weights[round] as number) + 1;
    all.push(ratioFor(weights));
    medians.push(middleOf(drawn.map((round) => rounds[round] as number)));
  }
  const [low, high] = intervalOf(all);
  const [lowOfRounds, highOfRounds] = intervalOf(medians);
  const value = ratioFor(slices.map(() => 1));
  return { value, low, high, ofRounds: middleOf(rounds), lowOfRounds, highOfRounds };
}

function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const [upper = NaN, lower = NaN] = [sorted[half], sorted[sorted.length - 1 - half]];
  return (upper + lower) / 2;
}

function intervalOf(values: readonly number[]): readonly [low: number, high: number] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
  return [at((1 - SURENESS) / 2), at((1 + SURENESS) / 2)];
}
