import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Histogram } from "../../../src/base/mod.ts";

test("Histogram counts up to and with each bound, and what is above all of them", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0, 0.1, 0.2, 1, 2]) histogram.observe(value);
  assertEquals(histogram.cumulativeCounts(), [2, 4]);
  assertEquals([histogram.count, Math.round(histogram.sum * 10)], [5, 33]);
});
