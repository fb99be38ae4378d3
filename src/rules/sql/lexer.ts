import { shorten } from "../../base/mod.ts";
import { SqlError } from "./sql_error.ts";

export interface Token {
  readonly kind: "word" | "number" | "text" | "symbol" | "end";
  /** As written, but of a text what is between its quotes. */
  readonly text: string;
  /** Of a word: in upper case, to be compared with keywords. */
  readonly keyword: string;
  /** UTF-16 units in front of it. */
  readonly at: number;
}

/** Words that are no name unless they are quoted, or stand behind a dot. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  ("AND AS CASE DIV DO ELSE END FALSE FOREACH FROM IN INCASE NOT NULL OR SELECT THEN TRUE WHEN " +
    "WHERE").split(" "),
);

const BLANK = /(?:\s+|--[^\n]*)+/y;
const WORD = /[\p{L}_$][\p{L}\p{M}\p{N}_$]*/uy;
/** Behind a dot a name may begin with a digit. */
const SEGMENT = /[\p{L}\p{M}\p{N}_$]+/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SYMBOL = /\|\||<>|!=|<=|>=|=~|[,().;*+\-/=<>]/y;
const QUOTED_MAX = 30;

/** The tokens of a statement, "end" last. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = skipBlank(text, 0);
  while (at < text.length) {
    const last = tokens.at(-1);
    const isBehindDot = last?.kind === "symbol" && last.text === ".";
    const { token, end } = tokenAt(text, at, isBehindDot);
    tokens.push(token);
    at = skipBlank(text, end);
  }
  tokens.push({ kind: "end", text: "", keyword: "", at: text.length });
  return tokens;
}

/** What stands there, for "found …". */
export function describeToken({ kind, text }: Token): string {
  if (kind === "end") return "the end";
  if (kind === "text") return `the text '${shorten(text, QUOTED_MAX)}'`;
  return `"${shorten(text, QUOTED_MAX)}"`;
}

function tokenAt(text: string, at: number, isBehindDot: boolean): { token: Token; end: number } {
  const first = text[at] as string;
  if (first === "'" || first === '"') return quotedAt(text, at, first);
  const word = matchAt(isBehindDot ? SEGMENT : WORD, text, at);
  if (word !== undefined) {
    const token: Token = { kind: "word", text: word, keyword: word.toUpperCase(), at };
    return { token, end: at + word.length };
  }
  const number = matchAt(NUMBER, text, at);
  if (number !== undefined) return numberAt(text, at, number);
  const symbol = matchAt(SYMBOL, text, at);
  if (symbol === undefined) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    throw new SqlError(text, at, {
      code: "syntax",
      detail: `expected a name, a number, a text or an operator, found ${
        JSON.stringify(character)
      }`,
    });
  }
  return { token: { kind: "symbol", text: symbol, keyword: "", at }, end: at + symbol.length };
}

function numberAt(text: string, at: number, number: string): { token: Token; end: number } {
  const end = at + number.length;
  if (matchAt(SEGMENT, text, end) !== undefined) {
    const written = number + matchAt(SEGMENT, text, end);
    throw new SqlError(text, at, {
      code: "syntax",
      detail: `expected a number or a name, found "${shorten(written, QUOTED_MAX)}"`,
    });
  }
  if (!Number.isFinite(Number(number))) {
    const written = shorten(number, QUOTED_MAX);
    throw new SqlError(text, at, {
      code: "too-large",
      detail: `the number ${written} is too large`,
    });
  }
  return { token: { kind: "number", text: number, keyword: "", at }, end };
}

/** A quote in the text is written twice. */
function quotedAt(text: string, at: number, quote: string): { token: Token; end: number } {
  let value = "";
  let start = at + 1;
  while (true) {
    const end = text.indexOf(quote, start);
    if (end < 0) {
      throw new SqlError(text, at, {
        code: "syntax",
        detail: `expected a closing ${quote} for the text that begins here, found the end`,
      });
    }
    value += text.slice(start, end);
    if (text[end + 1] !== quote) {
      return { token: { kind: "text", text: value, keyword: "", at }, end: end + 1 };
    }
    value += quote;
    start = end + 2;
  }
}

function skipBlank(text: string, at: number): number {
  return at + (matchAt(BLANK, text, at)?.length ?? 0);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
