import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { filterMatches } from "../../../src/mqtt/mod.ts";
import { RetainedTrie } from "../../../src/retain/mod.ts";
import { seededPrng } from "../../support/seed.ts";

const LEVELS = ["a", "b", "c", "", "$x", "é"];

function matched(trie: RetainedTrie<string>, filter: string): string[] {
  const found: string[] = [];
  trie.match(filter, (topic, message) => {
    found.push(`${topic}=${message}`);
  });
  return found.sort();
}

function filled(...topics: string[]): RetainedTrie<string> {
  const trie = new RetainedTrie<string>();
  for (const topic of topics) trie.set(topic, "m");
  return trie;
}

/** A filter, and those of the topics below that it finds. */
const TOPICS = [
  "sport",
  "sport/",
  "sport/tennis",
  "sport/tennis/p1",
  "/",
  "/x",
  "$SYS",
  "$SYS/a",
  "é",
];
const CASES: ReadonlyArray<[filter: string, found: string[]]> = [
  ["sport", ["sport"]],
  ["sport/tennis", ["sport/tennis"]],
  ["nothing", []],
  ["sport/tennis/p1/x", []],
  ["#", ["/", "/x", "sport", "sport/", "sport/tennis", "sport/tennis/p1", "é"]],
  ["+", ["sport", "é"]],
  ["+/+", ["/", "/x", "sport/", "sport/tennis"]],
  ["/+", ["/", "/x"]],
  ["/#", ["/", "/x"]],
  ["sport/#", ["sport", "sport/", "sport/tennis", "sport/tennis/p1"]],
  ["sport/+", ["sport/", "sport/tennis"]],
  ["sport/+/#", ["sport/", "sport/tennis", "sport/tennis/p1"]],
  ["+/tennis/+", ["sport/tennis/p1"]],
  ["+/a", []], // [MQTT-4.7.2-1]
  ["$SYS/#", ["$SYS", "$SYS/a"]],
  ["$SYS/+", ["$SYS/a"]],
  ["é/#", ["é"]],
];

for (const [filter, found] of CASES) {
  test(`RetainedTrie.match("${filter}") finds ${found.length} of ${TOPICS.length} topics`, () => {
    assertEquals(matched(filled(...TOPICS), filter), found.map((topic) => `${topic}=m`).sort());
  });
}

test("RetainedTrie agrees with a Map that is searched with filterMatches()", () => {
  const prng = seededPrng("RetainedTrie");
  function level(): string {
    return prng.pick(LEVELS);
  }
  function randomTopic(): string {
    return Array.from({ length: 1 + prng.nextInt(4) }, level).join("/") || "a";
  }
  function randomFilter(): string {
    const levels = Array.from(
      { length: 1 + prng.nextInt(4) },
      () => prng.nextInt(3) === 0 ? "+" : level(),
    );
    if (prng.nextInt(3) === 0) levels.push("#");
    return levels.join("/") || "#";
  }
  const trie = new RetainedTrie<string>();
  const model = new Map<string, string>();
  for (let step = 0; step < 20_000; step++) {
    const topic = randomTopic();
    if (prng.nextInt(10) < (step % 5000 < 2500 ? 7 : 2)) {
      assertEquals(trie.set(topic, `${step}`), model.has(topic) ? "replaced" : "added");
      model.set(topic, `${step}`);
    } else {
      const gone = prng.nextBoolean() || model.size === 0 ? topic : prng.pick([...model.keys()]);
      assertEquals(trie.remove(gone), model.delete(gone));
    }
    const wanted = randomTopic();
    assertEquals([trie.size, trie.get(wanted)], [model.size, model.get(wanted)]);
    if (step % 1000 === 0) assertEquals(trie.nodeCount, trie.countNodes());
    if (step % 5 !== 0) continue;
    const filter = randomFilter();
    const expected = [...model].filter(([each]) => filterMatches(filter, each));
    assertEquals(matched(trie, filter), expected.map((pair) => pair.join("=")).sort(), filter);
  }
  assertEquals([...trie.entries()].sort(), [...model].sort());
  for (const topic of model.keys()) trie.remove(topic);
  assertEquals([trie.size, matched(trie, "#"), matched(trie, "$x/#")], [0, [], []]);
  assertEquals([trie.countNodes(), trie.nodeCount], [1, 1]);
});

for (const filter of ["#", "+/+", "a/b"]) {
  test(`RetainedTrie.match("${filter}") ends when the visitor says so`, () => {
    const trie = filled("a/b", "a/c", "b/c", "b/d");
    let count = 0;
    trie.match(filter, () => {
      count++;
      return false;
    });
    assertEquals(count, 1);
  });
}

test("a visitor may remove all that is there: nothing that was removed is shown", () => {
  for (const filter of ["#", "+/+/+"]) {
    const topics = Array.from({ length: 300 }, (_, i) => `a/${i % 20}/${i}`);
    const trie = filled(...topics);
    let count = 0;
    trie.match(filter, () => {
      count++;
      for (const topic of topics) trie.remove(topic);
    });
    assertEquals([count, trie.size], [1, 0]);
  }
});

test("a visitor may remove what it is shown and set others", () => {
  const topics = Array.from({ length: 300 }, (_, i) => `a/${i % 20}/${i}`);
  const trie = filled(...topics);
  const shown: string[] = [];
  trie.match("a/#", (topic) => {
    shown.push(topic);
    trie.remove(topic);
    trie.set(`b/${topic}`, "new");
    trie.set(topic.replace("a", "c"), "new");
  });
  assertEquals(shown.sort(), topics.sort());
  assertEquals([trie.size, matched(trie, "a/#").length], [600, 0]);
});

test("RetainedTrie keeps and finds a topic of 60,000 levels", () => {
  const topic = "/".repeat(60_000);
  const trie = filled(topic, "a");
  assertEquals(matched(trie, "/#").length, 1);
  assertEquals(matched(trie, "#").length, 2);
  assertEquals([trie.remove(topic), matched(trie, "#")], [true, ["a=m"]]);
});

test("100,000 topics beside each other come, are found and go", () => {
  const trie = new RetainedTrie<number>();
  for (let i = 0; i < 100_000; i++) trie.set(`site/${i}/state`, i);
  let sum = 0;
  trie.match("site/+/state", (_topic, message) => {
    sum += message;
  });
  assertEquals([trie.size, sum], [100_000, 100_000 * 99_999 / 2]);
  for (let i = 0; i < 100_000; i++) assertEquals(trie.remove(`site/${i}/state`), true);
  assertEquals(trie.size, 0);
});
