/**
 * Cost as the work grows: `deno run -A tests/bench/growth.ts`, or the same with `bun`. Takes about twenty minutes on an
 * idle machine, writes docs/growth.json and draws docs/growth.svg from it. With `--merge` what is not measured stays as it
 * was there, so that the work can be done in pieces.
 *
 * Exit status 1: some cost grew faster than linearly.
 */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "@std/cli";
import { PROJECT_ROOT } from "../support/project_files.ts";
import { GrowthCases, type GrowthTerms, KINDS } from "./growth_cases.ts";
import { drawGrowth } from "./growth_chart.ts";
import {
  findExcesses,
  findExponents,
  GROWTH_SUBJECTS,
  type GrowthData,
  type GrowthSubject,
  mergeGrowth,
} from "./growth_data.ts";
import { mosquittoVersion } from "./load/peer_broker.ts";
import type { FilterKind } from "./load/plan.ts";
import { chooseRuntimes, findRuntimes, generatorRuntime, machineLine } from "./load/programs.ts";

const USAGE = `growth.ts [options]
  --runtime bun,deno,mosquitto
                       what is measured (default: all that are installed; mosquitto only in fan-out)
  --only subscriptions,connections,payload,fanout
  --kinds exact,+,#    filters of the subscriptions
  --most N             no more items than this
  --at N,N             these numbers of items only
  --seconds 2          length of each measurement
  --merge              keep of growth.json what is not measured now
  --out docs           folder of growth.json and growth.svg`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "only", "kinds", "most", "at", "seconds", "out"],
  boolean: ["merge", "help"],
  default: { seconds: "2", out: "docs", most: "1000000000" },
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function chosen<T extends string>(
  option: string,
  words: string | undefined,
  allowed: readonly T[],
): readonly T[] {
  if (words === undefined) return allowed;
  return words.split(",").map((word) => {
    const found = allowed.find((one) => one === word);
    if (found === undefined) {
      throw new Error(`Cannot use --${option}: found "${word}", allowed: ${allowed.join(", ")}`);
    }
    return found;
  });
}

/** The commit that is checked out, with a mark where files differ from it; undefined where nobody can tell. */
function currentCommit(): string | undefined {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, { cwd: PROJECT_ROOT, encoding: "utf8", stdio: "pipe" }).trim();
    const isChanged = git("status", "--porcelain", "--", "src", "main.ts") !== "";
    return git("rev-parse", "--short=10", "HEAD") + (isChanged ? "+" : "");
  } catch {
    return undefined;
  }
}

async function subjectsOf(): Promise<
  { generator: GrowthTerms["generator"]; measured: [GrowthTerms["subject"], string][] }
> {
  const found = await findRuntimes();
  const names: string[] | undefined = options.runtime?.split(",");
  const own = names?.filter((name) => name !== "mosquitto").join(",");
  const measured: [GrowthTerms["subject"], string][] = own === ""
    ? []
    : chooseRuntimes(found, own).map((one) => [one, one.version]);
  const version = mosquittoVersion();
  if (version !== undefined && (names === undefined || names.includes("mosquitto"))) {
    measured.push(["mosquitto", version]);
  }
  return { generator: generatorRuntime(found), measured };
}

async function measure(): Promise<GrowthData> {
  const { generator, measured } = await subjectsOf();
  const subjects = chosen<GrowthSubject>("only", options.only, GROWTH_SUBJECTS);
  const kinds = chosen<FilterKind>("kinds", options.kinds, KINDS);
  const commit = currentCommit();
  const data: GrowthData = {
    machine: machineLine(),
    runtimes: Object.fromEntries(
      measured.map(([one, version]) => [one === "mosquitto" ? one : one.name, version]),
    ),
    remarks: [],
    series: [],
  };
  for (const [subject] of measured) {
    const terms = { subject, generator, kinds };
    const [most, seconds] = [Number(options.most), Number(options.seconds)];
    const at = options.at?.split(",").map(Number);
    const cases = new GrowthCases({ ...terms, most, at, seconds });
    for (const one of subjects) {
      // The others compare what we do with what we do with more.
      if (subject === "mosquitto" && one !== "fanout") continue;
      const isOurs = subject !== "mosquitto" && commit !== undefined;
      const series = await cases.measure(one);
      data.series.push(...series.map((each) => isOurs ? { ...each, commit } : each));
    }
    data.remarks.push(...cases.remarks);
  }
  return data;
}

async function readData(path: string): Promise<GrowthData | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as GrowthData;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const folder = join(PROJECT_ROOT, options.out);
  const path = join(folder, "growth.json");
  const before = options.merge ? await readData(path) : undefined;
  const measured = await measure();
  const data = before === undefined ? measured : mergeGrowth(before, measured);
  await mkdir(folder, { recursive: true });
  await writeFile(path, `${JSON.stringify(data, null, 2)}\n`);
  await writeFile(join(folder, "growth.svg"), drawGrowth(data));
  for (const { what, from, to, exponent } of measured.series.flatMap(findExponents)) {
    print(`${what}, ${from} to ${to}: exponent ${exponent.toFixed(2)}`);
  }
  const excesses = measured.series.flatMap(findExcesses);
  for (const { what, from, to, exponent } of excesses) {
    print(`WORSE THAN LINEAR: ${what}, ${from} to ${to}: exponent ${exponent.toFixed(2)}`);
  }
  if (excesses.length > 0) process.exitCode = 1;
}

await main();
