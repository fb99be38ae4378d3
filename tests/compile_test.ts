import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bunPackage } from "./support/programs.ts";
import { PROJECT_ROOT, readProjectFile } from "./support/project_files.ts";

/** What compile.sh makes of arguments that end it before it compiles. */
function compile(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync("./compile.sh", args, {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("compile.sh --help names every target and every variable", () => {
  const { status, stdout } = compile("--help");
  assertEquals(status, 0);
  const script = readProjectFile("compile.sh");
  const targets = /^bun_targets="\$deno_targets (.*)"$/m.exec(script)?.[1]?.split(" ") ?? [];
  const common = /^deno_targets="(.*)"$/m.exec(script)?.[1]?.split(" ") ?? [];
  assertEquals([common.length, targets.length], [6, 2]);
  for (const word of [...common, ...targets, "DENO", "DENORT_BIN", "BUN", "COMMIT", "--all"]) {
    assertStringIncludes(stdout, word);
  }
  assert(!stdout.includes("set -euo"), stdout);
});

/** Arguments, and a part of what is said of them. */
const REFUSED: ReadonlyArray<[args: string[], said: string]> = [
  [["--target", "amiga-68k"], 'is "amiga-68k"; with deno it is one of: linux-x64'],
  [["--target", "linux-x64-musl"], 'is "linux-x64-musl"; with deno'],
  [["--runtime", "node"], 'is "node", not deno or bun'],
  [["--target"], "--target needs a value"],
  [["--all", "--output", "x"], "--all names targets and files itself"],
  [["--fast"], 'cannot read "--fast"'],
];

for (const [args, said] of REFUSED) {
  test(`compile.sh refuses ${args.join(" ")}`, () => {
    const { status, stderr } = compile(...args);
    assertEquals(status, 1);
    assertStringIncludes(stderr, said);
  });
}

test("the targets of compile.sh have a Bun each", () => {
  assertEquals(
    bunPackage({ platform: "linux", arch: "arm64", isMusl: true }),
    "@oven/bun-linux-aarch64-musl",
  );
  assertEquals(
    bunPackage({ platform: "win32", arch: "arm64", isMusl: false }),
    "@oven/bun-windows-aarch64",
  );
});
