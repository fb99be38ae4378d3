import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertEquals } from "@std/assert";
import { COMMAND_TABLES } from "../../../src/app/command_line.ts";
import { completionScript } from "../../../src/app/completions.ts";
import { SHELLS } from "../../../src/app/completions_arguments.ts";
import { optionsOf } from "../../../src/app/options.ts";

const folder = mkdtempSync(join(tmpdir(), "broker-test-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "my file.toml"), "");
mkdirSync(join(folder, "my folder"));

function without(shell: string): { skip: boolean } {
  return { skip: spawnSync(shell, ["--version"]).error !== undefined };
}

/** Where the scripts are. */
const scripts = Object.fromEntries(SHELLS.map((shell) => {
  const file = join(folder, `completions.${shell}`);
  writeFileSync(file, completionScript(shell, COMMAND_TABLES));
  return [shell, file];
}));

function output(shell: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, args, { cwd: folder, encoding: "utf8" });
  assertEquals(stderr, "");
  return stdout.split("\n").filter((line) => line !== "");
}

/** What bash would offer for the last word of a line that has these words behind "broker". */
function fromBash(...words: readonly string[]): string[] {
  const script = 'source "$0"; COMP_WORDS=(broker "$@"); COMP_CWORD=$#; _broker; ' +
    'printf "%s\\n" "${COMPREPLY[@]}"';
  return output("bash", ["--norc", "-c", script, scripts["bash"]!, ...words]);
}

function fromFish(line: string): string[] {
  const script = `source ${scripts["fish"]}; complete -C${JSON.stringify(line)}`;
  return output("fish", ["--no-config", "-c", script]).map((each) => each.split("\t")[0] ?? "");
}

const NAMES = COMMAND_TABLES.map(({ name }) => name);
const LEVELS = ["error", "warn", "info", "debug", "trace"];

const BASH: readonly [words: string[], offered: string[]][] = [
  [[""], NAMES],
  [["ch"], ["check"]],
  [["--config", "run", "ch"], ["check"]],
  [["--eph"], ["--ephemeral"]],
  [["check", "--conf"], ["--config"]],
  [["run", "--log-level", ""], LEVELS],
  [["run", "--log-level", "=", "w"], ["warn"]],
  [["run", "--log-level", "="], LEVELS],
  [["run", "-c", "my"], ["my file.toml", "my folder"]],
  [["run", "--set", "x"], []],
  [["run", "--set", "mqtt.max_q"], [
    "mqtt.max_qos=",
    "mqtt.max_queued_bytes=",
    "mqtt.max_queued_messages=",
  ]],
  [["run", "--set", "listener.0.bi"], ["listener.0.bind="]],
  [["acl", "--set", "mqtt.max_qos", "=", "1", "ex"], ["explain"]],
  [["acl", ""], ["explain"]],
  [["acl", "explain", "--user", "u", "rec"], ["receive"]],
  [["acl", "explain", "publish", ""], []],
  [["passwd", "r"], ["remove"]],
  [["completions", ""], [...SHELLS]],
  [["exec", "--auth", ""], ["--"]],
  [["exec", "--", "sh", "my"], ["my file.toml", "my folder"]],
];

for (const [words, offered] of BASH) {
  test(`bash completes "broker ${words.join(" ")}"`, without("bash"), () => {
    assertEquals(fromBash(...words).sort(), [...offered].sort());
  });
}

test("bash offers commands behind the dashes of exec", without("bash"), () => {
  assertEquals(fromBash("exec", "--", "mkdi").includes("mkdir"), true);
});

test("bash offers every option of every command", without("bash"), () => {
  for (const table of COMMAND_TABLES) {
    const names = optionsOf(table).map(({ name }) => `--${name}`);
    assertEquals(fromBash(table.name, "--").sort(), names.sort(), table.name);
  }
});

const FISH: readonly [line: string, offered: string[]][] = [
  ["broker ch", ["check"]],
  ["broker --eph", ["--ephemeral"]],
  ["broker run --log-level ", LEVELS],
  ["broker exec --rec", ["--record", "--record-sys"]],
  ["broker completions ", [...SHELLS]],
  ["broker run --set mqtt.max_qo", ["mqtt.max_qos="]],
  ["broker check -c my", ["my file.toml", "my folder/"]],
];

for (const [line, offered] of FISH) {
  test(`fish completes "${line}"`, without("fish"), () => {
    assertEquals(fromFish(line).sort(), [...offered].sort());
  });
}

for (const shell of SHELLS) {
  test(`${shell} can read its completions`, without(shell), () => {
    assertEquals(output(shell, ["-n", scripts[shell]!]), []);
  });
}
