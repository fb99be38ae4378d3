import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { filterMatches } from "../../../src/mqtt/mod.ts";
import {
  ChangeLog,
  type ChangeStamp,
  slotOfPrefix,
  slotOfWhole,
} from "../../../src/routing/change_log.ts";
import { seededPrng } from "../../support/seed.ts";
import { randomFilter, randomTopic } from "./routing_rig.ts";

function stampOf(topic: string, seenVersion: number): ChangeStamp {
  return {
    seenVersion,
    slot1: slotOfPrefix(topic, 1),
    slot2: slotOfPrefix(topic, 2),
    slot3: slotOfPrefix(topic, 3),
    slot4: slotOfPrefix(topic, 4),
    slotWhole: slotOfWhole(topic),
  };
}

test("ChangeLog never overlooks a change that concerns a topic", () => {
  const prng = seededPrng("ChangeLog");
  const log = new ChangeLog();
  const filters: string[] = [];
  let quiet = 0;
  for (let step = 0; step < 20_000; step++) {
    const filter = randomFilter(prng);
    filters.push(filter);
    assertEquals(log.note(filter), filters.length);
    const behind = prng.nextInt(50);
    const seenVersion = Math.max(filters.length - behind, 0);
    const topic = randomTopic(prng);
    if (log.mayConcern(stampOf(topic, seenVersion), topic)) continue;
    quiet++;
    for (const each of filters.slice(seenVersion)) {
      assert(!filterMatches(each, topic), `"${each}" matches "${topic}"`);
    }
  }
  assert(quiet > 1000, `${quiet} answers can be checked`);
});

/** Filters that changed, and whether a route of `site/1/device/7` needs another look. */
const CASES: ReadonlyArray<[changed: string[], mayConcern: boolean]> = [
  [[], false],
  [["site/1/device/7"], true],
  [["site/1/device/8"], false],
  [["site/1/device/+"], true],
  [["site/1/device/7/#"], true],
  [["site/1/device/8/#"], false],
  [["site/1/device/8/+"], false],
  [["site/2/#"], false],
  [["site/1/device/7/a/b/c/+"], true], // in the same slot as site/1/device/7/+
  [["other/#", "x/+/y"], false],
  [["#"], true],
  [["+/+/device/8"], false],
  [["+/+/device/7"], true],
  [["+/+/device/7", ...new Array<string>(31).fill("+/other")], true],
  [["site/+/device/8", "site/+"], false],
  [["+/x", "site/+/device/7", "site/+/x"], true],
  [new Array<string>(31).fill("+/other"), false],
  // As many as are remembered, so one that is newer may be forgotten: the answer has to be the careful one.
  [new Array<string>(32).fill("+/other"), true],
];

for (const [changed, mayConcern] of CASES) {
  const what = changed.length > 5 ? `${changed.length} filters like "${changed[0]}"` : changed;
  test(`ChangeLog: a change of ${what} ${mayConcern ? "may concern" : "spares"} a topic`, () => {
    const log = new ChangeLog();
    for (const filter of ["site/1/device/7", "#", "site/+/device/+"]) log.note(filter);
    const stamp = stampOf("site/1/device/7", log.version);
    for (const filter of changed) log.note(filter);
    assertEquals(log.mayConcern(stamp, "site/1/device/7"), mayConcern);
  });
}
