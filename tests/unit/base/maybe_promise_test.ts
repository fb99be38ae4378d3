import { test } from "node:test";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { isPromise, then } from "../../../src/base/mod.ts";

function fail(): never {
  throw new RangeError("no");
}

test("isPromise() knows promises and thenables", () => {
  assertEquals(isPromise(Promise.resolve(1)), true);
  const thenable = { then: (resolve: (value: number) => void): void => resolve(1) };
  assertEquals(isPromise<unknown>(thenable), true);
});

test("isPromise() denies plain values", () => {
  for (const value of [0, "then", null, undefined, {}, { then: 1 }, () => 1]) {
    assertEquals(isPromise(value), false);
  }
});

test("then() goes on at once when the value is there", () => {
  assertEquals(then(20, (value) => value + 1), 21);
});

test("then() goes on later when the value is not there yet", async () => {
  const later = then(Promise.resolve(20), (value) => value + 1);
  assertEquals(isPromise(later), true);
  assertEquals(await later, 21);
});

test("then() throws or rejects as the value came", async () => {
  assertThrows(() => then(1, fail), RangeError, "no");
  await assertRejects(async () => await then(Promise.resolve(1), fail), RangeError, "no");
});
