import { test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hashTopicBytes, isSameTopic } from "../../../src/routing/topic_hash.ts";

const encoder = new TextEncoder();

function hash(topic: string, seed = 1): number {
  const bytes = encoder.encode(topic);
  return hashTopicBytes(bytes, 0, bytes.length, seed);
}

test("hashTopicBytes() does not depend on where the bytes stand", () => {
  for (const topic of ["", "a", "ab", "abc", "abcd", "abcde", "site/7/device/11/state"]) {
    const bytes = encoder.encode(`xyz${topic}/more`);
    const end = bytes.length - 5;
    assertEquals(hashTopicBytes(bytes, 3, end, 1), hash(topic));
  }
});

test("hashTopicBytes() is a whole number from 0 to 2^30 - 1, other for another seed", () => {
  for (let i = 0; i < 1000; i++) {
    const value = hash(`topic/${i}`);
    assert(Number.isInteger(value) && value >= 0 && value < 2 ** 30);
    assertNotEquals(value, hash(`topic/${i}`, 2));
  }
});

test("hashTopicBytes() spreads numbered topics over the buckets", () => {
  for (
    const pattern of [
      (i: number) => `d/${i}/t`,
      (i: number) => `${i}`,
      (i: number) => `t/${i * 64}`,
    ]
  ) {
    const buckets = new Array<number>(1024).fill(0);
    for (let i = 0; i < 16_384; i++) {
      const bucket = hash(pattern(i)) & 1023;
      buckets[bucket] = buckets[bucket]! + 1;
    }
    // 16 expected; chance alone gives about 35 at most.
    assert(Math.max(...buckets) < 48, `${Math.max(...buckets)} for ${pattern(1)}`);
  }
});

const PAIRS: ReadonlyArray<[topic: string, other: string, isSame: boolean]> = [
  ["a/b", "a/b", true],
  ["a/b", "a/c", false],
  ["a/b", "b/b", false],
  ["a/b", "a/b/", false],
  ["a/b/", "a/b", false],
  ["é", "é", true],
];

for (const [topic, other, isSame] of PAIRS) {
  test(`isSameTopic() "${topic}" ${isSame ? "is" : "is not"} "${other}"`, () => {
    const bytes = encoder.encode(`//${other}//`);
    assertEquals(isSameTopic(encoder.encode(topic), bytes, 2, bytes.length - 2), isSame);
  });
}
