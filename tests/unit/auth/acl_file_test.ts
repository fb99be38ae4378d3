import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { parseAclFile, ruleProblems } from "../../../src/auth/mod.ts";

/** A line, and what is said of it. */
const WRONG: readonly (readonly [line: string, problem: string])[] = [
  ["topics read a", 'found "topics", allowed: topic, user, pattern, or # as the first character'],
  ["Topic read a", 'found "Topic", allowed: topic, user, pattern, or # as the first character'],
  [" # not a comment", 'found "#", allowed: topic, user, pattern, or # as the first character'],
  ["user", '"user" without a name'],
  ["user   ", '"user" without a name'],
  ["topic", "no topic filter"],
  ["topic   ", "no topic filter"],
  ["pattern", "no topic filter"],
  ["topic rw a/b", 'found access "rw", allowed: read, write, readwrite, deny'],
  ["topic my topic", 'found access "my", allowed: read, write, readwrite, deny'],
  ["topic __proto__ a", 'found access "__proto__", allowed: read, write, readwrite, deny'],
  ["topic read a/#/b", 'topic filter "a/#/b" has "#" before its last level'],
  ["topic read a+", 'topic filter "a+" has "+" that is not a whole level'],
  ["pattern read a/%c#", 'topic filter "a/%c#" has "#" that is not a whole level'],
  ["pattern read +%u", 'topic filter "+%u" has "+" that is not a whole level'],
  ["topic read a # comment", 'topic filter "a # comment" has "#" that is not a whole level'],
  ["topic read $share/g", 'topic filter "$share/g" has no filter after its share name'],
];

for (const [line, problem] of WRONG) {
  test(`the line ${JSON.stringify(line)} is refused with its number`, () => {
    const { problems } = parseAclFile("rules.acl", `# rules\n\nuser u\ntopic a\n${line}\ntopic b`);
    assertEquals(problems, [`rules.acl:5: Cannot read access rules: ${problem}`]);
  });
}

test("all problems are named at once, but not endlessly", () => {
  const { problems } = parseAclFile("f", "user\ntopic\n");
  assertEquals(problems?.length, 2);
  assertEquals(parseAclFile("f", "nonsense\n".repeat(1000)).problems?.length, 20);
});

test("comments, empty lines, blanks around words, line ends of every kind and a byte order mark", () => {
  const text =
    "\ufeff# c\r\n\r\n   \r\n  user   u v  \r\n\ttopic\tread\t a/b \r\n#topic x\rtopic y\n";
  const { rules } = parseAclFile("f", text);
  assertEquals(
    rules?.map(({ concerned, permit, action, patterns, source }) => ({
      concerned,
      permit,
      action,
      topics: patterns.map((pattern) => pattern.text),
      source,
    })),
    [
      {
        concerned: { kind: "user", username: "u v" },
        permit: "allow",
        action: "subscribe",
        topics: ["a/b"],
        source: "f:5",
      },
      {
        concerned: { kind: "user", username: "u v" },
        permit: "allow",
        action: "all",
        topics: ["y"],
        source: "f:7",
      },
    ],
  );
});

test("an empty file has no rules", () => {
  assertEquals(parseAclFile("f", "").rules, []);
});

test("denials come first, a user's own lines before patterns, whatever the order in the file", () => {
  const text =
    "pattern read p\ntopic a\npattern deny q\ntopic deny b\nuser u\ntopic c\ntopic deny d";
  assertEquals(parseAclFile("f", text).rules?.map((rule) => rule.text), [
    "topic deny b",
    "topic deny d",
    "topic a",
    "topic c",
    "pattern deny q",
    "pattern read p",
  ]);
});

test("ruleProblems() names field, value and what is allowed", () => {
  const fields = (rule: Parameters<typeof ruleProblems>[0]): string[] =>
    ruleProblems(rule).map(({ field, found }) => `${field}: ${found}`);
  const fine = {
    permit: "allow",
    action: "all",
    topics: ["a/%c/#", "$share/+/b", "$share/#"],
  } as const;
  assertEquals(fields(fine), []);
  assertEquals(fields({ ...fine, topics: [] }), ["topics: an empty array"]);
  assertEquals(fields({ ...fine, topics: ["a", "", "#/a", "%c+"] }), [
    'topics: "", which is empty',
    'topics: "#/a", which has "#" before its last level',
    'topics: "%c+", which has "+" that is not a whole level',
  ]);
  assertEquals(fields({ ...fine, username: "", clientId: "", address: "10.0.0.0/33" }), [
    'username: ""',
    'client_id: ""',
    'address: "10.0.0.0/33"',
  ]);
});
