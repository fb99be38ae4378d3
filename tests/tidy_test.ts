import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type ProjectFile, readProject } from "./support/project_files.ts";
import { FILE_RULES, fileProblems, unusedFiles, unusedSupport } from "./support/tidy_rules.ts";

test("the project breaks no rule of tidiness", () => {
  assertEquals(readProject().flatMap(fileProblems), []);
});

test("main.ts reaches every source file", () => {
  assertEquals(unusedFiles(readProject()), []);
});

test("something uses every file of tests/support", () => {
  assertEquals(unusedSupport(readProject()), []);
});

test("readProject() finds the sources", () => {
  const paths = readProject().map(({ path }) => path);
  for (const path of ["deno.json", "tests/tidy_test.ts", "src/broker/options.ts"]) {
    assert(paths.includes(path), `${path} is missing`);
  }
});

/** A violation of each rule, in halves where it would be one in this file, too. */
const PLANTED: ReadonlyArray<[rule: string, path: string, text: string, line: number]> = [
  ["Deno. and Bun. only in src/runtime", "src/base/a.ts", "\nDeno.exit(1);", 2],
  ["Deno. and Bun. only in src/runtime", "main.ts", "const a = Bun.version;", 1],
  [
    "node: imports only in src/runtime, src/storage, src/sinks and src/app",
    "src/mqtt/a.ts",
    'import { readFileSync } from "node:fs";',
    1,
  ],
  [
    "of node: only crypto in src/auth and src/http",
    "src/auth/a.ts",
    'import { readFileSync } from "node:fs";',
    1,
  ],
  ["console only in base/logger.ts and app/cli.ts", "src/mqtt/a.ts", "\n\nconsole.log(1);", 3],
  [
    "timers only in base/timer_wheel.ts and src/runtime",
    "src/broker/a.ts",
    "setTimeout(() => {}, 5);",
    1,
  ],
  [
    "no timers in tests: wait for the event, deadlines are in tests/support",
    "tests/unit/a_test.ts",
    "await new Promise((r) => setTimeout(r, 50));",
    1,
  ],
  ["no non-null assertion outside tests", "src/base/a.ts", "return list[0]!;", 1],
  ["no enum", "src/base/a.ts", "export const enum A { b }", 1],
  ["no export default", "src/base/a.ts", "export default function a() {}", 1],
  ["no empty catch", "src/base/a.ts", "try { a(); } catch (e) {\n  // ignored\n}", 1],
  ["no empty catch", "tests/unit/a_test.ts", "a().catch(() => {});", 1],
  ["no index.ts", "src/base/index.ts", "", 1],
  ["no file over 500 lines", "src/base/a.ts", "\n".repeat(501), 501],
  ["no commented-out code", "src/base/a.ts", "a();\n// const b = 1;", 2],
  ["no commented-out code", "src/base/a.ts", "// if (a) {\n//   b();\n// }", 1],
  ["no commented-out code", "src/base/a.ts", "// this.#a = 2;", 1],
  ["nothing marked as unfinished", "README.md", `FIX${"ME"}: all`, 1],
  ["no path of one machine, no name of a registry's host", "a.sh", `cd /${"work"}/main`, 1],
  ["no path of one machine, no name of a registry's host", "a.md", `registry.npm${"js"}.org`, 1],
];

for (const [rule, path, text, line] of PLANTED) {
  test(`the rule "${rule}" bites in ${path}: ${JSON.stringify(text.slice(0, 40))}`, () => {
    const problems = fileProblems({ path, text });
    assert(problems.includes(`${path}:${line}: ${rule}`), problems.join("\n"));
  });
}

test("every rule has a planted violation", () => {
  const planted = new Set(PLANTED.map(([rule]) => rule));
  assertEquals(FILE_RULES.map(({ name }) => name).filter((name) => !planted.has(name)), []);
});

/** What looks like a violation and is none. */
const INNOCENT: ReadonlyArray<[what: string, path: string, text: string]> = [
  ["Deno in a comment and a string", "src/base/a.ts", '// Deno.exit\nconst a = "Bun.version";'],
  ["Deno in the runtime", "src/runtime/deno.ts", "Deno.exit(1);"],
  ["node:crypto where secrets are", "src/http/a.ts", 'import { hkdfSync } from "node:crypto";'],
  ["a property called Deno", "src/base/a.ts", "if (a.Deno) b();"],
  ["a comparison", "src/base/a.ts", "if (a !== b && c != d) e(!f);"],
  ["a catch that answers", "src/base/a.ts", "try { a(); } catch { return 1; }"],
  ["prose with a semicolon", "src/base/a.ts", "// The first is kept; the second is not;"],
  ["prose that ends with a colon", "src/base/a.ts", "// return values:"],
  ["500 lines", "src/base/a.ts", "a();\n".repeat(500)],
  ["a path inside a topic", "tests/a.json", `"site/${"work"}/a"`],
];

for (const [what, path, text] of INNOCENT) {
  test(`no rule bites ${what}`, () => {
    assertEquals(fileProblems({ path, text }), []);
  });
}

test("unusedFiles() finds what main.ts does not reach, even when files import each other", () => {
  const files: ProjectFile[] = [
    { path: "main.ts", text: 'import "./src/app/mod.ts";' },
    { path: "src/app/mod.ts", text: 'export * from "./cli.ts";' },
    { path: "src/app/cli.ts", text: 'const a = await import("../base/mod.ts");' },
    { path: "src/base/mod.ts", text: "" },
    { path: "src/base/lost.ts", text: 'import "./also_lost.ts";' },
    { path: "src/base/also_lost.ts", text: 'import "./lost.ts";' },
  ];
  assertEquals(unusedFiles(files), [
    "src/base/lost.ts:1: no file that main.ts does not reach",
    "src/base/also_lost.ts:1: no file that main.ts does not reach",
  ]);
});

test("unusedSupport() finds test support that nothing uses", () => {
  const files: ProjectFile[] = [
    { path: "tests/support/used.ts", text: "" },
    { path: "tests/support/lost.ts", text: "" },
    { path: "tests/support/lost_test.ts", text: 'import "./lost.ts";' },
    { path: "tests/unit/a_test.ts", text: 'import "../support/used.ts";' },
  ];
  assertEquals(unusedSupport(files), [
    "tests/support/lost.ts:1: no test support that nothing uses",
  ]);
});
