import { test } from "node:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { bunProgram } from "./programs.ts";
import { outcomeOf, runSuite, type SuiteResult } from "./run_suite.ts";

/** Runs test files with these texts, as `deno task test` would. */
async function runText(runtime: "deno" | "bun", ...texts: string[]): Promise<SuiteResult> {
  const folder = await mkdtemp(join(tmpdir(), "run-suite-"));
  try {
    const paths: string[] = [];
    for (const text of texts) {
      const path = join(folder, `${paths.length}_test.ts`);
      await writeFile(path, `import { test } from "node:test";\n${text}`);
      paths.push(path);
    }
    return await runSuite(
      { kind: "tests", name: `of-${runtime}`, runtime, target: "deno-source", paths },
      { folder, environment: { BUN: await bunProgram() } },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

const CASES: ReadonlyArray<
  [what: string, text: string, passed: number, failed: number, says: string]
> = [
  ["a passing test", 'test("a", () => {});', 1, 0, ""],
  ["a failing test", 'test("a", () => { throw new Error("ouch"); });', 0, 1, "ouch"],
  ["a failing async test", 'test("a", () => Promise.reject(new Error("ouch")));', 0, 1, "ouch"],
  ["a file without a test", "export {};", 0, 1, ""],
  ["a file that is no TypeScript", "this is not", 0, 1, ""],
  ["a file whose import is missing", 'import "./none.ts"; test("a", () => {});', 0, 1, "none.ts"],
];

for (const runtime of ["deno", "bun"] as const) {
  for (const [what, text, passed, failed, says] of CASES) {
    test(`runSuite() on ${runtime} counts ${what}`, async () => {
      const result = await runText(runtime, text);
      assertEquals([result.passed, result.failures.length], [passed, failed]);
      assertStringIncludes(result.failures.map((failure) => failure.text).join(), says);
    });
  }

  test(`runSuite() on ${runtime} fails a file that throws after its tests`, async () => {
    const result = await runText(runtime, 'test("a", () => {});\nthrow new Error("top level");');
    assertStringIncludes(result.failures.map((failure) => failure.text).join(), "top level");
  });

  test(`runSuite() on ${runtime} fails a file that cannot be loaded among those that can`, async () => {
    const result = await runText(runtime, 'test("a", () => {});', 'import "./none.ts";');
    assertEquals(result.failures.length, 1);
    assertStringIncludes(result.failures[0]!.text, "none.ts");
  });

  test(`runSuite() on ${runtime} fails a test that leaves a rejection to nobody`, async () => {
    const text = 'test("a", () => { Promise.reject(new Error("floating")); });\n' +
      'test("b", () => new Promise((resolve) => { setTimeout(resolve, 1); }));';
    const result = await runText(runtime, text);
    assertStringIncludes(result.failures.map((failure) => failure.text).join(), "floating");
  });

  test(`runSuite() on ${runtime} fails a runner that is killed`, async () => {
    const text = 'import process from "node:process";\n' +
      'test("a", () => { process.kill(process.pid, "SIGKILL"); });';
    const result = await runText(runtime, text);
    assertEquals([result.passed, result.failures.length], [0, 1]);
  });

  test(`runSuite() on ${runtime} counts a skipped test as neither`, async () => {
    const result = await runText(runtime, 'test("a", () => {});\ntest.skip("b", () => {});');
    assertEquals([result.passed, result.failures.length, result.skipped], [1, 0, ["b"]]);
  });
}

test("runSuite() fails a check by its exit status and shows its output", async () => {
  const context = { folder: "unused", environment: {} };
  const good = await runSuite({ kind: "check", name: "good", arguments: ["--version"] }, context);
  assertEquals([good.passed, good.failures.length], [1, 0]);
  const bad = await runSuite({ kind: "check", name: "bad", arguments: ["no-such"] }, context);
  assertEquals([bad.passed, bad.failures.length], [0, 1]);
  assertStringIncludes(bad.failures[0]!.text, "no-such");
});

test("outcomeOf() fails a runner that fails without a failed test", () => {
  const report = '<testcase name="a" classname="f" />';
  const ended = { output: "it broke", code: 1, timedOut: false };
  assertEquals(outcomeOf(report, ended).failures, [
    { name: "the runner failed", text: "exit status 1\nit broke" },
  ]);
});

test("outcomeOf() fails a suite that ran out of time, whatever passed before", () => {
  const report = '<testcase name="a" classname="f" />';
  const ended = { output: "b ...", code: undefined, timedOut: true };
  assertEquals(outcomeOf(report, ended).failures, [
    { name: "the suite ran out of time", text: "b ..." },
  ]);
});
