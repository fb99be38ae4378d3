import { nearest } from "../base/mod.ts";

/** One option of a command: how it is read, what help says of it, what a shell completes behind it. */
export interface Option {
  /** Without dashes. */
  readonly name: string;
  /** Without its dash. */
  readonly letter?: string;
  /** What help calls its value, such as "FILE"; undefined: it is a switch and has none. */
  readonly value?: string;
  /** Of an option with more than one word behind it: how many, seen by the words that follow. */
  readonly wordCount?: (following: readonly string[]) => number;
  /** What the value may be; undefined: anything. */
  readonly oneOf?: readonly string[];
  /** What a shell offers where the value may be something else, too, or is judged elsewhere. */
  readonly suggests?: readonly string[];
  /** The value is a whole number in this range. */
  readonly range?: readonly [min: number, max: number];
  /** What a shell completes. */
  readonly completes?: "file" | "folder" | "setting";
  /** A value of no characters makes sense. */
  readonly mayBeEmpty?: boolean;
  /** Broken into lines where it is shown; "\n" begins a new line. */
  readonly help: string;
}

/** Options that stand together in the help. */
export interface OptionGroup {
  /** Undefined: none. */
  readonly title?: string;
  readonly options: readonly Option[];
}

/** All that is known of a command before it is read: what the parser, the help and completions are made of. */
export interface CommandTable {
  /** The word for it. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What follows "broker ", each way in a line. */
  readonly usage: readonly string[];
  /** Exit status where the command line makes no sense; default 2. */
  readonly usageStatus?: number;
  /** Words that are no options, at most. Behind "--" everything is such a word. */
  readonly operandsMax: number;
  /** They stand behind "--" only, so that an option before it is never one of theirs. */
  readonly areOperandsBehindDashes?: boolean;
  /** What each operand may be, for completions; undefined: anything. */
  readonly operands?: readonly (readonly string[] | "file" | "command" | undefined)[];
  readonly groups: readonly OptionGroup[];
  /** Stands between usage and options. */
  readonly introduction?: string;
  /** Stands behind the options: exit status, examples. */
  readonly closing: string;
}

/** What every command has. `-h` is help where the command has no other use for it. */
const EVERYWHERE: readonly Option[] = [
  { name: "help", letter: "h", help: "shows this" },
  { name: "version", help: "shows the version of the program" },
];

/** All options of a command, those that every command has behind its own. */
export function optionsOf(table: CommandTable): readonly Option[] {
  const own = table.groups.flatMap(({ options }) => options);
  const taken = new Set(own.map(({ letter }) => letter));
  return [
    ...own,
    ...EVERYWHERE.map((option) => {
      if (!taken.has(option.letter)) return option;
      const { letter: _, ...rest } = option;
      return rest;
    }),
  ];
}

/** What a command line gave. Names of options are those of the table, without dashes. */
export class ParsedOptions {
  readonly operands: readonly string[];
  readonly #values: ReadonlyMap<string, readonly (readonly string[])[]>;

  constructor(
    operands: readonly string[],
    values: ReadonlyMap<string, readonly (readonly string[])[]>,
  ) {
    this.operands = operands;
    this.#values = values;
  }

  /** Names of the options that were given, in the order of their first. */
  get given(): readonly string[] {
    return [...this.#values.keys()];
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value that was given last. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)?.[0];
  }

  /** Every value, in their order. */
  texts(name: string): readonly string[] {
    return this.lists(name).map(([first = ""]) => first);
  }

  /** Every time the option was given, all its words. */
  lists(name: string): readonly (readonly string[])[] {
    return this.#values.get(name) ?? [];
  }

  /** Of an option with a range: the number that was given last. */
  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }
}

/**
 * Reads what stands behind the word for a command: `--name value`, `--name=value`, `-n value`, switches also one
 * behind the other as `-abc`, operands anywhere, "--" before operands that look like options. Every problem there is
 * comes back, in the words of the user. `foreign`: other tables, whose options are known to be misplaced.
 */
export function parseOptions(
  table: CommandTable,
  args: readonly string[],
  foreign: readonly CommandTable[] = [],
): { readonly parsed: ParsedOptions; readonly problems: string[] } {
  const reading = new Reading(table, foreign);
  reading.read(args);
  const { operands, values, problems } = reading;
  if (table.areOperandsBehindDashes === true && reading.countBeforeDashes > 0) {
    problems.push(`unexpected argument "${operands[0]}"; a command stands behind "--"`);
  }
  for (const extra of operands.slice(table.operandsMax)) {
    problems.push(`unexpected argument "${extra}"`);
  }
  return { parsed: new ParsedOptions(operands, values), problems };
}

/** The first word that is no option of `table` and no value of one, and everything else. */
export function takeFirstOperand(
  table: CommandTable,
  args: readonly string[],
): { readonly operand: string | undefined; readonly others: readonly string[] } {
  const reading = new Reading(table, []);
  const at = reading.read(args, 1);
  if (reading.operands.length === 0) return { operand: undefined, others: args };
  return { operand: reading.operands[0], others: args.toSpliced(at - 1, 1) };
}

class Reading {
  readonly operands: string[] = [];
  readonly values = new Map<string, (readonly string[])[]>();
  readonly problems: string[] = [];
  /** Operands that stand before "--". */
  countBeforeDashes = 0;
  readonly #command: string;
  readonly #byName = new Map<string, Option>();
  /** Options of other commands. */
  readonly #foreign = new Map<string, Option>();
  readonly #byLetter = new Map<string, Option>();
  #args: readonly string[] = [];
  /** The word that is read next. */
  #at = 0;

  constructor(table: CommandTable, foreign: readonly CommandTable[]) {
    this.#command = table.name;
    for (const option of foreign.flatMap(optionsOf)) this.#foreign.set(option.name, option);
    for (const option of optionsOf(table)) {
      this.#byName.set(option.name, option);
      if (option.letter !== undefined) this.#byLetter.set(option.letter, option);
    }
  }

  /** Reads until so many operands have been found; the index of the word behind them. */
  read(args: readonly string[], operandsWanted = Infinity): number {
    this.#args = args;
    this.#at = 0;
    while (this.#at < args.length && this.operands.length < operandsWanted) {
      const word = args[this.#at++] as string;
      if (word === "--") {
        this.operands.push(...args.slice(this.#at));
        this.#at = args.length;
      } else if (word.startsWith("--")) this.#readLong(word);
      else if (word.startsWith("-") && word.length > 1) this.#readLetters(word);
      else this.countBeforeDashes = this.operands.push(word);
    }
    return this.#at;
  }

  #readLong(word: string): void {
    const [, name = "", inline] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
    const option = this.#byName.get(name) ?? this.#foreign.get(name);
    const next = this.#args[this.#at];
    if (option === undefined) {
      this.#unknown(`--${name}`);
      // It may be its value, and is no reason for another problem.
      if (inline === undefined && next?.startsWith("-") === false) this.#at++;
      return;
    }
    // Somebody who writes "--config --ephemeral" has forgotten something.
    const isMissing = inline === undefined && next !== undefined && this.#isLongOption(next);
    this.#take(option, inline, isMissing);
  }

  /** Letters of switches may stand together, and a value right behind its letter. */
  #readLetters(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const option = this.#byLetter.get(word[at] as string);
      if (option === undefined) {
        this.#unknown(at === 1 ? word : `-${word[at]}`);
        return;
      }
      if (option.value === undefined) {
        this.#take(option, undefined, false);
        continue;
      }
      const rest = word.slice(at + 1);
      this.#take(option, rest === "" ? undefined : rest, false);
      return;
    }
  }

  #take(option: Option, inline: string | undefined, isMissing: boolean): void {
    const { name } = option;
    if (option.value === undefined) {
      if (inline === undefined) this.#note(name, []);
      else this.problems.push(`option --${name} has no value`);
      return;
    }
    const following = inline === undefined
      ? this.#args.slice(this.#at)
      : [inline, ...this.#args.slice(this.#at)];
    const count = option.wordCount?.(following) ?? 1;
    if (isMissing || following.length < count) {
      this.problems.push(`option --${name} needs ${count > 1 ? option.value : "a value"}`);
      this.#at += isMissing ? 0 : following.length;
      return;
    }
    this.#at += inline === undefined ? count : count - 1;
    const words = following.slice(0, count);
    const problem = valueProblem(option, words[0] as string);
    if (problem === undefined) this.#note(name, words);
    else this.problems.push(problem);
  }

  #note(name: string, words: readonly string[]): void {
    if (!this.#byName.has(name)) {
      const problem = `option --${name} is not for "${this.#command}"`;
      if (!this.problems.includes(problem)) this.problems.push(problem);
      return;
    }
    const before = this.values.get(name);
    if (before === undefined) this.values.set(name, [words]);
    else before.push(words);
  }

  #isLongOption(word: string): boolean {
    return word.startsWith("--") && this.#byName.has(word.slice(2).split("=", 1)[0] as string);
  }

  #unknown(word: string): void {
    const known = [...this.#byName.keys()].map((name) => `--${name}`);
    const meant = word.startsWith("--") ? nearest(word, known) : undefined;
    const suggestion = meant === undefined ? "" : `; did you mean "${meant}"?`;
    this.problems.push(`unknown option "${word}"${suggestion}`);
  }
}

function valueProblem(
  { name, mayBeEmpty, oneOf, range }: Option,
  value: string,
): string | undefined {
  if (value === "" && mayBeEmpty !== true) return `option --${name} needs a value`;
  if (oneOf !== undefined && !oneOf.includes(value)) {
    return `option --${name} is "${value}", allowed are ${oneOf.join(", ")}`;
  }
  if (range === undefined) return undefined;
  const [min, max] = range;
  const isFine = /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max;
  return isFine ? undefined : `option --${name} is "${value}", allowed are ${min} to ${max}`;
}
