import { test } from "node:test";
import { assertEquals } from "@std/assert";
import process from "node:process";
import { Prng } from "../../../src/base/mod.ts";
import { editDistance, nearest } from "../../../src/base/suggest.ts";

const DISTANCES: readonly [a: string, b: string, distance: number][] = [
  ["", "", 0],
  ["", "abc", 3],
  ["abc", "abc", 0],
  ["kitten", "sitting", 3],
  ["max_qos", "max_qso", 1],
  ["max_packetsize", "max_packet_size", 1],
  ["level", "levels", 1],
];

for (const [a, b, distance] of DISTANCES) {
  test(`editDistance("${a}", "${b}") is ${distance}, both ways`, () => {
    assertEquals(editDistance(a, b), distance);
    assertEquals(editDistance(b, a), distance);
  });
}

/** As slowly and plainly as it can be written. */
function plainDistance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  return Math.min(
    plainDistance(x, b) + 1,
    plainDistance(a, y) + 1,
    plainDistance(x, y) + (a.at(-1) === b.at(-1) ? 0 : 1),
    swapped ? plainDistance(a.slice(0, -2), b.slice(0, -2)) + 1 : Infinity,
  );
}

test("editDistance() agrees with its plain form, up to any limit", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = new Prng(seed);
  const word = (): string =>
    Array.from({ length: random.nextInt(6) }, () => random.pick(["a", "b", "c"])).join("");
  for (let round = 0; round < 300; round++) {
    const [a, b] = [word(), word()];
    const expected = plainDistance(a, b);
    const context = `"${a}" "${b}" SEED=${seed}`;
    assertEquals(editDistance(a, b), expected, context);
    const limit = 1 + random.nextInt(4);
    assertEquals(Math.min(editDistance(a, b, limit), limit), Math.min(expected, limit), context);
  }
});

const KEYS = ["max_qos", "max_inflight", "queue_full", "level", "bind"];
const NEAREST: readonly [text: string, key: string | undefined][] = [
  ["max_qoss", "max_qos"],
  ["MAX_QOS", "max_qos"],
  ["maxinflight", "max_inflight"],
  ["lvel", "level"],
  ["qos", "max_qos"],
  ["full", "queue_full"],
  ["max", undefined],
  ["nothing_like_it", undefined],
  ["", undefined],
];

for (const [text, key] of NEAREST) {
  test(`nearest("${text}") is ${key}`, () => assertEquals(nearest(text, KEYS), key));
}
