import { settableKeys } from "../config/mod.ts";
import { type CommandTable, type Option, optionsOf } from "./options.ts";

export function zshCompletions(tables: readonly CommandTable[]): string {
  const commands = tables.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const run = tables.filter(({ name }) => name === "run");
  return `#compdef broker
# Completions of broker for zsh, made by "broker completions zsh".

typeset -ga _broker_settings
_broker_settings=(${settableKeys().join(" ")})

_broker() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a commands
  commands=(
${commands.join("\n")}
  )
  _arguments -C -S \\
${run.flatMap((table) => optionSpecs(table)).map((spec) => `    ${spec} \\`).join("\n")}
    '1:command:->command' \\
    '*:: :->arguments'
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      curcontext=\${curcontext%:*:*}:broker-$words[1]:
      case $words[1] in
${tables.map(commandCase).join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _broker ]]; then _broker "$@"; else compdef _broker broker; fi
`;
}

function commandCase(table: CommandTable): string {
  const specs = [...optionSpecs(table), ...operandSpecs(table)];
  const lines = ["_arguments -S \\", ...specs.map((spec) => `  ${spec} \\`), "  && return"];
  return [
    `        ${table.name})`,
    ...(table.areOperandsBehindDashes === true ? BEHIND_DASHES : []),
    ...lines.map((line) => `          ${line}`),
    "          ;;",
  ].join("\n");
}

/** A command line of its own. */
const BEHIND_DASHES = [
  "          local dashes=${words[(i)--]}",
  "          if ((dashes < CURRENT)); then",
  "            shift $dashes words",
  "            ((CURRENT -= dashes))",
  "            _normal",
  "            return",
  "          fi",
];

/** Every option may be given again: those that count once take the last. */
function optionSpecs(table: CommandTable): string[] {
  return optionsOf(table).flatMap((option) => {
    const { name, letter, value, help } = option;
    const text = `[${escaped(help.split("\n", 1)[0] ?? "")}]${valueSpec(option)}`;
    const long = quoted(`*--${name}${value === undefined ? "" : "="}${text}`);
    if (letter === undefined) return [long];
    return [long, quoted(`*-${letter}${value === undefined ? "" : "+"}${text}`)];
  });
}

function valueSpec({ value, completes, oneOf, suggests }: Option): string {
  if (value === undefined) return "";
  const words = oneOf ?? suggests;
  const action = words !== undefined
    ? `(${words.join(" ")})`
    : completes === "file"
    ? "_files"
    : completes === "setting"
    ? "compadd -S = -a _broker_settings"
    : completes === "folder"
    ? "_files -/"
    : " ";
  return `:${escaped(value)}:${action}`;
}

function operandSpecs({ operands = [], areOperandsBehindDashes }: CommandTable): string[] {
  if (areOperandsBehindDashes === true) return [];
  return operands.flatMap((operand, index) => {
    if (operand === undefined) return [quoted(`${index + 1}: : `)];
    const action = operand === "file" ? "_files" : `(${[operand].flat().join(" ")})`;
    return [quoted(`${index + 1}: :${action}`)];
  });
}

/** For the inside of a specification of `_arguments`. */
function escaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, (character) => `\\${character}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
