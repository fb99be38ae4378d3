import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { describe, judge, type Published, type Received, type Verdict } from "./checker.ts";

const ONE: Published = { name: "one", qos: 1, lastNumber: 3, acknowledged: new Set([1, 2]) };
const TWO: Published = { name: "two", qos: 2, lastNumber: 3, acknowledged: new Set([1, 2]) };
const FINE: Verdict = { lost: [], duplicates: [], misplaced: [], invented: [], repeated: 0 };

/** Messages as "one 1", in order. */
function received(...messages: string[]): Received {
  return {
    name: "s",
    messages: messages.map((text) => {
      const [publisher = "", number] = text.split(" ");
      return { publisher, number: Number(number) };
    }),
  };
}

const CASES: readonly [what: string, messages: string[], verdict: Partial<Verdict>][] = [
  ["what was acknowledged, in order", ["one 1", "two 1", "two 2", "one 2"], {}],
  ["what was not acknowledged, too", ["one 1", "one 2", "one 3", "two 1", "two 2", "two 3"], {}],
  ["a lost message", ["one 1", "two 1", "two 2"], { lost: ["one 2 to s"] }],
  ["a lost QoS 2 message", ["one 1", "one 2", "two 2"], { lost: ["two 1 to s"] }],
  ["nothing", [], { lost: ["one 1 to s", "one 2 to s", "two 1 to s", "two 2 to s"] }],
  ["QoS 1 again", ["one 1", "one 2", "one 1", "one 2", "two 1", "two 2"], { repeated: 2 }],
  ["QoS 2 again", ["one 1", "one 2", "two 1", "two 2", "two 1"], { duplicates: ["two 1 to s"] }],
  ["another order", ["one 2", "one 1", "two 1", "two 2"], { misplaced: ["one 1 to s, after 2"] }],
  ["a stranger", ["one 1", "one 2", "two 1", "two 2", "x 1"], { invented: ["x 1 to s"] }],
  ["a number", ["one 1", "one 2", "two 1", "two 2", "two 4"], { invented: ["two 4 to s"] }],
];

for (const [what, messages, verdict] of CASES) {
  test(`judge() of ${what}`, () => {
    assertEquals(judge([ONE, TWO], [received(...messages)]), { ...FINE, ...verdict });
  });
}

test("judge() asks every subscriber", () => {
  const all = received("one 1", "one 2", "two 1", "two 2");
  const none = { name: "none", messages: [] };
  assertEquals(judge([ONE, TWO], [all, none]).lost.length, 4);
});

test("describe() names the first examples", () => {
  assertEquals(
    describe(judge([ONE], [received("one 1", "one 1")])),
    "1 lost (one 2 to s), 0 QoS 2 duplicates, 0 out of order, 0 never sent, 1 QoS 1 repetitions",
  );
});
