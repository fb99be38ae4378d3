import { settableKeys } from "../config/mod.ts";
import { type CommandTable, type Option, optionsOf } from "./options.ts";

export function fishCompletions(tables: readonly CommandTable[]): string {
  const names = tables.map(({ name }) => name).join(" ");
  const lines = tables.flatMap((table) => [
    `complete -c broker -n "not __fish_seen_subcommand_from $commands" -a ${table.name} ` +
    `-d ${quoted(table.summary)}`,
    ...optionsOf(table).map((option) => optionLine(table, option)),
    ...operandLines(table),
  ]);
  return `# Completions of broker for fish, made by "broker completions fish".

set -l commands ${names}
set -g __broker_settings ${settableKeys().map((key) => `${key}=`).join(" ")}
complete -c broker -f
${lines.join("\n")}
`;
}

/** The options of `run` count where no command is named, too. */
function conditionOf({ name }: CommandTable): string {
  const isNamed = `__fish_seen_subcommand_from ${name}`;
  return name === "run"
    ? `"${isNamed}; or not __fish_seen_subcommand_from $commands"`
    : `"${isNamed}"`;
}

function optionLine(table: CommandTable, option: Option): string {
  const { name, letter, value, completes, help } = option;
  const words = option.oneOf ?? option.suggests;
  const parts = ["complete -c broker -n", conditionOf(table), `-l ${name}`];
  if (letter !== undefined) parts.push(`-s ${quoted(letter)}`);
  if (value !== undefined) parts.push(completes === "file" ? "-rF" : "-x");
  if (completes === "setting") parts.push("-a '$__broker_settings'");
  if (completes === "folder") parts.push("-a '(__fish_complete_directories)'");
  if (words !== undefined) parts.push(`-a ${quoted(words.join(" "))}`);
  return [...parts, `-d ${quoted(help.split("\n", 1)[0] ?? "")}`].join(" ");
}

/** Fish does not count operands: what any of them may be is offered for each. */
function operandLines(table: CommandTable): string[] {
  const { operands = [], areOperandsBehindDashes } = table;
  const condition = conditionOf(table);
  if (areOperandsBehindDashes === true) {
    return [`complete -c broker -n ${condition} -x -a '(__fish_complete_subcommand --fcs-skip=2)'`];
  }
  return operands.flatMap((operand) => {
    if (operand === undefined) return [];
    if (operand === "file") return [`complete -c broker -n ${condition} -F`];
    return [`complete -c broker -n ${condition} -a ${quoted([operand].flat().join(" "))}`];
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
