import { test } from "node:test";
import { assertThrows } from "@std/assert";
import { assert, AssertionError, never } from "../../../src/base/mod.ts";

test("assert() is silent when the statement holds", () => {
  assert(true, "truth is true");
});

test("assert() throws an AssertionError that quotes the statement", () => {
  assertThrows(() => assert(false, "one owner"), AssertionError, "must hold: one owner");
});

test("never() throws an AssertionError that quotes the value", () => {
  assertThrows(() => never("odd" as never), AssertionError, "unexpected value odd");
});
