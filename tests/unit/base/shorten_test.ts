import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { shorten } from "../../../src/base/mod.ts";

const CASES: ReadonlyArray<[text: string, max: number, short: string]> = [
  ["", 3, ""],
  ["abc", 3, "abc"],
  ["abcd", 3, "ab…"],
  ["a😀b", 4, "a😀b"],
  ["a😀bc", 4, "a😀…"],
  ["ab😀c", 4, "ab…"],
];

for (const [text, max, short] of CASES) {
  test(`shorten("${text}", ${max}) is "${short}"`, () => assertEquals(shorten(text, max), short));
}
