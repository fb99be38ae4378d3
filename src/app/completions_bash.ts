import { settableKeys } from "../config/mod.ts";
import { type CommandTable, type Option, optionsOf } from "./options.ts";

/** A word that stands for what is completed: "@file", "@folder", "@setting", "@command", "@any", or the words themselves. */
type Kind = string;

/** For bash from 3.2 on, without the package bash-completion; with it, commands behind "--" complete their own options. */
export function bashCompletions(tables: readonly CommandTable[]): string {
  const names = tables.map(({ name }) => name);
  return `# Completions of broker for bash, made by "broker completions bash".

_broker_settings="${settableKeys().join(" ")}"

# What is completed behind an option of a command; nothing where the option has no value.
_broker_value() {
  case "$1 $2" in
${caseLines(tables.flatMap(valueCases))}
  esac
}

# What is completed as an operand of a command, counted from 0.
_broker_operand() {
  case "$1 $2" in
${caseLines(tables.flatMap(operandCases))}
  esac
}

_broker_options() {
  case $1 in
${caseLines(tables.map((table) => [[table.name], optionWords(table).join(" ")]))}
  esac
}

_broker_complete() {
  local cur=$2 IFS=$'\\n'
  case $1 in
    @file | @folder)
      COMPREPLY=($(compgen "$([[ $1 == @file ]] && echo -f || echo -d)" -- "$cur"))
      compopt -o filenames 2>/dev/null
      ;;
    @setting)
      IFS=' ' && COMPREPLY=($(compgen -W "$_broker_settings" -S = -- "$cur"))
      compopt -o nospace 2>/dev/null
      ;;
    @command) COMPREPLY=($(compgen -c -- "$cur")) ;;
    @any | "") ;;
    *) IFS=' ' && COMPREPLY=($(compgen -W "$1" -- "$cur")) ;;
  esac
}

_broker() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local command=run named="" operands=0 value="" i word
  COMPREPLY=()
  # "--name=value" is three words here.
  if [[ $cur == = ]]; then cur=""; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      --)
        if declare -F _command_offset >/dev/null; then
          _command_offset $((i + 1))
        elif ((i + 1 == COMP_CWORD)); then
          _broker_complete @command "$cur"
        else
          _broker_complete @file "$cur"
        fi
        return
        ;;
      =) ((i++)) ;;
      -*)
        value=$(_broker_value "$command" "$word")
        if [[ -n $value && \${COMP_WORDS[i + 1]} == = ]]; then ((i++)); fi
        if [[ -n $value ]]; then ((i++)); fi
        ;;
      ${names.join(" | ")})
        if [[ -z $named ]]; then
          command=$word named=yes
        else
          ((operands++))
        fi
        ;;
      *) ((operands++)) ;;
    esac
  done
  value=$(_broker_value "$command" "$prev")
  if [[ -n $value ]]; then
    _broker_complete "$value" "$cur"
  elif [[ $cur == -* ]]; then
    _broker_complete "$(_broker_options "$command")" "$cur"
  elif [[ -z $named ]]; then
    _broker_complete "${names.join(" ")}" "$cur"
  else
    _broker_complete "$(_broker_operand "$command" "$operands")" "$cur"
  fi
}

complete -F _broker broker
`;
}

type Case = readonly [patterns: readonly string[], answer: Kind];

function caseLines(cases: readonly Case[]): string {
  return cases.map(([patterns, answer]) =>
    `    ${patterns.map((pattern) => `"${pattern}"`).join(" | ")}) echo "${answer}" ;;`
  ).join("\n");
}

function valueCases(table: CommandTable): Case[] {
  return optionsOf(table).filter(({ value }) => value !== undefined).map((option) => [
    wordsOf(option).map((word) => `${table.name} ${word}`),
    (option.oneOf ?? option.suggests)?.join(" ") ??
      (option.completes === undefined ? "@any" : `@${option.completes}`),
  ]);
}

function operandCases({ name, operands = [], areOperandsBehindDashes }: CommandTable): Case[] {
  if (areOperandsBehindDashes === true) return [[[`${name} 0`], "--"]];
  return operands.flatMap((operand, index): Case[] => {
    if (operand === undefined) return [];
    return [[
      [`${name} ${index}`],
      typeof operand === "string" ? `@${operand}` : operand.join(" "),
    ]];
  });
}

function optionWords(table: CommandTable): string[] {
  return optionsOf(table).flatMap(wordsOf);
}

function wordsOf({ name, letter }: Option): string[] {
  return letter === undefined ? [`--${name}`] : [`--${name}`, `-${letter}`];
}
