import {
  SCRAM_ITERATIONS,
  SCRAM_ITERATIONS_MAX,
  SCRAM_ITERATIONS_MIN,
  SCRYPT_LOG_N,
  SCRYPT_LOG_N_MAX,
  SCRYPT_LOG_N_MIN,
} from "../auth/mod.ts";
import { nearest } from "../base/mod.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

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

export const PASSWD_TABLE: CommandTable = {
  name: "passwd",
  summary:
    "Hashes a password for the configuration, or keeps accounts in the data directory or a file",
  usage: [
    "passwd [hash] [options]        prints a hash, for password_hash of [[auth.user]]",
    "passwd add NAME [options]      adds an account, or gives it another password",
    "passwd remove NAME [options]   removes an account",
    "passwd list [options]          prints the names of all accounts, one in a line",
  ],
  operandsMax: 2,
  operands: [ACTIONS, undefined],
  introduction:
    `Accounts are in the database of node.data_dir, also while a broker uses it: it takes them over at
SIGHUP. They count unless auth.accounts is false. Without an option for it, a password comes from
the terminal, typed twice and not shown.`,
  groups: [
    {
      title: "Where the password comes from (hash, add)",
      options: [
        { name: "stdin", help: "the first line of standard input" },
        {
          name: "batch",
          letter: "b",
          value: "PASSWORD",
          mayBeEmpty: true,
          help: "the command line, where others on this machine may see it",
        },
      ],
    },
    {
      title: "Which account (add, remove, list)",
      options: [
        { name: "client-id", help: "NAME is a client identifier, not a user name" },
        { name: "superuser", help: "no access rule is asked for this account (add)" },
        {
          name: "file",
          value: "FILE",
          completes: "file",
          help:
            "in a password file instead, such as auth.password_file names; FILE is replaced in one " +
            "step, or stays as it is",
        },
        {
          name: "config",
          letter: "c",
          value: "FILE",
          completes: "file",
          help: "configuration that says where the data directory is",
        },
        {
          name: "set",
          value: "KEY=VALUE",
          help: "one key of it, such as node.data_dir=DIR; repeatable",
        },
      ],
    },
    {
      title: "How it is kept (hash, add)",
      options: [
        {
          name: "scram",
          help:
            "hash: prints a verifier for SCRAM-SHA-256; add: keeps one beside the hash, so that " +
            "the user can authenticate by SCRAM-SHA-256, too",
        },
        {
          name: "mosquitto",
          help: "PBKDF2 as mosquitto reads it, too, for a file that both use; else scrypt",
        },
        {
          name: "cost",
          value: "N",
          range: [SCRYPT_LOG_N_MIN, SCRYPT_LOG_N_MAX],
          help:
            `of scrypt: 2^N rounds and 2^N KiB, ${SCRYPT_LOG_N_MIN} to ${SCRYPT_LOG_N_MAX}; default ${SCRYPT_LOG_N}`,
        },
        {
          name: "iterations",
          value: "N",
          range: [SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX],
          help: `of SCRAM, which every client of the user has to do; default ${SCRAM_ITERATIONS}`,
        },
      ],
    },
  ],
  closing: `Example:
  broker passwd add alice --set node.data_dir=/var/lib/broker && kill -HUP "$(pidof broker)"

Exit status: 0 done, 1 not done, 2 wrong configuration or command line.`,
};

/** What stands behind `broker passwd`: the arguments, or every problem that there is. */
export function readPasswd(parsed: ParsedOptions): PasswdArguments | readonly string[] {
  const [word = "hash", ...rest] = parsed.operands;
  const action = ACTIONS.find((each) => each === word);
  if (action === undefined) {
    const meant = nearest(word, ACTIONS);
    const suggestion = meant === undefined ? "" : `; did you mean "${meant}"?`;
    return [`unknown action "${word}"${suggestion} allowed: ${ACTIONS.join(", ")}`];
  }
  const problems: string[] = [];
  const needsName = action === "add" || action === "remove";
  const [name = ""] = rest;
  if (needsName && name === "") problems.push(`${action} needs a NAME`);
  if (!needsName && rest.length > 0) problems.push(`unexpected argument "${name}"`);
  problems.push(...optionProblems(parsed.given, action));
  return problems.length > 0 ? problems : toArguments(parsed, action, needsName ? name : "");
}

function toArguments(parsed: ParsedOptions, action: PasswdAction, name: string): PasswdArguments {
  const password = parsed.text("batch");
  return {
    action,
    name,
    passwordFrom: password !== undefined ? "argument" : parsed.has("stdin") ? "stdin" : "terminal",
    password: password ?? "",
    file: parsed.text("file"),
    isClientId: parsed.has("client-id"),
    isSuperuser: parsed.has("superuser"),
    isScram: parsed.has("scram"),
    isForMosquitto: parsed.has("mosquitto"),
    logN: parsed.number("cost") ?? SCRYPT_LOG_N,
    iterations: parsed.number("iterations") ?? SCRAM_ITERATIONS,
    configFile: parsed.text("config"),
    sets: parsed.texts("set"),
  };
}

function optionProblems(given: readonly string[], action: PasswdAction): readonly string[] {
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
  return problems;
}
