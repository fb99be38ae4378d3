import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import { type Counts, LatencyCounter, quantileUs, ratioOf } from "../../bench/load/latencies.ts";

test("LatencyCounter counts to the microsecond, and begins anew when it was asked", () => {
  const counter = new LatencyCounter();
  for (const us of [100, 101, 100, 1_000_000]) counter.record(us);
  assertEquals(counter.take(), [[100, 2], [101, 1], [65535, 1]]);
  assertEquals(counter.take(), []);
});

test("quantileUs() is that of all slices together", () => {
  const slices: Counts[] = [[[10, 90], [500, 1]], [[20, 9]]];
  assertEquals([0.9, 0.91, 0.99, 1].map((fraction) => quantileUs(slices, fraction)), [
    10,
    20,
    20,
    500,
  ]);
  assertEquals(quantileUs([], 0.5), NaN);
});

test("ratioOf() finds what is a tenth more, surer than it wavers from round to round", () => {
  const prng = new Prng(7);
  const slice = (level: number): Counts => {
    const counter = new LatencyCounter();
    for (let i = 0; i < 1000; i++) {
      counter.record(Math.round(level * (1 - Math.log(1 - prng.nextFloat()))));
    }
    return counter.take();
  };
  const levels = Array.from({ length: 30 }, () => 1000 * (1 + prng.nextFloat()));
  const base = levels.map((level) => slice(level));
  const ratio = ratioOf(levels.map((level) => slice(level * 1.1)), base, 0.99, prng);
  for (
    const { value, low, high } of [
      ratio,
      { value: ratio.ofRounds, low: ratio.lowOfRounds, high: ratio.highOfRounds },
    ]
  ) {
    assert(low <= value && value <= high, JSON.stringify(ratio));
    assert(Math.abs(value - 1.1) < 0.1 && high - low < 0.2, JSON.stringify(ratio));
  }
});
