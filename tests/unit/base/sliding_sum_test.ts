import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { SlidingSum } from "../../../src/base/mod.ts";

test("SlidingSum counts what was added in its last parts, and forgets the rest", () => {
  const sum = new SlidingSum(3, 10, 100);
  assertEquals(sum.update(5, 100), 5);
  assertEquals(sum.update(7, 109), 7);
  assertEquals(sum.update(8, 110), 8);
  assertEquals(sum.update(8, 129), 8);
  // The first part is over.
  assertEquals(sum.update(8, 130), 1);
  assertEquals(sum.update(18, 139), 11);
  assertEquals(sum.update(18, 10_000), 0);
  assertEquals(sum.update(20, 10_000), 2);
});
