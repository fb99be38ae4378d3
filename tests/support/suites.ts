/** The suites that `deno task test` is made of. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, delimiter } from "node:path";
import process from "node:process";

/** One run of one program: a check that passes or fails as a whole, or a test runner. */
export type Suite =
  | { readonly kind: "check"; readonly name: string; readonly arguments: readonly string[] }
  | {
    readonly kind: "tests";
    readonly name: string;
    /** The runtime that runs the test files. */
    readonly runtime: "deno" | "bun";
    /** What tests that start a broker start: see start_broker.ts. */
    readonly target: string;
    /** Files and folders with `*_test.ts`. */
    readonly paths: readonly string[];
  };

/** All suites, the longest first, so that two workers end at about the same time. */
export function allSuites(): Suite[] {
  return [
    tests("broker-deno", "deno", "deno-source", ["tests/broker"]),
    // The tests themselves stay on Deno: what changes is the program under test.
    tests("broker-bun", "deno", "bun-source", ["tests/broker"]),
    ...binaries().map((path) => tests(`binary-${basename(path)}`, "deno", path, binaryTests(path))),
    tests("http-deno", "deno", "deno-source", ["tests/http"]),
    tests("http-bun", "deno", "bun-source", ["tests/http"]),
    tests("fuzz-deno", "deno", "deno-source", ["tests/fuzz"]),
    tests("fuzz-bun", "bun", "bun-source", ["tests/fuzz"]),
    tests("conformance-deno", "deno", "deno-source", ["tests/conformance"]),
    tests("conformance-bun", "bun", "bun-source", ["tests/conformance"]),
    tests("unit-deno", "deno", "deno-source", ["tests/unit"]),
    tests("unit-bun", "bun", "bun-source", ["tests/unit"]),
    tests("docs", "deno", "deno-source", ["tests/docs"]),
    tests("project", "deno", "deno-source", [...testFilesIn("tests"), "tests/support"]),
    { kind: "check", name: "check", arguments: ["check", "--quiet"] },
    { kind: "check", name: "lint", arguments: ["lint", "--quiet"] },
    { kind: "check", name: "fmt", arguments: ["fmt", "--check", "--quiet"] },
  ];
}

/** The suites that a word names: `unit` is `unit-deno` and `unit-bun`. No words: all. */
export function chooseSuites(words: readonly string[], suites: readonly Suite[]): Suite[] {
  for (const word of words) {
    if (!suites.some((suite) => isNamedBy(suite, word))) {
      const names = suites.map((suite) => suite.name).join(" ");
      throw new Error(`Cannot choose suites: nothing is called "${word}"; there are ${names}`);
    }
  }
  if (words.length === 0) return [...suites];
  return suites.filter((suite) => words.some((word) => isNamedBy(suite, word)));
}

function isNamedBy(suite: Suite, word: string): boolean {
  return suite.name === word || suite.name.startsWith(`${word}-`);
}

function tests(
  name: string,
  runtime: "deno" | "bun",
  target: string,
  paths: readonly string[],
): Suite {
  return { kind: "tests", name, runtime, target, paths };
}

/** A base binary of Deno that is too old for all of HTTP may do for checking the build: docs/http.md says what lacks. */
function binaryTests(path: string): string[] {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  const isOldDeno = /\(deno (?:1\.|2\.[0-8]\.)/.test(stdout ?? "");
  return isOldDeno ? ["tests/broker"] : ["tests/broker", "tests/http"];
}

/** `$TEST_BINARIES`: paths of compiled brokers, separated as in `$PATH`. */
function binaries(): string[] {
  return (process.env["TEST_BINARIES"] ?? "").split(delimiter).filter((path) => path !== "");
}

function testFilesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith("_test.ts"))
    .map((name) => `${folder}/${name}`);
}
