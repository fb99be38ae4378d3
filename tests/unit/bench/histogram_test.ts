import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { LatencyHistogram } from "../../../src/base/mod.ts";
import { seededPrng } from "../../support/seed.ts";

test("LatencyHistogram counts small values exactly", () => {
  const histogram = new LatencyHistogram();
  for (let us = 1; us <= 60; us++) histogram.record(us);
  assertEquals(histogram.quantileUs(0.5), 30);
  assertEquals(histogram.quantileUs(1), 60);
  assertEquals([histogram.count, histogram.maxUs], [60, 60]);
});

test("LatencyHistogram is within 2 % of the sorted list, for values of any size", () => {
  const prng = seededPrng("LatencyHistogram");
  const histogram = new LatencyHistogram();
  const values = Array.from({ length: 5000 }, () => Math.floor(2 ** (prng.nextInt(3000) / 100)));
  for (const value of values) histogram.record(value);
  values.sort((a, b) => a - b);
  for (const fraction of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(fraction * values.length) - 1] as number;
    const found = histogram.quantileUs(fraction);
    assert(Math.abs(found - exact) <= exact * 0.02, `${fraction}: ${found}, exactly ${exact}`);
  }
});

test("LatencyHistogram knows nothing when it is empty", () => {
  const histogram = new LatencyHistogram();
  histogram.record(5);
  histogram.reset();
  assertEquals([histogram.count, histogram.maxUs], [0, 0]);
  assert(Number.isNaN(histogram.quantileUs(0.5)));
});
