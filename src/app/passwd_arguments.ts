import { parseArgs } from "@std/cli";
import {
  SCRAM_ITERATIONS,
  SCRAM_ITERATIONS_MAX,
  SCRAM_ITERATIONS_MIN,
  SCRYPT_LOG_N,
  SCRYPT_LOG_N_MAX,
  SCRYPT_LOG_N_MIN,
} from "../auth/mod.ts";
import { nearest } from "../config/mod.ts";

const ACTIONS = ["hash", "add", "remove", "list"] as const;
export type PasswdAction = (typeof ACTIONS)[number];

/** What `broker passwd` is asked for. */
export interface PasswdArguments {
  readonly action: PasswdAction;
  /** Of "add" and "remove"; empty else. */
  readonly name: string;
  readonly passwordFrom: "terminal" | "stdin" | "argument";
  /** Where it comes from the command line. */
  readonly password: string;
  /** A password file instead of the data directory. */
  readonly file: string | undefined;
  readonly isClientId: boolean;
  readonly isSuperuser: boolean;
  readonly isScram: boolean;
  /** A hash that mosquitto can read. */
  readonly isForMosquitto: boolean;
  /** Of scrypt. */
  readonly logN: number;
  /** Of SCRAM. */
  readonly iterations: number;
  readonly configFile: string | undefined;
  readonly sets: readonly string[];
}

const TEXT_OPTIONS = ["batch", "file", "cost", "iterations", "config", "set"];
const SWITCHES = ["stdin", "scram", "superuser", "client-id", "mosquitto", "help"];
const ALIASES = { batch: "b", config: "c", help: "h" };
/** Options that make sense for some actions only; those that are not here, for all. */
const ONLY_FOR: Readonly<Record<string, readonly PasswdAction[]>> = {
  batch: ["hash", "add"],
  stdin: ["hash", "add"],
  scram: ["hash", "add"],
  cost: ["hash", "add"],
  iterations: ["hash", "add"],
  superuser: ["add"],
  mosquitto: ["hash", "add"],
  file: ["add", "remove", "list"],
  "client-id": ["add", "remove", "list"],
  config: ["add", "remove", "list"],
  set: ["add", "remove", "list"],
};
/** A password file has names and hashes, and nothing else. */
const NOT_WITH_FILE = ["scram", "superuser", "client-id", "config", "set"];

type Parsed = Record<string, unknown> & { readonly _: readonly string[] };

/** What stands behind `broker passwd`: the arguments, "help", or every problem that there is. */
export function parsePasswdArguments(
  args: readonly string[],
): PasswdArguments | "help" | readonly string[] {
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
  }) as Parsed;
  if (parsed.help === true && problems.length === 0) return "help";
  const [word = "hash", ...rest] = parsed._;
  const action = ACTIONS.find((each) => each === word);
  if (action === undefined) {
    const meant = nearest(word, ACTIONS);
    const suggestion = meant === undefined ? "" : `; did you mean "${meant}"?`;
    return [...problems, `unknown action "${word}"${suggestion} allowed: ${ACTIONS.join(", ")}`];
  }
  const needsName = action === "add" || action === "remove";
  if (needsName && (rest[0] ?? "") === "") problems.push(`${action} needs a NAME`);
  for (const extra of rest.slice(needsName ? 1 : 0)) {
    problems.push(`unexpected argument "${extra}"`);
  }
  problems.push(...optionProblems(parsed, action));
  return problems.length > 0 ? problems : read(parsed, action, needsName ? rest[0] ?? "" : "");
}

function read(parsed: Parsed, action: PasswdAction, name: string): PasswdArguments {
  const last = (option: string): string | undefined => valuesOf(parsed, option).at(-1);
  const password = last("batch");
  return {
    action,
    name,
    passwordFrom: password !== undefined
      ? "argument"
      : parsed.stdin === true
      ? "stdin"
      : "terminal",
    password: password ?? "",
    file: last("file"),
    isClientId: parsed["client-id"] === true,
    isSuperuser: parsed.superuser === true,
    isScram: parsed.scram === true,
    isForMosquitto: parsed.mosquitto === true,
    logN: Number(last("cost") ?? SCRYPT_LOG_N),
    iterations: Number(last("iterations") ?? SCRAM_ITERATIONS),
    configFile: last("config"),
    sets: valuesOf(parsed, "set"),
  };
}

function optionProblems(parsed: Parsed, action: PasswdAction): readonly string[] {
  const given = [
    ...TEXT_OPTIONS.filter((option) => valuesOf(parsed, option).length > 0),
    ...SWITCHES.filter((option) => parsed[option] === true),
  ];
  const problems = given.filter((option) => ONLY_FOR[option]?.includes(action) === false)
    .map((option) => `option --${option} is not for "passwd ${action}"`);
  const foreign = given.includes("file")
    ? given.filter((option) => NOT_WITH_FILE.includes(option))
    : [];
  problems.push(...foreign.map((option) => `option --${option} is not for a password file`));
  if (given.includes("batch") && given.includes("stdin")) {
    problems.push("options --batch and --stdin are for the same password");
  }
  if (given.includes("client-id") && given.includes("scram")) {
    problems.push("options --client-id and --scram do not go together: SCRAM is by user name");
  }
  if (given.includes("mosquitto")) {
    if (action === "add" && !given.includes("file")) {
      problems.push("option --mosquitto is for a password file, with --file");
    }
    for (const option of ["scram", "cost"]) {
      if (given.includes(option)) problems.push(`options --mosquitto and --${option} are two ways`);
    }
  }
  for (const option of ["file", "config", "set"]) {
    if (valuesOf(parsed, option).includes("")) problems.push(`option --${option} needs a value`);
  }
  return [
    ...problems,
    ...numberProblems(parsed, "cost", SCRYPT_LOG_N_MIN, SCRYPT_LOG_N_MAX),
    ...numberProblems(parsed, "iterations", SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX),
  ];
}

function numberProblems(
  parsed: Parsed,
  option: string,
  min: number,
  max: number,
): readonly string[] {
  return valuesOf(parsed, option)
    .filter((text) => !/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max)
    .map((text) => `option --${option} is "${text}", allowed are ${min} to ${max}`);
}

function valuesOf(parsed: Parsed, option: string): readonly string[] {
  return parsed[option] as readonly string[];
}

function unknownOption(argument: string): string {
  const [option = argument] = argument.split("=", 1);
  const known = [...TEXT_OPTIONS, ...SWITCHES].map((name) => `--${name}`);
  const meant = option.startsWith("--") ? nearest(option, known) : undefined;
  return `unknown option "${option}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
}

export const PASSWD_HELP =
  `Hashes a password for the configuration, or keeps accounts in the data directory or a password file

Usage:
  broker passwd [hash] [options]        prints a hash, for password_hash of [[auth.user]]
  broker passwd add NAME [options]      adds an account, or gives it another password
  broker passwd remove NAME [options]   removes an account
  broker passwd list [options]          prints the names of all accounts, one in a line

Accounts are in the database of node.data_dir, also while a broker uses it: it takes them over at
SIGHUP. They count unless auth.accounts is false.

Where the password comes from (hash, add):
                          without an option from the terminal, typed twice and not shown
      --stdin             the first line of standard input
  -b, --batch PASSWORD    the command line, where others on this machine may see it

Which account (add, remove, list):
      --client-id         NAME is a client identifier, not a user name
      --superuser         no access rule is asked for this account (add)
      --file FILE         in a password file instead, such as auth.password_file names; FILE is
                          replaced in one step, or stays as it is
  -c, --config FILE       configuration that says where the data directory is
      --set KEY=VALUE     one key of it, such as node.data_dir=DIR; repeatable

How it is kept (hash, add):
      --scram             hash: prints a verifier for SCRAM-SHA-256; add: keeps one beside the hash,
                          so that the user can authenticate by SCRAM-SHA-256, too
      --mosquitto         PBKDF2 as mosquitto reads it, too, for a file that both use; else scrypt
      --cost N            of scrypt: 2^N rounds and 2^N KiB, ${SCRYPT_LOG_N_MIN} to ${SCRYPT_LOG_N_MAX}; default ${SCRYPT_LOG_N}
      --iterations N      of SCRAM, which every client of the user has to do; default ${SCRAM_ITERATIONS}

Example:
  broker passwd add alice --set node.data_dir=/var/lib/broker && kill -HUP "$(pidof broker)"

Exit status: 0 done, 1 not done, 2 wrong configuration or command line.
`;
