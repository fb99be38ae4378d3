import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Command,
  COMMAND_TABLES,
  helpText,
  parseCommandLine,
  UsageError,
} from "../../../src/app/command_line.ts";
import type { ExecArguments } from "../../../src/app/exec_arguments.ts";
import type { RunArguments } from "../../../src/app/run_arguments.ts";

const PLAIN: RunArguments = {
  configFile: undefined,
  sets: [],
  logLevel: undefined,
  logFormat: undefined,
  isEphemeral: false,
  readyFile: undefined,
};
const { readyFile: _, ...PLAIN_CHECK } = PLAIN;

function run(some: Partial<RunArguments>): Command {
  return { name: "run", arguments: { ...PLAIN, ...some } };
}

function exec(some: Partial<ExecArguments>): Command {
  return {
    name: "exec",
    arguments: {
      ...PLAIN,
      isEphemeral: true,
      command: "true",
      commandArguments: [],
      hasCredentials: false,
      recordFile: undefined,
      recordsSys: false,
      ...some,
    },
  };
}

const COMMANDS: readonly [args: string[], command: Command][] = [
  [[], run({})],
  [["run"], run({})],
  [["-c", "b.toml"], run({ configFile: "b.toml" })],
  [["--config", "b.toml"], run({ configFile: "b.toml" })],
  [["--config=b.toml"], run({ configFile: "b.toml" })],
  [["run", "-c", "a.toml", "-c", "b.toml"], run({ configFile: "b.toml" })],
  [["-c", "b.toml", "run"], run({ configFile: "b.toml" })],
  [["--ephemeral", "run"], run({ isEphemeral: true })],
  [["--set", "a.b=1", "--set=c.d=x=y"], run({ sets: ["a.b=1", "c.d=x=y"] })],
  [["--set", "a.b"], run({ sets: ["a.b"] })],
  [["--set", "listener.0.bind=[::1]:0"], run({ sets: ["listener.0.bind=[::1]:0"] })],
  [["--ready-file", "r.json"], run({ readyFile: "r.json" })],
  [["--log-level", "debug", "--log-format", "json"], run({ logLevel: "debug", logFormat: "json" })],
  [["--config", "1"], run({ configFile: "1" })],
  [["check"], { name: "check", arguments: PLAIN_CHECK }],
  [["check", "-c", "b.toml", "--set", "a=1"], {
    name: "check",
    arguments: { ...PLAIN_CHECK, configFile: "b.toml", sets: ["a=1"] },
  }],
  [["backup", "f.db"], {
    name: "backup",
    arguments: { ...PLAIN_CHECK, file: "f.db" },
  }],
  [["-c", "b.toml", "backup", "--set", "a=1", "f.db"], {
    name: "backup",
    arguments: { ...PLAIN_CHECK, configFile: "b.toml", sets: ["a=1"], file: "f.db" },
  }],
  [["acl", "explain", "publish", "a/b"], {
    name: "acl",
    arguments: {
      ...PLAIN_CHECK,
      action: "publish",
      topic: "a/b",
      username: undefined,
      clientId: "",
      address: "127.0.0.1",
    },
  }],
  [
    "acl explain -c b.toml --user u --client c --address 192.0.2.1 subscribe $share/g/#".split(" "),
    {
      name: "acl",
      arguments: {
        ...PLAIN_CHECK,
        configFile: "b.toml",
        action: "subscribe",
        topic: "$share/g/#",
        username: "u",
        clientId: "c",
        address: "192.0.2.1",
      },
    },
  ],
  [
    ["exec", "--", "npm", "test", "-c", "--", "x"],
    exec({
      command: "npm",
      commandArguments: ["test", "-c", "--", "x"],
    }),
  ],
  [
    "exec --auth --record r.jsonl --record-sys -c b.toml --ready-file r.json -- true".split(" "),
    exec({
      configFile: "b.toml",
      readyFile: "r.json",
      hasCredentials: true,
      recordFile: "r.jsonl",
      recordsSys: true,
    }),
  ],
  [["--version"], { name: "version" }],
  [["run", "--version"], { name: "version" }],
  [["version"], { name: "version" }],
  [["help"], { name: "help", about: undefined }],
  [["help", "exec"], { name: "help", about: "exec" }],
  [["--help"], { name: "help", about: undefined }],
  [["-h"], { name: "help", about: undefined }],
  [["run", "--help"], { name: "help", about: "run" }],
  [["check", "--help"], { name: "help", about: "check" }],
  [["backup", "--help"], { name: "help", about: "backup" }],
  [["acl", "--help"], { name: "help", about: "acl" }],
  [["--help", "check"], { name: "help", about: "check" }],
  [["passwd", "--help"], { name: "help", about: "passwd" }],
  [["--help", "passwd"], { name: "help", about: "passwd" }],
];

for (const [args, command] of COMMANDS) {
  test(`parseCommandLine() of "${args.join(" ")}"`, () => {
    assertEquals(parseCommandLine(args), command);
  });
}

const NAMES = COMMAND_TABLES.map(({ name }) => name).join(", ");
const PROBLEMS: readonly [args: string[], problems: string[]][] = [
  [["rum"], [
    `unknown command "rum"; did you mean "run"? allowed: ${NAMES}`,
  ]],
  [["serve"], [`unknown command "serve"; allowed: ${NAMES}`]],
  [["bench"], ["bench needs one of pair, fanout, fanin, conn"]],
  [["--confg", "x"], ['unknown option "--confg"; did you mean "--config"?']],
  [["--sett=1"], ['unknown option "--sett"; did you mean "--set"?']],
  [["-x"], ['unknown option "-x"']],
  [["--no-ephemeral"], ['unknown option "--no-ephemeral"; did you mean "--ephemeral"?']],
  [["run", "twice"], ['unexpected argument "twice"']],
  [["run", "7"], ['unexpected argument "7"']],
  [["--config"], ["option --config needs a value"]],
  [["--config", "--ephemeral"], ["option --config needs a value"]],
  [["-c"], ["option --config needs a value"]],
  [["--set"], ["option --set needs a value"]],
  [["--ready-file", "--set", "a=1"], ["option --ready-file needs a value"]],
  [["check", "--ready-file", "r"], ['option --ready-file is not for "check"']],
  [["--set", "a=1", "passwd"], ['option --set is not for "passwd hash"']],
  [["passwd", "add"], ["add needs a NAME"]],
  [["backup"], ["backup needs a FILE to write"]],
  [["backup", ""], ["backup needs a FILE to write"]],
  [["backup", "a", "b"], ['unexpected argument "b"']],
  [["backup", "f", "--ephemeral"], ['option --ephemeral is not for "backup"']],
  [["backup", "f", "--ready-file", "r"], ['option --ready-file is not for "backup"']],
  [["backup", "f", "--log-level", "info"], ['option --log-level is not for "backup"']],
  ...[["acl"], ["acl", "explain"], ["acl", "explain", "publish"], ["acl", "explain", "write", "a"]]
    .map((args): [string[], string[]] => [
      args,
      ['acl needs "explain", an action (publish, subscribe, receive) and a TOPIC'],
    ]),
  [["acl", "explain", "publish", "a", "b"], ['unexpected argument "b"']],
  [["acl", "explain", "publish", "a", "--user="], ["option --user needs a value"]],
  [["acl", "explain", "publish", "a", "--ephemeral"], ['option --ephemeral is not for "acl"']],
  ...[["exec"], ["exec", "--"], ["exec", "--", ""]].map((args): [string[], string[]] => [
    args,
    ['exec needs a command to run behind "--"'],
  ]),
  [["exec", "npm", "test"], ['unexpected argument "npm"; a command stands behind "--"']],
  [["exec", "npm", "--", "true"], ['unexpected argument "npm"; a command stands behind "--"']],
  [["exec", "--record", "-", "--", "true"], [
    "option --record needs a file: standard output is the command's",
  ]],
  [["exec", "--record-sys", "--", "true"], ["option --record-sys is for --record"]],
  [["exec", "--ephemeral", "--", "true"], ['option --ephemeral is not for "exec"']],
  [["run", "--client", "c"], ['option --client is not for "run"']],
  [["check", "--user", "u"], ['option --user is not for "check"']],
  [["chek", "--zzz", "--config"], [
    'unknown option "--zzz"',
    "option --config needs a value",
    `unknown command "chek"; did you mean "check"? allowed: ${NAMES}`,
  ]],
];

for (const [args, problems] of PROBLEMS) {
  test(`parseCommandLine() refuses "${args.join(" ")}"`, () => {
    assertEquals(assertThrows(() => parseCommandLine(args), UsageError).problems, problems);
  });
}

test("helpText() names every option, on lines that fit a terminal", () => {
  for (const about of [undefined, "run", "exec", "check", "backup", "acl", "passwd"] as const) {
    const text = helpText(about);
    assert(text.endsWith("\n"));
    for (const line of text.split("\n")) assert(line.length <= 100, line);
    for (const option of ["--config", "--set"]) assert(text.includes(option), `${about} ${option}`);
    for (const option of ["--ephemeral", "--log-level", "--log-format"]) {
      const isThere = about !== "backup" && about !== "acl" && about !== "passwd";
      assertEquals(text.includes(option), isThere, `${about} ${option}`);
    }
    assertEquals(text.includes("--ready-file"), [undefined, "run", "exec"].includes(about));
  }
});
