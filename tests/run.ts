/**
 * `deno task test`: runs the suites, two at a time, and says what passed and what did not.
 *
 * Words behind it choose suites by name (`deno task test unit fmt`). `SEED` repeats the random
 * choices of an earlier run, `FUZZ_SECONDS` sets how long each fuzz target runs (default 5),
 * `TEST_BINARIES` adds compiled brokers to the black-box tests.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import process from "node:process";
import { promisify } from "node:util";
import { bunProgram, denoProgram, versionOf } from "./support/programs.ts";
import {
  killRunningSuites,
  runSuite,
  type SuiteContext,
  type SuiteResult,
} from "./support/run_suite.ts";
import { allSuites, chooseSuites, type Suite } from "./support/suites.ts";

/** As many as a small CI machine has cores: the black-box suites keep one busy each. */
const SUITES_AT_A_TIME = 2;
const LOG_FOLDER = "node_modules/.cache/broker-tests";

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function prepare(): Promise<SuiteContext> {
  // Bun resolves packages from node_modules, which Deno fills.
  await promisify(execFile)(denoProgram(), ["install", "--quiet"]);
  await mkdir(LOG_FOLDER, { recursive: true });
  const seed = process.env["SEED"] || String(Math.floor(Math.random() * 2 ** 31));
  const bun = await bunProgram();
  const denoVersion = (await versionOf(denoProgram()))?.split("\n")[0];
  print(`${denoVersion}; bun ${await versionOf(bun)} (${bun}); SEED=${seed}`);
  const environment = {
    BUN: bun,
    DENO: denoProgram(),
    SEED: seed,
    FUZZ_SECONDS: process.env["FUZZ_SECONDS"] || "5",
  };
  return { folder: LOG_FOLDER, environment };
}

async function runAll(suites: readonly Suite[], context: SuiteContext): Promise<SuiteResult[]> {
  const waiting = [...suites];
  const results: SuiteResult[] = [];
  const worker = async (): Promise<void> => {
    for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
      const result = await runSuite(suite, context);
      results.push(result);
      printResult(result);
    }
  };
  await Promise.all(Array.from({ length: SUITES_AT_A_TIME }, worker));
  return results;
}

function printResult({ suite, passed, failures, skipped, seconds }: SuiteResult): void {
  const counts = `${passed} passed, ${failures.length} failed, ${skipped.length} skipped`;
  print(
    `${failures.length === 0 ? "ok  " : "FAIL"} ${suite.padEnd(18)} ${counts} (${
      seconds.toFixed(1)
    } s)`,
  );
  for (const name of skipped) print(`     skipped: ${name}`);
  for (const { name, text } of failures) {
    print(`     failed: ${name}`);
    print(text.split("\n").map((line) => `       ${line}`).join("\n"));
  }
}

async function main(words: readonly string[]): Promise<number> {
  const suites = chooseSuites(words, allSuites());
  const results = await runAll(suites, await prepare());
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failures = results.flatMap(({ suite, failures }) =>
    failures.map(({ name }) => `${suite}: ${name}`)
  );
  if (failures.length > 0) print(`\nFailed (whole output in ${LOG_FOLDER}):`);
  for (const failure of failures) print(`  ${failure}`);
  print(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    killRunningSuites();
    process.exit(130);
  });
}
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  print("\n0 passed, 1 failed");
  process.exit(1);
}
