import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  isDelayedTopic,
  parseDelayedTopic,
  withDelayFirst,
} from "../../../src/broker/delayed_topic.ts";

const TOPICS: ReadonlyArray<[topic: string, delayS: number | undefined, real?: string]> = [
  ["$delayed/5/t", 5, "t"],
  ["$delayed/0/t", 0, "t"],
  ["$delayed/007/a/b", 7, "a/b"],
  ["$delayed/4294967/t", 4_294_967, "t"],
  ["$delayed/4294968/t", undefined],
  ["$delayed/99999999999/t", undefined],
  ["$delayed/5//t", 5, "/t"],
  ["$delayed/5/", undefined],
  ["$delayed/5", undefined],
  ["$delayed//t", undefined],
  ["$delayed/-1/t", undefined],
  ["$delayed/1.5/t", undefined],
  ["$delayed/1e3/t", undefined],
  ["$delayed/ 5/t", undefined],
  ["$delayed/٥/t", undefined],
  ["$delayed/t", undefined],
  ["$delayed/5/$delayed/5/t", undefined],
  ["$delayed/5/$other/t", 5, "$other/t"],
];

for (const [topic, delayS, real = ""] of TOPICS) {
  test(`parseDelayedTopic("${topic}")`, () => {
    assertEquals(isDelayedTopic(topic, 0), true);
    const expected = delayS === undefined ? undefined : { delayS, topic: real };
    assertEquals(parseDelayedTopic(topic, 0), expected);
    const mounted = delayS === undefined ? undefined : { delayS, topic: `m/n/${real}` };
    assertEquals(parseDelayedTopic(`m/n/${topic}`, 4), mounted);
  });
}

test("isDelayedTopic() looks behind the mountpoint, and nowhere else", () => {
  assertEquals(["$delayed", "$delayedx/5/t", "x/$delayed/5/t"].map((t) => isDelayedTopic(t, 0)), [
    false,
    false,
    false,
  ]);
  assertEquals(isDelayedTopic("m/$delayed/5/t", 2), true);
});

test("withDelayFirst() puts the mountpoint behind the delay", () => {
  assertEquals(withDelayFirst("m/n/$delayed/5/a/b", 4), "$delayed/5/m/n/a/b");
  assertEquals(withDelayFirst("$delayed/5/a", 0), "$delayed/5/a");
  assertEquals(withDelayFirst("m/a", 2), "m/a");
});
