import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { TokenBucket } from "../../../src/base/mod.ts";

test("TokenBucket lets one second's worth through at once, and then the rate", () => {
  const bucket = new TokenBucket(10, 0);
  for (let n = 0; n < 10; n++) assertEquals(bucket.take(1, 0), 0);
  assertEquals(bucket.take(1, 0), 100);
  assertEquals(bucket.take(1, 100), 100, "the debt is paid, this one makes another");
  assertEquals(bucket.take(1, 300), 0);
});

test("TokenBucket takes any amount at once and says how long that takes to pay", () => {
  const bucket = new TokenBucket(1000, 0);
  assertEquals(bucket.take(11_000, 0), 10_000);
  assertEquals(bucket.take(0, 4_000), 6_000);
  assertEquals(bucket.take(0, 10_000), 0);
});

test("TokenBucket saves up no more than one second", () => {
  const bucket = new TokenBucket(10, 0);
  assertEquals(bucket.take(10, 3_600_000), 0);
  assertEquals(bucket.take(1, 3_600_000), 100);
});

test("TokenBucket gives one if there is one, up to its burst", () => {
  const bucket = new TokenBucket(2, 0, 3);
  assertEquals([0, 0, 0, 0].map((nowMs) => bucket.tryTake(nowMs)), [true, true, true, false]);
  assertEquals(bucket.tryTake(499), false);
  assertEquals(bucket.tryTake(500), true);
  assertEquals([0, 0, 0, 0].map(() => bucket.tryTake(3_600_000)), [true, true, true, false]);
});
