import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { covers, overlaps } from "../../../src/auth/acl_filter.ts";
import { filterMatches } from "../../../src/mqtt/mod.ts";

/** All lists of up to three of these, joined: small enough to try every pair. */
function all(levels: readonly string[], lastOnly: readonly string[]): string[] {
  const found: string[] = [];
  const grow = (path: readonly string[]): void => {
    for (const level of levels) {
      found.push([...path, level].join("/"));
      if (path.length < 2) grow([...path, level]);
    }
    for (const level of lastOnly) found.push([...path, level].join("/"));
  };
  grow([]);
  return found.filter((text) => text !== "");
}

const FILTERS = all(["a", "+", "", "$x"], ["#"]);
/**
 * With "z", which no filter names, and one level more than the longest filter; and with the empty one, to which nobody
 * can publish: that much less exact are the answers, and nobody would expect others.
 */
const TOPICS = [
  "",
  ...all(["a", "z", "", "$x"], []),
  ...all(["a", "z", "", "$x"], []).filter((topic) => topic.split("/").length === 3).map((topic) =>
    `${topic}/z`
  ),
];

test("covers() and overlaps() say what trying all topics says", () => {
  const matches = FILTERS.map((filter) => TOPICS.map((topic) => filterMatches(filter, topic)));
  const wrong: string[] = [];
  for (const [p, pattern] of FILTERS.entries()) {
    for (const [f, filter] of FILTERS.entries()) {
      const [wide, narrow] = [matches[p]!, matches[f]!];
      const isCovered = narrow.every((isMatch, at) => !isMatch || wide[at]);
      const isCommon = narrow.some((isMatch, at) => isMatch && wide[at]);
      if (covers(pattern, filter) !== isCovered) wrong.push(`${pattern} covers ${filter}`);
      if (overlaps(pattern, filter) !== isCommon) wrong.push(`${pattern} overlaps ${filter}`);
    }
  }
  assertEquals(wrong.slice(0, 20), []);
});
