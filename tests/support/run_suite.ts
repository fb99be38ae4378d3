/** Runs one suite as a child process and counts what its runner reports. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseJunit } from "./junit.ts";
import { bunProgram, denoProgram } from "./programs.ts";
import type { Suite } from "./suites.ts";

/** Longer than any suite takes, short enough for all to end within the time that CI has. */
const SUITE_LIMIT_MS = 8 * 60_000;
/** What is printed of a runner that says nothing in its report. */
const TAIL_LINES = 120;

export interface Failure {
  readonly name: string;
  readonly text: string;
}

export interface SuiteResult {
  readonly suite: string;
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

/** What a suite needs from its surroundings. */
export interface SuiteContext {
  /** A folder for logs and reports; it exists. */
  readonly folder: string;
  /** Added to the environment of the child. */
  readonly environment: Readonly<Record<string, string>>;
}

interface Ended {
  readonly output: string;
  /** undefined: ended by a signal. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
}

/** Runs a suite to its end. Never throws for what the suite does: that becomes a failure. */
export async function runSuite(suite: Suite, context: SuiteContext): Promise<SuiteResult> {
  const startedMs = performance.now();
  const outcome = suite.kind === "check"
    ? await runCheck(suite.arguments, context)
    : await runTests(suite, context);
  const seconds = (performance.now() - startedMs) / 1000;
  return { suite: suite.name, seconds, ...outcome };
}

type Outcome = Pick<SuiteResult, "passed" | "skipped" | "failures">;

async function runCheck(args: readonly string[], context: SuiteContext): Promise<Outcome> {
  const ended = await runProgram(denoProgram(), args, context.environment);
  if (ended.code === 0) return { passed: 1, skipped: [], failures: [] };
  const failure = { name: `deno ${args.join(" ")}`, text: `${how(ended)}\n${ended.output}` };
  return { passed: 0, skipped: [], failures: [failure] };
}

async function runTests(
  suite: Extract<Suite, { kind: "tests" }>,
  context: SuiteContext,
): Promise<Outcome> {
  const report = join(context.folder, `${suite.name}.xml`);
  const uncaughtLog = join(context.folder, `${suite.name}.uncaught`);
  const log = join(context.folder, `${suite.name}.log`);
  for (const path of [report, uncaughtLog, log]) await rm(path, { force: true });
  const [program, args] = await testCommand(suite, report);
  const ended = await runProgram(program, args, {
    ...context.environment,
    TEST_TARGET: suite.target,
    UNCAUGHT_LOG: uncaughtLog,
  });
  await writeFile(log, ended.output);
  const outcome = outcomeOf(existsSync(report) ? await readFile(report, "utf8") : "", ended);
  if (existsSync(uncaughtLog)) {
    const lines = (await readFile(uncaughtLog, "utf8")).trim().split("\n");
    const uncaught = lines.map((line) => {
      const { what, text } = JSON.parse(line) as { what: string; text: string };
      return { name: what, text };
    });
    return { ...outcome, failures: [...outcome.failures, ...uncaught] };
  }
  return outcome;
}

async function testCommand(
  suite: Extract<Suite, { kind: "tests" }>,
  report: string,
): Promise<[program: string, args: string[]]> {
  if (suite.runtime === "bun") {
    // Bun's own limit of 5 s for a test is too short for a busy machine; the suite has one.
    const options = ["--timeout=300000", "--reporter=junit", `--reporter-outfile=${report}`];
    // Without a slash in front Bun takes a path for a pattern.
    return [await bunProgram(), ["test", ...options, ...suite.paths.map((path) => resolve(path))]];
  }
  const preload = "./tests/support/report_uncaught.ts";
  // Types are the business of the suite "check".
  const options = ["-A", "--no-check", `--preload=${preload}`, `--junit-path=${report}`];
  return [denoProgram(), ["test", ...options, ...suite.paths]];
}

/**
 * Counts by the report, and distrusts it: no test at all, or a runner that failed without a failed
 * test to show for it, is a failure, too.
 */
export function outcomeOf(report: string, ended: Ended): Outcome {
  const tests = parseJunit(report);
  const passed = tests.filter((test) => test.outcome === "passed").length;
  const skipped = tests.filter((test) => test.outcome === "skipped").map((test) => test.name);
  const failures: Failure[] = tests.filter((test) => test.outcome === "failed")
    .map((test) => ({ name: `${test.file}: ${test.name}`, text: test.text }));
  for (const text of errorsBetweenTests(ended.output)) {
    failures.push({ name: "an error outside of every test", text });
  }
  if (ended.timedOut) {
    failures.push({ name: "the suite ran out of time", text: tail(ended.output) });
  } else if (passed + failures.length === 0) {
    failures.push({ name: "no test ran", text: `${how(ended)}\n${tail(ended.output)}` });
  } else if (ended.code !== 0 && failures.length === 0) {
    failures.push({ name: "the runner failed", text: `${how(ended)}\n${tail(ended.output)}` });
  }
  return { passed, skipped, failures };
}

/** What Bun prints, but does not report, when a file cannot be loaded. */
function errorsBetweenTests(output: string): string[] {
  const blocks = output.matchAll(/^# Unhandled error between tests\n-+\n([^]*?)^-{10,}$/gm);
  return [...blocks].map(([, text = ""]) => text.trim());
}

function how(ended: Ended): string {
  if (ended.timedOut) return `ended after ${SUITE_LIMIT_MS / 1000} s`;
  return ended.code === undefined ? "ended by a signal" : `exit status ${ended.code}`;
}

function tail(text: string): string {
  return text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

const running = new Set<number>();

/** Ends the suites that are running, with everything that they started. */
export function killRunningSuites(): void {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Each child leads a process group, so that a runner that hangs goes together with its brokers. */
function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, NO_COLOR: "1", ...environment },
    });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    let output = "";
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      if (pid !== undefined) killGroup(pid);
    }, SUITE_LIMIT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => output += text);
    }
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      if (pid !== undefined) running.delete(pid);
      resolve({ output, code: code ?? undefined, timedOut });
    });
  });
}
