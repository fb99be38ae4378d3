import { chmod, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { passwd } from "../../../src/app/passwd.ts";
import { parseCommandLine, UsageError } from "../../../src/app/command_line.ts";
import type { PasswdArguments } from "../../../src/app/passwd_arguments.ts";
import { type PasswordInput, TypedLine } from "../../../src/app/terminal.ts";
import { matchesPassword, parsePasswordHash, parseScramVerifier } from "../../../src/auth/mod.ts";
import { openRecords } from "../../../src/storage/mod.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { FakeRuntime } from "./fake_runtime.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Somebody at a terminal who types these lines, or standard input with a line. */
function input(typed: readonly (string | undefined)[], line = ""): PasswordInput & {
  readonly prompts: string[];
} {
  const lines = [...typed];
  const prompts: string[] = [];
  return {
    isTerminal: typed.length > 0,
    prompts,
    ask: (prompt) => {
      prompts.push(prompt);
      return Promise.resolve(lines.shift());
    },
    readLine: () => Promise.resolve(line),
  };
}

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function parse(args: readonly string[]): PasswdArguments {
  const command = parseCommandLine(["passwd", ...args]);
  if (command.name !== "passwd") throw new Error(`"${command.name}" is another command`);
  return command.arguments;
}

async function run(args: readonly string[], source: PasswordInput = input([])): Promise<Outcome> {
  const parsed = parse(args);
  const runtime = new FakeRuntime();
  const status = await passwd(runtime, parsed, source);
  return { status, out: runtime.stdout, err: runtime.stderr };
}

const CHEAP = ["--cost", "10"];

test("a hash is printed for the password that was typed twice", async () => {
  const source = input(["größe", "größe"]);
  const { status, out, err } = await run(CHEAP, source);
  assertEquals([status, err, source.prompts], [0, "", ["Password: ", "Once more: "]]);
  assert(await matchesPassword(parsePasswordHash(out.trim()), utf8("größe")));
});

test("a hash is printed for the password of standard input or of the command line", async () => {
  for (
    const [args, source] of [[["--stdin"], input([], "x y")], [["-b", "x y"], input([])]] as const
  ) {
    const { out } = await run([...CHEAP, ...args], source);
    assert(await matchesPassword(parsePasswordHash(out.trim()), utf8("x y")));
  }
  const { out } = await run(["hash", "--scram", "-b", "x"]);
  assertEquals(parseScramVerifier(out.trim()).iterations, 10_000);
  const mosquitto = await run(["--mosquitto", "-b", "x"]);
  assert(/^\$7\$50000\$[\w+/]{16}\$[\w+/]{86}==\n$/.test(mosquitto.out), mosquitto.out);
});

test("a password that nobody gave, or that cannot be, is an error", async () => {
  const cases: readonly [PasswordInput, readonly string[], string][] = [
    [input([]), [], "there is no terminal; --stdin reads it"],
    [input(["a", "b"]), [], "it was typed in two ways"],
    [input([undefined]), [], "given up"],
    [input(["a", undefined]), [], "given up"],
    [input(["", ""]), [], "it has 0 bytes"],
    [input([], ""), ["--stdin"], "it has 0 bytes"],
    [input([], "ö".repeat(33_000)), ["--stdin"], "it has 66000 bytes"],
  ];
  for (const [source, args, why] of cases) {
    const { status, out, err } = await run(args, source);
    assertEquals([status, out], [1, ""]);
    assertStringIncludes(err, why);
  }
});

test("accounts are added, changed, listed and removed in the data directory", async () => {
  await withFolder(async (folder) => {
    const set = ["--set", `node.data_dir=${folder}/data`];
    const database = JSON.stringify(join(folder, "data", "broker.db"));
    const added = await run(["add", "zoe", "-b", "1", "--superuser", "--scram", ...CHEAP, ...set]);
    assertEquals(added, { status: 0, out: `Added user "zoe" to ${database}\n`, err: "" });
    await run(["add", "adam", "-b", "2", ...CHEAP, ...set]);
    await run(["add", "device 7", "--client-id", "-b", "3", ...CHEAP, ...set]);
    assertEquals((await run(["list", ...set])).out, "zoe\nadam\n");
    assertEquals((await run(["list", "--client-id", ...set])).out, "device 7\n");
    assertEquals(Object.keys(await kept(folder, "scram")), ["zoe"]);
    const changed = await run(["add", "zoe", "-b", "4", ...CHEAP, ...set]);
    assertEquals(changed.out, `Changed the password of user "zoe" in ${database}\n`);
    const { zoe } = await kept(folder, "user") as Record<
      string,
      { hash: string; isSuperuser: boolean }
    >;
    assert(await matchesPassword(parsePasswordHash(zoe!.hash), utf8("4")));
    assertEquals(zoe!.isSuperuser, true);
    // Made of the old password, it would let in whoever knows that one.
    assertEquals(await kept(folder, "scram"), {});
    await run(["add", "adam", "-b", "2", "--scram", ...CHEAP, ...set]);
    const removed = await run(["remove", "adam", ...set]);
    assertEquals(removed.out, `Removed user "adam" from ${database}\n`);
    assertEquals(await kept(folder, "scram"), {});
    const again = await run(["remove", "adam", ...set]);
    assertEquals(again.status, 1);
    assertEquals(again.err, `broker: Cannot remove user "adam": there is none in ${database}\n`);
    assertEquals((await run(["list", ...set])).out, "zoe\n");
  });
});

// deno-lint-ignore require-await -- what throws rejects
async function kept(folder: string, kind: string): Promise<Record<string, unknown>> {
  const opened = openRecords(join(folder, "data"), 0);
  try {
    return Object.fromEntries(opened.records.list(kind));
  } finally {
    opened.close();
  }
}

test("nothing is changed where name, password or configuration cannot be used", async () => {
  await withFolder(async (folder) => {
    const set = ["--set", `node.data_dir=${folder}/data`];
    for (const name of ["a\u0007b", "n".repeat(65_536)]) {
      assertEquals((await run(["add", name, "-b", "x", ...set])).status, 1);
    }
    const scram = await run(["add", "zoe", "-b", "\u0007", "--scram", ...set]);
    assertStringIncludes(scram.err, "Cannot use password for SCRAM");
    assertEquals(scram.status, 1);
    assertEquals((await run(["list", ...set])).out, "");
    const wrong = await run(["add", "zoe", "-b", "x", "--set", "node.dta_dir=x"]);
    assertEquals(wrong.status, 2);
    assertStringIncludes(wrong.err, "node.dta_dir");
  });
});

test("what will not count is said", async () => {
  await withFolder(async (folder) => {
    const args = ["add", "zoe", "-b", "x", ...CHEAP, "--set", `node.data_dir=${folder}/data`];
    const off = await run([
      ...args,
      "--set",
      "auth.accounts=false",
      "--set",
      "persistence.enabled=false",
    ]);
    assertEquals(
      off.err,
      "It does not count yet: auth.accounts is false\n" +
        "It does not count yet: persistence.enabled is false\n",
    );
  });
});

test("a password file is changed in one step, with its other lines and permissions as they were", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "pw");
    const fresh = await run(["add", "zoe", "-b", "1", ...CHEAP, "--file", file]);
    assertEquals([fresh.status, fresh.out], [0, `Added user "zoe" to ${JSON.stringify(file)}\n`]);
    assertEquals((await stat(file)).mode & 0o777, 0o600);
    const line = (await readFile(file, "utf8")).trim();
    await writeFile(file, `# staff\n${line}\n`);
    await chmod(file, 0o640);
    const link = join(folder, "link");
    await symlink(file, link);
    await run(["add", "adam", "-b", "2", "--mosquitto", "--file", link]);
    const text = await readFile(file, "utf8");
    assert(text.startsWith(`# staff\n${line}\nadam:$7$50000$`), text);
    assertEquals((await stat(file)).mode & 0o777, 0o640);
    assertEquals((await run(["list", "--file", file])).out, "zoe\nadam\n");
    await run(["remove", "zoe", "--file", file]);
    assert((await readFile(file, "utf8")).startsWith("# staff\nadam:"));
    assertEquals((await run(["remove", "zoe", "--file", file])).status, 1);
  });
});

test("a password file that is not in order, or not there, stays as it is", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "pw");
    const missing = await run(["remove", "zoe", "--file", file]);
    assertStringIncludes(missing.err, "there is no such file");
    await writeFile(file, "alice:hunter2\n");
    for (const args of [["add", "zoe", "-b", "x"], ["remove", "alice"], ["list"]]) {
      const { status, err, out } = await run([...args, "--file", file]);
      assertEquals([status, out], [1, ""]);
      assertStringIncludes(err, `${file}:1: user "alice"`);
      assert(!err.includes("hunter2"));
    }
    await writeFile(file, "");
    for (const name of ["a:b", " a", "#a", "a\nb"]) {
      assertEquals((await run(["add", name, "-b", "x", "--file", file])).status, 1, name);
    }
    assertEquals(await readFile(file, "utf8"), "");
  });
});

const BAD_ARGUMENTS: readonly [args: string[], problem: string][] = [
  [["ad", "x"], 'unknown action "ad"; did you mean "add"? allowed: hash, add, remove, list'],
  [["add"], "add needs a NAME"],
  [["remove", ""], "remove needs a NAME"],
  [["add", "a", "b"], 'unexpected argument "b"'],
  [["hash", "a"], 'unexpected argument "a"'],
  [["--stdn"], 'unknown option "--stdn"; did you mean "--stdin"?'],
  [["list", "-b", "x"], 'option --batch is not for "passwd list"'],
  [["hash", "--superuser"], 'option --superuser is not for "passwd hash"'],
  [["add", "a", "--file", "f", "--scram"], "option --scram is not for a password file"],
  [["add", "a", "--file"], "option --file needs a value"],
  [["-b", "x", "--stdin"], "options --batch and --stdin are for the same password"],
  [["add", "a", "--mosquitto"], "option --mosquitto is for a password file, with --file"],
  [["--mosquitto", "--cost", "12"], "options --mosquitto and --cost are two ways"],
  [["--cost", "9"], 'option --cost is "9", allowed are 10 to 20'],
  [["--cost", "x"], 'option --cost is "x", allowed are 10 to 20'],
  [["--iterations", "1"], 'option --iterations is "1", allowed are 4096 to 1000000'],
  [
    ["add", "a", "--client-id", "--scram"],
    "options --client-id and --scram do not go together: SCRAM is by user name",
  ],
];

for (const [args, problem] of BAD_ARGUMENTS) {
  test(`passwd ${args.join(" ")} is refused`, () => {
    assertEquals(assertThrows(() => parse(args), UsageError).problems, [problem]);
  });
}

test("numbers are names, and the last of an option counts", () => {
  const parsed = parse(["add", "007", "-b", "1", "-b", "2"]);
  assertEquals([parsed.name, parsed.password], ["007", "2"]);
});

test("TypedLine takes what a keyboard sends", () => {
  const cases: readonly [keys: string[], end: string | undefined, text: string][] = [
    [["secret\r"], "ended", "secret"],
    [["s", "e", "\n"], "ended", "se"],
    [["sx\u007fe\b", "cr\r"], "ended", "scr"],
    [["\u007f\u007fa😀\u007f\r"], "ended", "a"],
    [["ab\u0003c"], "given up", "ab"],
    [["\u0004"], "given up", ""],
    [["a\u001bb\tc"], undefined, "abc"],
    [["größe"], undefined, "größe"],
  ];
  for (const [keys, end, text] of cases) {
    const line = new TypedLine();
    assertEquals(keys.map((each) => line.type(each)).at(-1), end);
    assertEquals(line.text, text);
  }
});
