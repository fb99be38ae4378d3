import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AssertionError, Prng } from "../../../src/base/mod.ts";

const GOLDEN = [573063952, 3268221502, 703077755, 2308299391];

function take(prng: Prng, count: number): number[] {
  return Array.from({ length: count }, () => prng.nextUint32());
}

test("Prng gives the same numbers for the same seed on every runtime", () => {
  assertEquals(take(new Prng(1), 4), GOLDEN);
  assertEquals(take(new Prng(1), 100), take(new Prng(1), 100));
});

test("Prng gives other numbers for another seed, also beyond 32 bits", () => {
  assertNotEquals(take(new Prng(1), 4), take(new Prng(2), 4));
  assertNotEquals(take(new Prng(1), 4), take(new Prng(1 + 2 ** 32), 4));
});

test("Prng.nextInt() reaches every number of a small range about equally often", () => {
  const prng = new Prng(42);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const value = prng.nextInt(10);
    counts[value] = counts[value]! + 1;
  }
  for (const count of counts) assert(count > 9_500 && count < 10_500, `${counts}`);
});

test("Prng.nextInt() refuses an empty range", () => {
  assertThrows(() => new Prng(1).nextInt(0), AssertionError);
});

test("Prng.nextFloat() stays in [0, 1) and nextBoolean() keeps its probability", () => {
  const prng = new Prng(7);
  let trues = 0;
  for (let i = 0; i < 100_000; i++) {
    const value = prng.nextFloat();
    assert(value >= 0 && value < 1);
    if (prng.nextBoolean(0.2)) trues++;
  }
  assert(trues > 19_000 && trues < 21_000, `${trues}`);
});

test("Prng.shuffle() keeps the items and Prng.pick() picks among them", () => {
  const prng = new Prng(3);
  const items = Array.from({ length: 50 }, (_, i) => i);
  prng.shuffle(items);
  assertNotEquals(items, [...items].sort((a, b) => a - b));
  assertEquals([...items].sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
  const picked = new Set(Array.from({ length: 2000 }, () => prng.pick(items)));
  assertEquals(picked.size, 50);
});
