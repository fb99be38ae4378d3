/**
 * Hostile statements for the parser, the compiler and the printer: broken good ones, nestings without end, and plain
 * noise. Only a SqlError may come out, within a bounded time; what is accepted means the same when it is printed and
 * parsed again, and whatever it runs on, only EvaluationFailures end it, which `run` keeps to itself.
 */
import { assert, assertEquals } from "@std/assert";
import { Prng } from "../../src/base/mod.ts";
import {
  type CompiledStatement,
  compileMemberTemplate,
  compileStatement,
  compileTemplate,
  EvaluationFailure,
  parseStatement,
  printStatement,
  SqlError,
  type Statement,
} from "../../src/rules/sql/mod.ts";
import { RandomStatements } from "../unit/rules/sql/random_statement.ts";
import { columnsOf, OPTIONS } from "../unit/rules/sql/rig.ts";
import { REFUSED_STATEMENTS, SOUND_STATEMENTS } from "../unit/rules/sql/tables/all.ts";

export interface SqlFuzzOptions {
  readonly seed: number;
  /** Ends after so many statements, or … */
  readonly rounds?: number;
  /** … after this time. */
  readonly seconds?: number;
}

export interface SqlFuzzResult {
  rounds: number;
  /** Statements that were parsed. */
  parsed: number;
  /** Statements that were compiled, too. */
  compiled: number;
  /** Events that a statement matched. */
  matched: number;
  /** The longest that parsing and compiling took. */
  slowestMs: number;
}

/** Far more than any statement takes, and far less than a client of the broker would wait. */
const PATIENCE_MS = 2000;

const PIECES = [
  ..."SELECT FROM WHERE FOREACH DO INCASE AS AND OR NOT IN CASE WHEN THEN ELSE END DIV TRUE NULL"
    .split(" "),
  ...", ( ) . ; * + - / = <> != < > <= >= =~ || -- ' \" '' \"\" \\ # ` { } [ ] $ _ : @ ! ~".split(
    " ",
  ),
  ..."LIKE BETWEEN IS GROUP ORDER UNION JOIN DISTINCT payload topic qos item a.b upper( nth(".split(
    " ",
  ),
  ..."0 1 1.5 1e9 1e999 .5 00 't/#' \"message.publish\" 'a' \"a\" \n \t \r \u00a0 \u2028 \ufeff"
    .split(" "),
  "\u0000",
  "\ud800",
  "é",
  "e\u0301",
  "😀",
  "温度",
  "__proto__",
  "constructor",
];
const NESTS: ReadonlyArray<readonly [open: string, close: string]> = [
  ["(", ")"],
  ["NOT ", ""],
  ["- ", ""],
  ["abs(", ")"],
  ["CASE WHEN ", " THEN 1 END"],
  ["1 IN (", ")"],
  ["1 + ", ""],
  ["true AND (", ")"],
  ["payload.", "x"],
  ["'", ""],
  ["a(", ""],
  ["qos = 1 OR ", "true"],
];

/** Runs until a budget is used up; throws at the first find, with all that repeats it. */
export function fuzzSql({ seed, rounds, seconds }: SqlFuzzOptions): SqlFuzzResult {
  const result: SqlFuzzResult = { rounds: 0, parsed: 0, compiled: 0, matched: 0, slowestMs: 0 };
  const endMs = performance.now() + (seconds ?? Infinity) * 1000;
  while (result.rounds < (rounds ?? Infinity) && performance.now() < endMs) {
    // Each round has a seed of its own, so that one find can be repeated without the rounds before.
    const prng = new Prng(seed + result.rounds++);
    const text = hostileText(prng);
    try {
      tryStatement(text, prng, result);
      tryTemplate(text);
    } catch (cause) {
      throw new Error(
        `SQL fuzz found a bug: SEED=${seed + result.rounds - 1}, statement of ${text.length} ` +
          `characters ${JSON.stringify(text.slice(0, 2000))}: ${cause}`,
        { cause },
      );
    }
  }
  return result;
}

function tryStatement(text: string, prng: Prng, result: SqlFuzzResult): void {
  const startMs = performance.now();
  const statement = refusable(() => parseStatement(text));
  const compiled = statement &&
    refusable(() => compileStatement(statement, { ...OPTIONS, flavor: prng.pick(["3.1", "3.2"]) }));
  const tookMs = performance.now() - startMs;
  result.slowestMs = Math.max(result.slowestMs, tookMs);
  assert(tookMs < PATIENCE_MS, `it took ${tookMs} ms`);
  if (statement === undefined) return;
  result.parsed++;
  checkPrinter(statement);
  if (compiled === undefined) return;
  result.compiled++;
  result.matched += runOn(compiled, new RandomStatements(prng, "3.2"));
}

/** What `run` gives; undefined where it refuses with a SqlError that stands in the text. */
function refusable<Made>(run: () => Made): Made | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    assert(error.line >= 1 && error.column >= 1, "the place is in the text");
    assert(error.message.length < 70_000, "a message is not much longer than the statement");
    return undefined;
  }
}

function checkPrinter(statement: Statement): void {
  const printed = printStatement(statement);
  let again: Statement;
  try {
    again = parseStatement(printed);
  } catch (error) {
    // Quotes and blanks make it longer.
    if (error instanceof SqlError && error.code === "too-large") return;
    throw error;
  }
  assertEquals(printStatement(again), printed);
  assertEquals(meaning(again), meaning(statement));
}

/** What a statement says, without where it says it. */
function meaning(statement: Statement): unknown {
  return JSON.parse(
    JSON.stringify(
      statement,
      (name, value) => name === "at" || name === "text" ? undefined : value,
    ),
  );
}

function runOn(compiled: CompiledStatement, random: RandomStatements): number {
  let matched = 0;
  for (const columns of [random.event(), columnsOf(), columnsOf({ payload: undefined })]) {
    const selected = compiled.run(columns);
    if (selected === "no-match") continue;
    matched++;
    for (const each of selected) JSON.stringify(compiled.asObject(each));
  }
  return matched;
}

function tryTemplate(text: string): void {
  const data = { a: { b: text }, x: text };
  try {
    compileTemplate(text).render(data);
    compileMemberTemplate({ [text]: [text, { a: text }] }).render(data);
  } catch (error) {
    assert(error instanceof EvaluationFailure, String(error));
  }
}

function hostileText(prng: Prng): string {
  switch (prng.nextInt(12)) {
    case 0:
      return noise(prng, 1 + prng.nextInt(300));
    case 1:
      return pieces(prng, 1 + prng.nextInt(60));
    case 2:
      return `SELECT ${pieces(prng, 1 + prng.nextInt(20))} FROM "#" WHERE ${pieces(prng, 5)}`;
    case 3:
      return nested(prng);
    case 4:
      return prng.pick(REFUSED_STATEMENTS);
    default: {
      let text = soundText(prng);
      const wounds = prng.pick([0, 1, 1, 1, 2, 5]);
      for (let count = 0; count < wounds; count++) text = wound(prng, text);
      return text;
    }
  }
}

function soundText(prng: Prng): string {
  if (prng.nextBoolean(0.3)) return prng.pick(SOUND_STATEMENTS);
  return printStatement(new RandomStatements(prng, "3.2").statement());
}

/** One random change, of the kinds that parsers trip over. */
function wound(prng: Prng, text: string): string {
  const at = prng.nextInt(text.length + 1);
  const length = prng.nextInt(12);
  const from = prng.nextInt(text.length + 1);
  switch (prng.nextInt(7)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1 + length);
    case 1:
      return text.slice(0, at) + prng.pick(PIECES) + text.slice(at);
    case 2:
      return text.slice(0, at) + ` ${prng.pick(PIECES)} ` + text.slice(at + length);
    case 3:
      return text.slice(0, at) + text.slice(from, from + 3 * length) + text.slice(at);
    case 4:
      return text.slice(0, at) + noise(prng, 1 + prng.nextInt(4)) + text.slice(at + 1);
    case 5:
      return text.slice(0, at);
    default:
      return text.slice(0, at) + text.slice(at).toUpperCase();
  }
}

function nested(prng: Prng): string {
  const [open, close] = prng.pick(NESTS);
  const depth = prng.pick([10, 63, 64, 65, 200, 1000, 4000, 20_000]);
  const inner = open.repeat(depth) + "1" + (prng.nextBoolean(0.8) ? close.repeat(depth) : "");
  return prng.nextBoolean()
    ? `SELECT ${inner} AS r FROM "#"`
    : `SELECT qos FROM "#" WHERE ${inner}`;
}

function pieces(prng: Prng, count: number): string {
  const blank = prng.pick([" ", " ", "", "\n"]);
  return Array.from({ length: count }, () => prng.pick(PIECES)).join(blank);
}

function noise(prng: Prng, length: number): string {
  const below = prng.pick([0x80, 0x100, 0x10000]);
  return Array.from({ length }, () => String.fromCharCode(prng.nextInt(below))).join("");
}
