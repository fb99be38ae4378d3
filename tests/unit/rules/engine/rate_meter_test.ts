import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { RateMeter } from "../../../../src/rules/engine/rate_meter.ts";

test("RateMeter tells matches in a second of the last sample, the most, and the mean of five minutes", () => {
  const meter = new RateMeter();
  meter.matched += 50;
  assertEquals(meter.view(), { matched: 50, speed: 0, speedMax: 0, speedLast5m: 0 });
  meter.sample();
  assertEquals(meter.view(), { matched: 50, speed: 5, speedMax: 5, speedLast5m: 5 });
  meter.matched += 3;
  meter.sample();
  assertEquals(meter.view(), { matched: 53, speed: 0.3, speedMax: 5, speedLast5m: 2.65 });
  for (let count = 0; count < 29; count++) meter.sample();
  // The fifty are longer ago than five minutes, the three are not.
  assertEquals(meter.view(), { matched: 53, speed: 0, speedMax: 5, speedLast5m: 0.01 });
  meter.sample();
  assertEquals(meter.view().speedLast5m, 0);
});

test("RateMeter counts on after a long silence", () => {
  const meter = new RateMeter();
  meter.matched = 10;
  for (let count = 0; count < 100; count++) meter.sample();
  meter.matched += 20;
  meter.sample();
  assertEquals(meter.view(), { matched: 30, speed: 2, speedMax: 2, speedLast5m: 2 });
});
