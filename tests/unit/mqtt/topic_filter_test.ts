import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { filterMatches, hasWildcard, parseTopicFilter } from "../../../src/mqtt/mod.ts";
import { Prng } from "../../../src/base/mod.ts";
import { seedOfRun } from "./frames.ts";

const VALID: ReadonlyArray<[given: string, filter: string, shareName: string | undefined]> = [
  ["#", "#", undefined],
  ["+", "+", undefined],
  ["/", "/", undefined],
  ["sport/tennis/#", "sport/tennis/#", undefined],
  ["+/tennis/#", "+/tennis/#", undefined],
  ["sport/+/player1", "sport/+/player1", undefined],
  ["//+//", "//+//", undefined],
  ["$SYS/#", "$SYS/#", undefined],
  ["$share", "$share", undefined],
  ["$shared/x/y", "$shared/x/y", undefined],
  ["$share/group/a", "a", "group"],
  ["$share/g/#", "#", "g"],
  ["$share/g//", "/", "g"],
  ["$share/g/$SYS/x", "$SYS/x", "g"],
  ["$share/ü/+/b", "+/b", "ü"],
  ["x".repeat(65_535), "x".repeat(65_535), undefined],
];

for (const [given, filter, shareName] of VALID) {
  test(`parseTopicFilter() takes "${given.slice(0, 40)}"`, () => {
    assertEquals(parseTopicFilter(given), { valid: true, filter, shareName });
  });
}

const INVALID: ReadonlyArray<[given: string, why: string]> = [
  ["", "is empty"], // [MQTT-4.7.3-1]
  ["sport/tennis#", 'has "#" that is not a whole level'], // [MQTT-4.7.1-1]
  ["sport/#/ranking", 'has "#" before its last level'], // [MQTT-4.7.1-1]
  ["#/", 'has "#" before its last level'],
  ["##", 'has "#" that is not a whole level'],
  ["sport+", 'has "+" that is not a whole level'], // [MQTT-4.7.1-2]
  ["+a", 'has "+" that is not a whole level'],
  ["a/+#", 'has "+" that is not a whole level'],
  ["a\0b", "is not a string that MQTT can carry"], // [MQTT-4.7.3-2]
  ["a\ud800", "is not a string that MQTT can carry"],
  ["x".repeat(65_536), "is not a string that MQTT can carry"], // [MQTT-4.7.3-3]
  ["$share/", "has no filter after its share name"], // [MQTT-4.8.2-2]
  ["$share/group", "has no filter after its share name"], // [MQTT-4.8.2-2]
  ["$share/group/", "is empty"],
  ["$share//a", "has an empty share name"], // [MQTT-4.8.2-1]
  ["$share/g+/a", "has a wildcard in its share name"], // [MQTT-4.8.2-2]
  ["$share/#/a", "has a wildcard in its share name"], // [MQTT-4.8.2-2]
  ["$share/g/a#", 'has "#" that is not a whole level'],
];

for (const [given, problem] of INVALID) {
  test(`parseTopicFilter() refuses ${JSON.stringify(given.slice(0, 20))}: ${problem}`, () => {
    assertEquals(parseTopicFilter(given), { valid: false, problem });
  });
}

const MATCHES: ReadonlyArray<[filter: string, topic: string, matches: boolean]> = [
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player10", false],
  ["sport/#", "sport", true],
  ["sport/#", "sport/", true],
  ["#", "a", true],
  ["#", "/", true],
  ["#", "a/b/c", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["+", "finance", true],
  ["+/#", "a", true],
  ["+/+/#", "a", false],
  ["a/b", "a/b", true],
  ["a/b", "a/b/c", false],
  ["a/b/c", "a/b", false],
  ["a", "A", false],
  ["a/", "a", false],
  ["#", "$SYS/uptime", false], // [MQTT-4.7.2-1]
  ["+/uptime", "$SYS/uptime", false], // [MQTT-4.7.2-1]
  ["$SYS/#", "$SYS/uptime", true],
  ["$SYS/+", "$SYS/uptime", true],
  ["a/#", "a/$b", true],
  ["a/+", "a/$b", true],
];

for (const [filter, topic, matches] of MATCHES) {
  test(`filterMatches() "${filter}" ${matches ? "matches" : "does not match"} "${topic}"`, () => {
    assertEquals(filterMatches(filter, topic), matches);
  });
}

test("filterMatches() agrees with the standard written out, on random filters and topics", () => {
  const prng = new Prng(seedOfRun("topic_filter"));
  const levels = ["", "a", "b", "ab", "$a"];
  let matching = 0;
  for (let round = 0; round < 100_000; round++) {
    const topic = Array.from({ length: 1 + prng.nextInt(4) }, () => prng.pick(levels)).join("/");
    const parts = Array.from(
      { length: 1 + prng.nextInt(4) },
      () => prng.nextBoolean(0.4) ? "+" : prng.pick(levels),
    );
    if (prng.nextBoolean(0.3)) parts[parts.length - 1] = "#";
    const filter = parts.join("/");
    if (topic === "" || filter === "") continue;
    const expected = matchesByLevels(filter, topic);
    if (expected) matching++;
    assertEquals(filterMatches(filter, topic), expected, `${filter} on ${topic}`);
  }
  assertEquals(matching > 1000, true, `only ${matching} matched`);
});

test("hasWildcard() looks for either wildcard", () => {
  assertEquals([hasWildcard("a/b"), hasWildcard("a/+"), hasWildcard("#")], [false, true, true]);
});

function matchesByLevels(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const [f, t] = [filter.split("/"), topic.split("/")];
  for (const [i, level] of f.entries()) {
    if (level === "#") return true;
    if (i >= t.length || (level !== "+" && level !== t[i])) return false;
  }
  return f.length === t.length;
}
