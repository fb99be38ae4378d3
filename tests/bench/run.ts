/**
 * `deno task bench`: runs every `*_bench.ts` beside this file, one after the other, on Deno and then
 * on Bun. Words behind it choose: `deno task bench routing bun`.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bunProgram, denoProgram } from "../support/programs.ts";
import { PROJECT_ROOT } from "../support/project_files.ts";

const FOLDER = "tests/bench";

interface Bench {
  readonly name: string;
  readonly runtime: "deno" | "bun";
}

/** Every bench on every runtime; with words those of which each word is a part. */
function choose(words: readonly string[]): Bench[] {
  const files = readdirSync(join(PROJECT_ROOT, FOLDER)).filter((name) => /_bench\.ts$/.test(name));
  const all = files.sort().flatMap((name) => [
    { name, runtime: "deno" } as const,
    { name, runtime: "bun" } as const,
  ]);
  return all.filter(({ name, runtime }) =>
    words.every((word) => runtime === word || name.includes(word))
  );
}

/** The exit status of one bench, whose output goes where ours goes. */
async function run({ name, runtime }: Bench): Promise<number> {
  const path = `${FOLDER}/${name}`;
  const [program, args] = runtime === "bun"
    ? [await bunProgram(), [path]]
    : [denoProgram(), ["run", "-A", "--no-check", path]];
  process.stdout.write(`\n${name} on ${runtime}\n`);
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: PROJECT_ROOT, stdio: ["ignore", 1, 2] });
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

const benches = choose(process.argv.slice(2));
if (benches.length === 0) process.stdout.write("no bench has such a name\n");
let failed = benches.length === 0;
for (const bench of benches) failed = await run(bench) !== 0 || failed;
process.exit(failed ? 1 : 0);
