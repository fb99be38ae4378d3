import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { parseJunit } from "./junit.ts";

// Both texts as the runners wrote them, with the times cut.
const DENO_REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="2" errors="0" time="0.009">
    <testsuite name="./a_test.ts" tests="4" disabled="1" errors="0" failures="2">
        <testcase name="good &amp; &lt;fine&gt;" classname="./a_test.ts" time="0.001" line="2" col="1">
        </testcase>
        <testcase name="bad" classname="./a_test.ts" time="0.001" line="3" col="1">
            <failure message="Uncaught Error: boom &lt;x&gt;">Error: boom &lt;x&gt;
    at a_test.ts:3:53</failure>
        </testcase>
        <testcase name="skipped one" classname="./a_test.ts" time="0.000" line="4" col="6">
            <skipped/>
        </testcase>
    </testsuite>
</testsuites>`;

const BUN_REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="0" failures="2" skipped="1" time="0.026855795">
  <testsuite name="a_test.ts" file="a_test.ts" tests="4" failures="2" skipped="1" hostname="vm">
    <testcase name="good &amp; &lt;fine&gt;" classname="" time="0.00123" file="a_test.ts" line="2" assertions="0" />
    <testcase name="bad" classname="" time="0.000231" file="a_test.ts" line="3" assertions="0">
      <failure type="Error" message="boom &lt;x&gt;">Error: boom &lt;x&gt;&#10;    at a_test.ts:3:53</failure>
    </testcase>
    <testcase name="skipped one" classname="" time="0" file="a_test.ts" line="4" assertions="0">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`;

for (
  const [runner, file, xml] of [
    ["deno", "./a_test.ts", DENO_REPORT],
    ["bun", "a_test.ts", BUN_REPORT],
  ] as const
) {
  test(`parseJunit() reads the report of ${runner}`, () => {
    assertEquals(parseJunit(xml), [
      { file, name: "good & <fine>", outcome: "passed", text: "" },
      { file, name: "bad", outcome: "failed", text: "Error: boom <x>\n    at a_test.ts:3:53" },
      { file, name: "skipped one", outcome: "skipped", text: "" },
    ]);
  });
}

test("parseJunit() takes the message of a failure that has no text", () => {
  const [only] = parseJunit('<testcase name="a"><failure message="why" /></testcase>');
  assertEquals(only?.text, "why");
});

test("parseJunit() finds nothing in an empty report", () => {
  assertEquals(parseJunit(""), []);
});
