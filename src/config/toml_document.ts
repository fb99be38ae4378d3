import { parse } from "@std/toml";
import { locateToml, type Position, type TomlProblem } from "./toml_locator.ts";
import type { KeyPosition } from "./toml_locator.ts";

export type TomlTable = Record<string, unknown>;

export interface TomlDocument {
  /** What could be read: all, or without the lines that are no TOML, or nothing. */
  readonly root: TomlTable;
  readonly positions: ReadonlyMap<string, KeyPosition>;
  readonly problems: readonly TomlProblem[];
}

/** Lines with a mistake of their own that are told at once; further ones wait for the next try. */
const BAD_LINES_MAX = 50;

/**
 * Reads TOML text with the place of each key. Problems are told, never thrown. A line that is wrong
 * in itself is left out and the rest is read on, so that one try shows all that is wrong.
 */
export function readToml(source: string): TomlDocument {
  // Editors of one operating system put a byte order mark before the text.
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  const { positions, tightEnds, problems: located } = locateToml(text);
  const problems = [...located];
  let readable = loosened(text, tightEnds);
  for (let count = 0; count < BAD_LINES_MAX; count++) {
    const result = tryParse(readable);
    if ("root" in result) return { root: result.root, positions, problems };
    const { problem } = result;
    // A table that is there twice stops the parser at the end of the text, in words of its own.
    if (located.length > 0 && /^(?:unexpected assign|.*key length)/.test(problem.message)) break;
    // What the locator found is nearer to the mistake than where the parser gave up.
    const isTold = located.some((other) =>
      !other.isTwice || other.position.line === problem.position.line
    );
    if (!isTold) problems.push(problem);
    const without = withoutLine(readable, problem.position.line);
    if (without === undefined) break;
    readable = without;
  }
  return { root: {}, positions, problems };
}

/** With a space at each of these places. */
function loosened(text: string, places: readonly number[]): string {
  let from = 0;
  let result = "";
  for (const place of places) {
    result += `${text.slice(from, place)} `;
    from = place;
  }
  return result + text.slice(from);
}

function tryParse(text: string): { root: TomlTable } | { problem: TomlProblem } {
  try {
    return { root: parse(text) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { problem: toProblem(error.message) };
  }
}

/**
 * The text with that line blanked out; undefined when other lines depend on it, which is all but
 * `key = value` with a value that ends in its line.
 */
function withoutLine(text: string, line: number): string | undefined {
  const lines = text.split("\n");
  const bad = lines[line - 1] ?? "";
  if (!/^\s*[\w."'-]+\s*(?:=[^[{]*)?$/.test(bad) || /"""|'''/.test(bad)) return undefined;
  lines[line - 1] = "";
  return lines.join("\n");
}

/** One value in TOML syntax; undefined when it is not one. */
export function readTomlValue(source: string): { readonly value: unknown } | undefined {
  const { root, problems } = readToml(`value = ${source}`);
  const isOneValue = problems.length === 0 && Object.keys(root).join() === "value";
  return isOneValue ? { value: root.value } : undefined;
}

/** A dotted key in TOML syntax as its parts; undefined when it is not one. */
export function readTomlKey(source: string): readonly string[] | undefined {
  if (source.includes("=") || source.includes("\n")) return undefined;
  const { root, problems } = readToml(`${source} = 0`);
  if (problems.length > 0) return undefined;
  const path: string[] = [];
  for (let at: unknown = root; isTable(at);) {
    const [name, ...others] = Object.keys(at);
    if (name === undefined || others.length > 0) return undefined;
    path.push(name);
    at = at[name];
  }
  return path.length > 0 ? path : undefined;
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/**
 * The parser's message taken apart. What it quotes from the text is left out, since the line may
 * hold a secret; the position says enough.
 */
function toProblem(message: string): TomlProblem {
  const match = /^(?:Parse error on line (\d+), column (\d+): )+(.*)/s.exec(message);
  if (match === null) return { position: { line: 1, column: 1 }, message, isTwice: false };
  const [, line, column, detail = ""] = match;
  const position: Position = { line: Number(line), column: Number(column) + 1 };
  const [first = ""] = detail.split("\n", 1);
  const short = first.replace(/ on line '.*$/, "").replace(/:$/, "");
  const lowered = short.charAt(0).toLowerCase() + short.slice(1);
  // The commonest mistake, and the parser's words do not say what to do about it.
  const hint = /^(?:cannot parse value|unexpected character)/.test(lowered)
    ? " (text needs quotes)"
    : "";
  return { position, message: lowered + hint, isTwice: false };
}
