import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { docBlocks, missingLine } from "./doc_blocks.ts";

const DOCUMENT = [
  "# Title",
  "<!-- docs: needs a -->",
  "<!-- docs: background -->",
  "",
  "```sh",
  "one",
  "two",
  "```",
  "<!-- docs: output -->",
  "```text",
  "x",
  "```",
  "<!-- docs: file a.toml -->",
  "```toml",
  "```",
  "<!-- docs: not run: because -->",
  "```sh",
  "```",
  "```json",
  "{}",
  "```",
].join("\n");

test("docBlocks() finds blocks with what is said of them", () => {
  assertEquals(
    docBlocks(DOCUMENT).map(({ line, kind, text, name, isBackground, needs, whyNotRun }) => [
      line,
      kind,
      text,
      name,
      isBackground,
      needs,
      whyNotRun,
    ]),
    [
      [5, "commands", "one\ntwo", "", true, ["a"], undefined],
      [10, "output", "x", "", false, [], undefined],
      [14, "file", "", "a.toml", false, [], undefined],
      [17, "commands", "", "", false, [], "because"],
      [19, "other", "{}", "", false, [], undefined],
    ],
  );
});

for (
  const text of [
    "<!-- docs: backgroud -->\n```sh\n```",
    "<!-- docs: not run: -->\n```sh\n```",
    "<!-- docs: output -->\ntext\n```sh\n```",
    "```sh",
  ]
) {
  test(`docBlocks() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => docBlocks(text), Error, "Cannot read the document");
  });
}

const PRINTED = "a 1\nb (2)\nc\n";
const EXPECTED: readonly [expected: string, missing: string | undefined][] = [
  ["a 1\nc", undefined],
  ["a …\nb (…)", undefined],
  ["…", undefined],
  ["b", "b"],
  ["c\na 1", "a 1"],
  ["c\nc", "c"],
  ["b .2.", "b .2."],
];

for (const [expected, missing] of EXPECTED) {
  test(`missingLine() of ${JSON.stringify(expected)} is ${missing}`, () => {
    assertEquals(missingLine(expected, PRINTED), missing);
  });
}
