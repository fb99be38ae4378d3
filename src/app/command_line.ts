import { nearest } from "../base/mod.ts";
import { ACL_TABLE, readExplain } from "./acl_arguments.ts";
import { COMPLETIONS_TABLE, readCompletions } from "./completions_arguments.ts";
import { BENCH_TABLE, readBench } from "./bench_arguments.ts";
import { CONFIG_OPTIONS, readConfigArguments, SOURCES_TEXT } from "./config_options.ts";
import { EXEC_TABLE, readExec } from "./exec_arguments.ts";
import { HEALTHCHECK_TABLE, readHealthcheck } from "./healthcheck_arguments.ts";
import { IMPORT_TABLE, readImport } from "./import_arguments.ts";
import { commandHelp, groupText, usageLines } from "./option_help.ts";
import {
  type CommandTable,
  type ParsedOptions,
  parseOptions,
  takeFirstOperand,
} from "./options.ts";
import { PASSWD_TABLE, readPasswd } from "./passwd_arguments.ts";
import { PUB_TABLE, readPub } from "./pub_arguments.ts";
import { readSub, SUB_TABLE } from "./sub_arguments.ts";
import { BACKUP_TABLE, CHECK_TABLE, readBackup, readRun, RUN_TABLE } from "./run_arguments.ts";

/** A command: what is known of it, and how its arguments are read; a list is what is wrong with them. */
interface Definition<Arguments> {
  readonly table: CommandTable;
  readonly read: (parsed: ParsedOptions) => Arguments | readonly string[];
}

/** Every command of the program. */
const DEFINITIONS = {
  run: { table: RUN_TABLE, read: readRun },
  exec: { table: EXEC_TABLE, read: readExec },
  check: { table: CHECK_TABLE, read: readConfigArguments },
  healthcheck: { table: HEALTHCHECK_TABLE, read: readHealthcheck },
  backup: { table: BACKUP_TABLE, read: readBackup },
  acl: { table: ACL_TABLE, read: readExplain },
  passwd: { table: PASSWD_TABLE, read: readPasswd },
  pub: { table: PUB_TABLE, read: readPub },
  sub: { table: SUB_TABLE, read: readSub },
  bench: { table: BENCH_TABLE, read: readBench },
  import: { table: IMPORT_TABLE, read: readImport },
  completions: { table: COMPLETIONS_TABLE, read: readCompletions },
} as const satisfies Readonly<Record<string, Definition<object>>>;

export type CommandName = keyof typeof DEFINITIONS;

/** What the command line asks for. */
export type Command =
  | {
    readonly [Name in CommandName]: {
      readonly name: Name;
      readonly arguments: Exclude<
        ReturnType<(typeof DEFINITIONS)[Name]["read"]>,
        readonly string[]
      >;
    };
  }[CommandName]
  | { readonly name: "help"; readonly about: CommandName | undefined }
  | { readonly name: "version" };

/** Of all commands, in the order in which the help names them. */
export const COMMAND_TABLES: readonly CommandTable[] = Object.values(DEFINITIONS).map(
  ({ table }) => table,
);

const EXIT_WRONG_COMMAND_LINE = 2;

/** The command line makes no sense, for one or more reasons. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /** Whose help may be of use; undefined: that of the program. */
  readonly command: CommandName | undefined;
  readonly exitStatus: number;

  constructor(readonly problems: readonly string[], command: CommandName | undefined) {
    super(`Cannot understand the command line: ${problems.join("; ")}`);
    this.command = command;
    const table: CommandTable | undefined = command && DEFINITIONS[command].table;
    this.exitStatus = table?.usageStatus ?? EXIT_WRONG_COMMAND_LINE;
  }
}

/** Throws `UsageError` with every problem. */
export function parseCommandLine(args: readonly string[]): Command {
  const { word, others } = splitCommand(withoutAliases(args));
  const name = word ?? "run";
  const isKnown = isCommand(name);
  const { table, read } = DEFINITIONS[isKnown ? name : "run"];
  const { parsed, problems } = parseOptions(table, others, COMMAND_TABLES);
  if (!isKnown) throw new UsageError([...problems, unknownCommand(name)], undefined);
  if (problems.length === 0) {
    if (parsed.has("help")) return { name: "help", about: word === undefined ? undefined : name };
    if (parsed.has("version")) return { name: "version" };
  }
  const answer = read(parsed);
  if (isProblems(answer)) problems.push(...answer);
  if (problems.length > 0) throw new UsageError(problems, word === undefined ? undefined : name);
  return { name, arguments: answer } as Command;
}

/** As many other programs have it: `help COMMAND` and `version`. */
function withoutAliases([first, ...rest]: readonly string[]): readonly string[] {
  if (first === "help") return [...rest, "--help"];
  if (first === "version") return [...rest, "--version"];
  return first === undefined ? [] : [first, ...rest];
}

/** The word for the command may stand behind options of `run`; without any, it is `run`. */
function splitCommand(
  args: readonly string[],
): { readonly word: string | undefined; readonly others: readonly string[] } {
  const [first, ...others] = args;
  if (first !== undefined && isCommand(first)) return { word: first, others };
  const { operand: word, others: rest } = takeFirstOperand(RUN_TABLE, args);
  return { word, others: rest };
}

function isProblems(answer: object): answer is readonly string[] {
  return Array.isArray(answer);
}

/** The text of `--help`, for the program or one of its commands. */
export function helpText(about: CommandName | undefined): string {
  return about === undefined ? programHelp() : commandHelp(DEFINITIONS[about].table);
}

function programHelp(): string {
  const usage = COMMAND_TABLES.flatMap(usageLines);
  const options = groupText({
    title: "Options of run",
    options: RUN_TABLE.groups[0]?.options ?? CONFIG_OPTIONS,
  });
  return `MQTT broker for 3.1, 3.1.1 and 5.0

Usage:
${usage.map((line) => `  ${line}\n`).join("")}  broker --version
  broker --help
  broker COMMAND --help

${options}

${SOURCES_TEXT}
`;
}

function isCommand(word: string): word is CommandName {
  return Object.hasOwn(DEFINITIONS, word);
}

function unknownCommand(word: string): string {
  const names = COMMAND_TABLES.map(({ name }) => name);
  const meant = nearest(word, names);
  const suggestion = meant === undefined ? ";" : `; did you mean "${meant}"?`;
  return `unknown command "${word}"${suggestion} allowed: ${names.join(", ")}`;
}
