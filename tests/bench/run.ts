/**
 * `deno task bench`: the small benches (every `*_bench.ts` beside this file) and then whole messages
 * (`end_to_end.ts`), on each runtime that is installed. Words choose: `deno task bench routing bun`,
 * `deno task bench end-to-end`. Options go to what is run: `--json`, `--only TEXT`, `--rounds N`.
 *
 * `--base REV` measures the sources of another commit, too: with the benches of this one, in turn with
 * ours, and prints the ratios. Above 1 ours is slower.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "@std/cli";
import { PROJECT_ROOT } from "../support/project_files.ts";
import {
  BROKER_CORE,
  canPin,
  findRuntimes,
  RunningProgram,
  type RuntimeProgram,
} from "./load/programs.ts";
import { formatTable } from "./load/table.ts";
import type { BenchCase, BenchReport } from "./timing.ts";

const FOLDER = "tests/bench";
const END_TO_END = "end-to-end";
/** Turns of ours and theirs in a comparison; the median counts. */
const TURNS = 3;

interface Job {
  readonly name: string;
  readonly runtime: RuntimeProgram;
}

const { _: words, base, ...passed } = parseArgs(process.argv.slice(2), {
  string: ["base", "only", "rounds", "round-ms", "seconds"],
  boolean: ["json"],
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Every bench on every runtime; with words those of which each word is a part. */
function choose(runtimes: readonly RuntimeProgram[]): Job[] {
  const files = readdirSync(join(PROJECT_ROOT, FOLDER)).filter((name) => /_bench\.ts$/.test(name));
  const names = [...files.sort().map((name) => name.slice(0, -"_bench.ts".length)), END_TO_END];
  const all = runtimes.flatMap((runtime) => names.map((name) => ({ name, runtime })));
  return all.filter(({ name, runtime }) =>
    words.every((word: string | number) => {
      if (word === "micro") return name !== END_TO_END;
      return runtime.name === word || name.includes(String(word));
    })
  );
}

function optionsOf(names: readonly string[]): string[] {
  return Object.entries(passed).filter(([name, value]) => names.includes(name) && value)
    .map(([name, value]) => value === true ? `--${name}` : `--${name}=${value}`);
}

function scriptOf({ name, runtime }: Job): string[] {
  if (name !== END_TO_END) {
    return [`${FOLDER}/${name}_bench.ts`, ...optionsOf(["json", "only", "rounds", "round-ms"])];
  }
  const options = optionsOf(["json", "only", "rounds", "seconds"]);
  return [`${FOLDER}/end_to_end.ts`, "--runtime", runtime.name, ...options];
}

/** Where a bench runs: end-to-end places its programs itself. */
function placeOf({ name }: Job): { core?: number } {
  return name !== END_TO_END && canPin() ? { core: BROKER_CORE } : {};
}

/** Runs one bench and shows what it prints. False: it failed. */
async function run(job: Job): Promise<boolean> {
  const program = RunningProgram.start(job.runtime, scriptOf(job), placeOf(job));
  for (let line = await program.nextLine(); line !== undefined; line = await program.nextLine()) {
    print(line);
  }
  const code = await program.exited;
  if (code !== 0) print(`${job.name} on ${job.runtime.name} failed: ${program.errors}`);
  return code === 0;
}

// --- comparison with another commit --------------------------------------------------------------

/** The cases of one run, or why there are none. */
async function casesOf(job: Job, root: string): Promise<readonly BenchCase[] | string> {
  const script = [...scriptOf(job).filter((word) => word !== "--json"), "--json"];
  const program = RunningProgram.start(job.runtime, script, placeOf(job), root);
  let last = "";
  for (let line = await program.nextLine(); line !== undefined; line = await program.nextLine()) {
    last = line;
  }
  if (await program.exited !== 0) return program.errors.split("\n", 3).join(" ");
  return job.name === END_TO_END ? fromEndToEnd(last) : (JSON.parse(last) as BenchReport).cases;
}

/** Of whole messages what counts is the broker's CPU time for each. */
function fromEndToEnd(line: string): BenchCase[] {
  const report = JSON.parse(line) as Record<
    string,
    { case: string; brokerUsPerDelivery?: number }[]
  >;
  return Object.values(report).flat().map((row) => ({
    name: `CPU of ${row.case}`,
    value: (row.brokerUsPerDelivery ?? NaN) * 1000,
    unit: "ns",
    spread: 0,
  }));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Ours and theirs in turn, so that a machine that changes its speed does so to both. */
async function compare(job: Job, baseRoot: string): Promise<boolean> {
  const ours = new Map<string, number[]>();
  const theirs = new Map<string, number[]>();
  for (let turn = 0; turn < TURNS; turn++) {
    const sides = [[ours, PROJECT_ROOT], [theirs, baseRoot]] as const;
    for (const [values, root] of turn % 2 === 0 ? sides : [...sides].reverse()) {
      const cases = await casesOf(job, root);
      if (typeof cases === "string") {
        print(`${job.name} on ${job.runtime.name}: no figures from ${root}: ${cases}`);
        return root !== PROJECT_ROOT;
      }
      for (const { name, value } of cases) values.set(name, [...values.get(name) ?? [], value]);
    }
  }
  const rows = [...ours].map(([name, values]) => {
    const [mine, other] = [median(values), median(theirs.get(name) ?? [])];
    return [name, mine.toFixed(1), other.toFixed(1), (mine / other).toFixed(2), ""];
  });
  print(`${job.name} on ${job.runtime.name}`);
  print(formatTable(["case", "ours", String(base), "ratio", ""], rows));
  return true;
}

/** A checkout of `revision` with our benches in it. */
function checkOut(revision: string, folder: string): void {
  const git = (...args: string[]): void => {
    execFileSync("git", args, { cwd: PROJECT_ROOT, stdio: ["ignore", "ignore", "inherit"] });
  };
  git("worktree", "add", "--detach", folder, revision);
  rmSync(join(folder, FOLDER), { recursive: true, force: true });
  cpSync(join(PROJECT_ROOT, FOLDER), join(folder, FOLDER), { recursive: true });
  for (const name of ["programs.ts", "project_files.ts", "bun_version.ts"]) {
    cpSync(join(PROJECT_ROOT, "tests/support", name), join(folder, "tests/support", name));
  }
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
}

async function compareAll(jobs: readonly Job[], revision: string): Promise<boolean> {
  const folder = join(mkdtempSync(join(tmpdir(), "broker-bench-")), "base");
  try {
    checkOut(revision, folder);
    let isGood = true;
    for (const job of jobs) isGood = await compare(job, folder) && isGood;
    return isGood;
  } finally {
    rmSync(join(folder, "node_modules"), { force: true });
    rmSync(join(folder, ".."), { recursive: true, force: true });
    execFileSync("git", ["worktree", "prune"], { cwd: PROJECT_ROOT });
  }
}

const jobs = choose(await findRuntimes());
let isGood = jobs.length > 0;
if (!isGood) print("no bench has such a name");
if (base !== undefined) isGood = await compareAll(jobs, base) && isGood;
else for (const job of jobs) isGood = await run(job) && isGood;
process.exit(isGood ? 0 : 1);
