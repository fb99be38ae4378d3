import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { filterMatches } from "../../../src/mqtt/mod.ts";
import { TopicTrie } from "../../../src/routing/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { randomFilter, randomTopic } from "./routing_rig.ts";

function matched(trie: TopicTrie<string>, topic: string): string[] {
  const found: string[] = [];
  trie.match(topic, found);
  return found;
}

/** From section 4.7 of the standard where it has an example. */
const CASES: ReadonlyArray<[filter: string, topic: string, matches: boolean]> = [
  ["sport/tennis/player1", "sport/tennis/player1", true],
  ["sport/tennis/player1", "sport/tennis/player1/ranking", false],
  ["sport/tennis/player1", "sport/tennis", false],
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player2", false],
  ["sport/#", "sport", true],
  ["sport/#", "sports", false],
  ["#", "sport", true],
  ["#", "/", true],
  ["#", "a/b/c", true],
  ["/#", "/", true],
  ["/#", "/a", true],
  ["/#", "a", false],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+", "sport", true],
  ["+/tennis/#", "sport/tennis", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["+/+/+", "a//b", true],
  ["+/#", "a", true],
  ["a/+/#", "a", false],
  ["a/+/#", "a/", true],
  ["#", "$SYS/uptime", false],
  ["+/uptime", "$SYS/uptime", false],
  ["+/#", "$SYS/uptime", false],
  ["+", "$SYS", false],
  ["$SYS/#", "$SYS/uptime", true],
  ["$SYS/#", "$SYS", true],
  ["$SYS/+", "$SYS/uptime", true],
  ["$SYS/uptime", "$SYS/uptime", true],
  ["a/+", "a/$b", true],
  ["a/#", "a/$b/c", true],
  ["ACCOUNTS", "Accounts", false],
  ["a/ /b", "a/ /b", true],
  ["é/+", "é/ü", true],
  // The same letter composed and decomposed: two topics [MQTT-4.7.3-4].
  ["\u00e9/+", "e\u0301/x", false],
];

for (const [filter, topic, matches] of CASES) {
  test(`TopicTrie: "${filter}" ${matches ? "matches" : "does not match"} "${topic}"`, () => {
    const trie = new TopicTrie<string>();
    trie.set(filter, "value");
    assertEquals(matched(trie, topic), matches ? ["value"] : []);
  });
}

test("TopicTrie agrees with filterMatches() on random filters that come and go", () => {
  const prng = seededPrng("TopicTrie");
  const trie = new TopicTrie<string>();
  const filters = new Set<string>();
  for (let step = 0; step < 20_000; step++) {
    const filter = randomFilter(prng);
    assertEquals(trie.get(filter), filters.has(filter) ? filter : undefined);
    // Some thousand steps of growth, then as many of decline.
    if (prng.nextInt(10) < (step % 10_000 < 5000 ? 7 : 2)) {
      trie.set(filter, filter);
      filters.add(filter);
    } else {
      const gone = prng.nextBoolean() || filters.size === 0 ? filter : prng.pick([...filters]);
      assertEquals(trie.delete(gone), filters.delete(gone));
    }
    assertEquals(trie.size, filters.size);
    if (step % 4 !== 0) continue;
    const topic = randomTopic(prng);
    const expected = [...filters].filter((each) => filterMatches(each, topic));
    assertEquals(matched(trie, topic).sort(), expected.sort(), `topic "${topic}"`);
    if (step % 100 === 0) assertEquals([...trie.values()].sort(), [...filters].sort());
  }
  for (const filter of filters) trie.delete(filter);
  assertEquals([trie.size, [...trie.values()], trie.countNodes()], [0, [], 1]);
});

test("TopicTrie.set() gives a filter another value", () => {
  for (const filter of ["a/b", "a/+", "a/#", "#", "+"]) {
    const trie = new TopicTrie<string>();
    trie.set(filter, "old");
    trie.set(filter, "new");
    assertEquals([trie.get(filter), trie.size, [...trie.values()]], ["new", 1, ["new"]]);
  }
});

test("TopicTrie.delete() leaves filters alone that begin or go on alike", () => {
  const trie = new TopicTrie<string>();
  const filters = ["a/+", "a/+/#", "a/+/b", "a/#", "+/+"];
  for (const filter of filters) trie.set(filter, filter);
  assertEquals(trie.delete("a/+/b/c/+"), false);
  assertEquals(trie.delete("a/+/b"), true);
  assertEquals(trie.delete("a/+/b"), false);
  assertEquals(matched(trie, "a/x").sort(), ["+/+", "a/#", "a/+", "a/+/#"]);
  assertEquals(trie.delete("a/+"), true);
  assertEquals(matched(trie, "a/x").sort(), ["+/+", "a/#", "a/+/#"]);
});

test("TopicTrie keeps and matches a filter of 30,000 levels", () => {
  const trie = new TopicTrie<string>();
  const filter = "+/".repeat(30_000) + "#";
  const topic = "/".repeat(30_001);
  trie.set(filter, "deep");
  assertEquals(matched(trie, topic), ["deep"]);
  assertEquals([...trie.values()], ["deep"]);
  assertEquals([trie.delete(filter), matched(trie, topic)], [true, []]);
});
