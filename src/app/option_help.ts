import type { CommandTable, Option, OptionGroup } from "./options.ts";

/** Where the text about an option begins. */
const TEXT_COLUMN = 26;
const LINE_MAX = 100;
/** Where the help of the program says what a command does. */
const SUMMARY_COLUMN = 28;

/** The text of `broker COMMAND --help`. */
export function commandHelp(table: CommandTable): string {
  const { summary, usage, introduction, groups, closing } = table;
  return [
    summary,
    usageText(usage),
    ...(introduction === undefined ? [] : [introduction]),
    ...groups.map(groupText),
    closing,
  ].map((part) => `${part}\n`).join("\n");
}

/** The ways to call a command, and what it does, for the help of the program. */
export function usageLines({ name, usage, summary }: CommandTable): string[] {
  const [first = ""] = usage;
  const only = usage.length > 1 ? `broker ${name} …` : `broker ${first}`;
  const indent = " ".repeat(SUMMARY_COLUMN);
  const lines = wrap(summary, LINE_MAX - SUMMARY_COLUMN - 2).map((line) => indent + line);
  if (only.length >= SUMMARY_COLUMN - 1) return [only, ...lines];
  return [only.padEnd(SUMMARY_COLUMN) + lines[0]?.trimStart(), ...lines.slice(1)];
}

function usageText(usage: readonly string[]): string {
  const [only, ...others] = usage.map((line) => `broker ${line}`);
  if (others.length === 0) return `Usage: ${only}`;
  return ["Usage:", ...[only, ...others].map((line) => `  ${line}`)].join("\n");
}

/** A group with its title, without an empty line at its end. */
export function groupText({ title, options }: OptionGroup): string {
  const lines = options.flatMap(optionLines);
  return (title === undefined ? lines : [`${title}:`, ...lines]).join("\n");
}

function optionLines({ letter, name, value, help }: Option): string[] {
  const short = letter === undefined ? "    " : `-${letter}, `;
  const head = `  ${short}--${name}${value === undefined ? "" : ` ${value}`}`;
  const indent = " ".repeat(TEXT_COLUMN);
  const [first = "", ...others] = wrap(help, LINE_MAX - TEXT_COLUMN);
  const rest = others.map((line) => indent + line);
  if (head.length >= TEXT_COLUMN) return [head, indent + first, ...rest];
  return [head.padEnd(TEXT_COLUMN) + first, ...rest];
}

/** Breaks text into lines of at most `width` characters, and where it has line ends of its own. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      const longer = line === "" ? word : `${line} ${word}`;
      if (line !== "" && longer.length > width) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    return [...lines, line];
  });
}
