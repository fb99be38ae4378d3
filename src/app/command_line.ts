import { parseArgs } from "@std/cli";
import { LOG_FORMATS, LOG_LEVELS } from "../base/mod.ts";
import { nearest } from "../config/mod.ts";
import { parsePasswdArguments, PASSWD_HELP, type PasswdArguments } from "./passwd_arguments.ts";

/** What of the command line decides the configuration. */
export interface ConfigArguments {
  /** Undefined: the default that is part of the program. */
  readonly configFile: string | undefined;
  /** Each as `KEY=VALUE`. */
  readonly sets: readonly string[];
  readonly logLevel: string | undefined;
  readonly logFormat: string | undefined;
  readonly isEphemeral: boolean;
}

export interface RunArguments extends ConfigArguments {
  readonly readyFile: string | undefined;
}

export interface BackupArguments extends ConfigArguments {
  /** Where the copy goes. */
  readonly file: string;
}

export interface ExplainArguments extends ConfigArguments {
  readonly action: ExplainedAction;
  readonly topic: string;
  /** Undefined: a client without a user name. */
  readonly username: string | undefined;
  readonly clientId: string;
  readonly address: string;
}

export const EXPLAINED_ACTIONS = ["publish", "subscribe", "receive"] as const;
export type ExplainedAction = (typeof EXPLAINED_ACTIONS)[number];

export type CommandName = "run" | "check" | "backup" | "acl" | "passwd";

/** What the command line asks for. */
export type Command =
  | { readonly name: "run"; readonly arguments: RunArguments }
  | { readonly name: "check"; readonly arguments: ConfigArguments }
  | { readonly name: "backup"; readonly arguments: BackupArguments }
  | { readonly name: "acl"; readonly arguments: ExplainArguments }
  | { readonly name: "passwd"; readonly arguments: PasswdArguments }
  | { readonly name: "help"; readonly about: CommandName | undefined }
  | { readonly name: "version" };

/** The command line makes no sense, for one or more reasons. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(readonly problems: readonly string[]) {
    super(`Cannot understand the command line: ${problems.join("; ")}`);
  }
}

const COMMANDS: readonly CommandName[] = ["run", "check", "backup", "acl", "passwd"];
/** Words behind the command. */
const OPERANDS_MAX: Readonly<Record<CommandName, number>> = {
  run: 0,
  check: 0,
  backup: 1,
  acl: 3,
  passwd: 0,
};
const LATER_COMMANDS = ["exec", "pub", "sub", "bench", "healthcheck"];

/** Options of one command alone. */
const ONLY_FOR: Readonly<Record<string, CommandName>> = {
  user: "acl",
  client: "acl",
  address: "acl",
};
const TEXT_OPTIONS = [
  "config",
  "set",
  "ready-file",
  "log-level",
  "log-format",
  ...Object.keys(ONLY_FOR),
];
const SWITCHES = ["ephemeral", "help", "version"];
const ALIASES = { config: "c", help: "h" };
/** Without a broker nothing becomes ready, and an ephemeral one has nothing to back up. */
const NOT_FOR: Readonly<Record<string, readonly string[]>> = {
  check: ["ready-file"],
  backup: ["ready-file", "ephemeral", "log-level", "log-format"],
  acl: ["ready-file", "ephemeral", "log-level", "log-format"],
};

/** Throws `UsageError` with every problem. */
export function parseCommandLine(args: readonly string[]): Command {
  // Its options are its own.
  if (args[0] === "passwd") return passwdCommand(args.slice(1));
  const problems: string[] = [];
  const parsed = parseArgs([...args], {
    string: [...TEXT_OPTIONS, "_"],
    boolean: SWITCHES,
    collect: TEXT_OPTIONS,
    alias: ALIASES,
    unknown: (argument: string, key?: string) => {
      if (key === undefined) return true;
      problems.push(unknownOption(argument));
      return false;
    },
  }) as Record<string, unknown> & { readonly _: readonly string[] };
  const [first, ...rest] = parsed._;
  const command = first ?? "run";
  if (!isCommand(command)) problems.push(unknownCommand(command));
  if (command === "passwd" && parsed.help !== true) {
    problems.push('"passwd" comes first, its options behind it');
  }
  for (const extra of rest.slice(isCommand(command) ? OPERANDS_MAX[command] : 0)) {
    problems.push(`unexpected argument "${extra}"`);
  }
  const values = (option: string): readonly string[] => parsed[option] as readonly string[];
  problems.push(...optionProblems(values, command));
  if (parsed.ephemeral === true && NOT_FOR[command]?.includes("ephemeral")) {
    problems.push(notForCommand("ephemeral", command));
  }
  if (problems.length > 0) throw new UsageError(problems);
  if (parsed.help === true) {
    return { name: "help", about: first !== undefined && isCommand(first) ? first : undefined };
  }
  if (parsed.version === true) return { name: "version" };
  const common: ConfigArguments = {
    configFile: values("config").at(-1),
    sets: values("set"),
    logLevel: values("log-level").at(-1),
    logFormat: values("log-format").at(-1),
    isEphemeral: parsed.ephemeral === true,
  };
  if (command === "check") return { name: "check", arguments: common };
  if (command === "acl") return { name: "acl", arguments: readExplain(rest, values, common) };
  if (command === "backup") {
    const [file] = rest;
    if (file === undefined || file === "") throw new UsageError(["backup needs a FILE to write"]);
    return { name: "backup", arguments: { ...common, file } };
  }
  return { name: "run", arguments: { ...common, readyFile: values("ready-file").at(-1) } };
}

function readExplain(
  [verb, action, topic]: readonly string[],
  values: (option: string) => readonly string[],
  common: ConfigArguments,
): ExplainArguments {
  const known = EXPLAINED_ACTIONS.find((each) => each === action);
  if (verb !== "explain" || known === undefined || topic === undefined || topic === "") {
    throw new UsageError([
      `acl needs "explain", an action (${EXPLAINED_ACTIONS.join(", ")}) and a TOPIC`,
    ]);
  }
  return {
    ...common,
    action: known,
    topic,
    username: values("user").at(-1),
    clientId: values("client").at(-1) ?? "",
    address: values("address").at(-1) ?? "127.0.0.1",
  };
}

function passwdCommand(args: readonly string[]): Command {
  const parsed = parsePasswdArguments(args);
  if (parsed === "help") return { name: "help", about: "passwd" };
  if ("action" in parsed) return { name: "passwd", arguments: parsed };
  throw new UsageError(parsed);
}

/** The text of `--help`, for the program or one of its commands. */
export function helpText(about: CommandName | undefined): string {
  switch (about) {
    case undefined:
      return PROGRAM_HELP;
    case "run":
      return RUN_HELP;
    case "check":
      return CHECK_HELP;
    case "backup":
      return BACKUP_HELP;
    case "acl":
      return ACL_HELP;
    case "passwd":
      return PASSWD_HELP;
  }
}

function isCommand(word: string): word is CommandName {
  return COMMANDS.some((command) => command === word);
}

function unknownCommand(word: string): string {
  if (LATER_COMMANDS.includes(word)) return `command "${word}" is not in this version`;
  const meant = nearest(word, COMMANDS);
  const suggestion = meant === undefined ? ";" : `; did you mean "${meant}"?`;
  return `unknown command "${word}"${suggestion} allowed: ${COMMANDS.join(", ")}`;
}

function unknownOption(argument: string): string {
  const [option = argument] = argument.split("=", 1);
  const known = [...TEXT_OPTIONS, ...SWITCHES].map((name) => `--${name}`);
  const meant = option.startsWith("--") ? nearest(option, known) : undefined;
  return `unknown option "${option}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
}

function optionProblems(
  values: (option: string) => readonly string[],
  command: string,
): readonly string[] {
  const problems: string[] = [];
  for (const option of TEXT_OPTIONS) {
    if (values(option).includes("")) problems.push(`option --${option} needs a value`);
    const isForeign = NOT_FOR[command]?.includes(option) === true ||
      (ONLY_FOR[option] ?? command) !== command;
    if (isForeign && values(option).length > 0) {
      problems.push(notForCommand(option, command));
    }
  }
  return problems;
}

function notForCommand(option: string, command: string): string {
  return `option --${option} is not for "${command}"`;
}

const FILE_OPTIONS =
  `  -c, --config FILE       configuration in TOML; without it the built-in default
      --set KEY=VALUE     one key, dotted, with its value in TOML or as a bare word; wins over
                          file and environment, repeatable
`;

const CONFIG_OPTIONS =
  `${FILE_OPTIONS}      --ephemeral         nothing is written to disk; a listener without a port of its own
                          takes a free one on 127.0.0.1, where anonymous clients are allowed
      --log-level LEVEL   ${LOG_LEVELS.join(", ")}
      --log-format FORMAT ${LOG_FORMATS.join(", ")}
`;

const SOURCES_HELP = `
Every key can also be set by the environment: BROKER_ and the key, with __ for dots, such as
BROKER_MQTT__MAX_QOS=1.
`;

const PROGRAM_HELP = `MQTT broker for 3.1, 3.1.1 and 5.0

Usage:
  broker [run] [options]      the broker (default command)
  broker check [options]      prints every problem of the configuration
  broker backup FILE [options]
                              copies the database, also while a broker uses it
  broker acl explain [options] ACTION TOPIC
                              says what access rules make of something, and why
  broker passwd [add|remove|list] [options]
                              hashes a password, or keeps accounts
  broker --version
  broker --help
  broker COMMAND --help

Options of run:
${CONFIG_OPTIONS}      --ready-file FILE   receives a JSON object once every listener accepts
${SOURCES_HELP}`;

const RUN_HELP = `Runs the broker

Usage: broker [run] [options]

${CONFIG_OPTIONS}      --ready-file FILE   receives a JSON object once every listener accepts
${SOURCES_HELP}
Standard output carries one line, "ready" and the same JSON object; logs go to standard error.
SIGTERM and SIGINT stop the broker gracefully, a second one at once; SIGHUP reloads.

Exit status: 0 stopped, 1 could not start or could not write everything, 2 wrong configuration or
command line.
`;

const CHECK_HELP = `Prints every problem of the configuration

Usage: broker check [options]

${CONFIG_OPTIONS}${SOURCES_HELP}
Exit status: 0 no problem, 1 problems, 2 wrong command line.
`;

const BACKUP_HELP = `Copies the database of node.data_dir to FILE, also while a broker uses it

Usage: broker backup FILE [options]

FILE is made, complete and as the database was at one moment, or not at all; it must not exist.
To go back to it, stop the broker, remove broker.db, broker.db-wal and broker.db-shm from the data
directory, copy FILE there as broker.db and start the broker.

${FILE_OPTIONS}${SOURCES_HELP}
Exit status: 0 written, 1 not written, 2 wrong configuration or command line.
`;

const ACL_HELP = `Says whether a client may do something, and which rule decides

Usage: broker acl explain [options] publish|subscribe|receive TOPIC

      --user NAME         user name of the client; without it the client has none
      --client ID         client identifier
      --address ADDRESS   where the client comes from; 127.0.0.1 without it
${FILE_OPTIONS}
TOPIC is a topic name, behind "subscribe" a topic filter, "$share/NAME/" in front of a shared one;
with the mountpoint of the listener. "receive" is about delivery: a subscription may be granted
although some of what it matches is not. Rules are those of [acl] and its file: no broker is asked,
and nothing is known of superusers and of rules that tokens or callbacks bring along.
${SOURCES_HELP}
Exit status: 0 allowed, 1 denied, 2 wrong configuration or command line.
`;
