import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Prng } from "../../../../src/base/mod.ts";
import { filterMatches } from "../../../../src/mqtt/mod.ts";
import { type Indexed, TopicIndex } from "../../../../src/rules/engine/topic_index.ts";

function rule(order: number, filters?: readonly string[]): Indexed {
  return { order, filters };
}

function orders(found: readonly Indexed[]): number[] {
  return found.map(({ order }) => order);
}

test("TopicIndex.find() gives what is about the topic in order, each once", () => {
  const index = new TopicIndex<Indexed>();
  for (
    const each of [
      rule(3, ["a/+", "a/#"]),
      rule(1, ["a/b"]),
      rule(2),
      rule(4, ["x/#"]),
      rule(0, ["#"]),
    ]
  ) index.add(each);
  assertEquals(orders(index.find("a/b")), [0, 1, 2, 3]);
  assertEquals(orders(index.find("a/b")), [0, 1, 2, 3]);
  assertEquals(orders(index.find("x")), [0, 2, 4]);
  assertEquals(orders(index.find("$SYS/x")), [2]);
});

test("TopicIndex forgets answers when something is added or removed", () => {
  const index = new TopicIndex<Indexed>();
  const [first, second] = [rule(0, ["a"]), rule(1)];
  index.add(first);
  assertEquals(orders(index.find("a")), [0]);
  index.add(second);
  assertEquals(orders(index.find("a")), [0, 1]);
  index.remove(first);
  assertEquals(orders(index.find("a")), [1]);
  index.remove(second);
  assertEquals([index.find("a").length, index.size], [0, 0]);
});

test("TopicIndex agrees with matching each filter, also with more topics than it remembers", () => {
  const prng = new Prng(7);
  const pick = <T>(values: readonly T[]): T => values[prng.nextInt(values.length)] as T;
  const levels = ["a", "b", "c", "+"];
  const all: Indexed[] = [];
  const index = new TopicIndex<Indexed>();
  for (let order = 0; order < 300; order++) {
    const filters = Array.from({ length: 1 + prng.nextInt(3) }, () => {
      const depth = 1 + prng.nextInt(3);
      const filter = Array.from({ length: depth }, () => pick(levels)).join("/");
      return prng.nextInt(3) === 0 ? `${filter}/#` : filter;
    });
    const each = rule(order, prng.nextInt(50) === 0 ? undefined : filters);
    all.push(each);
    index.add(each);
  }
  for (const each of all.splice(100, 50)) index.remove(each);
  for (let round = 0; round < 20_000; round++) {
    const isRare = prng.nextInt(2) === 0;
    const topic = isRare
      ? `${pick(["a", "b"])}/${prng.nextInt(40_000)}`
      : Array.from({ length: 1 + prng.nextInt(4) }, () => pick(["a", "b", "c"])).join("/");
    const expected = all.filter(({ filters }) =>
      filters === undefined || filters.some((filter) => filterMatches(filter, topic))
    );
    assertEquals(orders(index.find(topic)), orders(expected), topic);
  }
});
