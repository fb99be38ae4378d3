import { formatPath, type KeyPath } from "./key_path.ts";

/** Both count from 1; columns are characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a key begins, and where its value does. */
export interface KeyPosition {
  readonly key: Position;
  readonly value: Position;
}

export interface TomlProblem {
  readonly position: Position;
  readonly message: string;
  /** Whether the parser can still make sense of the rest. */
  readonly isTwice: boolean;
}

export interface LocatedToml {
  /** By `formatPath` of the key; tables, array elements and values in arrays are in it too. */
  readonly positions: ReadonlyMap<string, KeyPosition>;
  /**
   * Where an array ends behind its opening bracket or a comma, with a closing brace behind it: the TOML parser refuses
   * `{ a = []}`, and takes `{ a = [] }`.
   */
  readonly tightEnds: readonly number[];
  /** What the TOML parser passes over or reports at the wrong place, in the order of the source. */
  readonly problems: readonly TomlProblem[];
}

/**
 * Finds where each key and value of a TOML document stands, which the parser does not tell.
 *
 * It does not judge syntax, with two exceptions: a key or table that is there twice (the parser
 * merges these in silence) and a string, array or table that is never closed (the parser reports
 * the end of the file). In a line that it cannot read it goes on with the next one.
 */
export function locateToml(source: string): LocatedToml {
  return new Locator(source).locate();
}

/** How a path came to be; decides which second definition is a mistake. */
type Origin = "value" | "header" | "implicit" | "dotted" | "elements";

const CLOSERS: Readonly<Record<string, string>> = { "[": "]", "{": "}" };

/** The rest of a construct is missing: the whole source has been read. */
class Unclosed extends Error {
  constructor(readonly at: number, readonly what: string) {
    super(what);
  }
}

class Locator {
  readonly #source: string;
  readonly #positions = new Map<string, KeyPosition>();
  readonly #tightEnds: number[] = [];
  readonly #problems: TomlProblem[] = [];
  readonly #origins = new Map<string, Origin>();
  readonly #elementCounts = new Map<string, number>();
  #at = 0;
  /** Start of the line in which the last position was asked for, and its number. */
  #lineStart = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  locate(): LocatedToml {
    try {
      this.#document();
    } catch (error) {
      if (!(error instanceof Unclosed)) throw error;
      this.#report(error.at, `${error.what} is not closed`);
    }
    return {
      positions: this.#positions,
      tightEnds: this.#tightEnds,
      problems: this.#problems,
    };
  }

  #document(): void {
    let table: KeyPath = [];
    for (this.#skipBlank(true); this.#at < this.#source.length; this.#skipBlank(true)) {
      if (this.#source[this.#at] === "[") table = this.#header() ?? table;
      else this.#pair(table);
      this.#skipLine();
    }
  }

  /** `[a.b]` or `[[a.b]]`; undefined when it cannot be read. */
  #header(): KeyPath | undefined {
    const start = this.#at;
    const isElement = this.#source.startsWith("[[", start);
    this.#at += isElement ? 2 : 1;
    const keys = this.#dottedKey();
    if (keys === undefined) return undefined;
    if (!this.#source.startsWith(isElement ? "]]" : "]", this.#at)) {
      this.#report(start, `table header is not closed with "${isElement ? "]]" : "]"}"`);
      return undefined;
    }
    this.#at += isElement ? 2 : 1;
    const parent = this.#parentOf(keys.map((key) => key.name), start);
    const name = keys.at(-1)?.name ?? "";
    return isElement
      ? this.#openElement([...parent, name], start)
      : this.#openTable([...parent, name], start);
  }

  /** The table that the last of `names` belongs to, through the newest element of each array. */
  #parentOf(names: readonly string[], at: number): KeyPath {
    let path: (string | number)[] = [];
    for (const name of names.slice(0, -1)) {
      path = [...path, name];
      const key = formatPath(path);
      const count = this.#elementCounts.get(key);
      const origin = this.#origins.get(key);
      if (count !== undefined) path = [...path, count - 1];
      else if (origin === "value") this.#reportTwice(path, at);
      else if (origin === undefined) {
        this.#origins.set(key, "implicit");
        this.#place(path, at, at);
      }
    }
    return path;
  }

  #openTable(path: KeyPath, at: number): KeyPath {
    const key = formatPath(path);
    const origin = this.#origins.get(key);
    if (origin !== undefined && origin !== "implicit") this.#reportTwice(path, at);
    else this.#place(path, at, at);
    this.#origins.set(key, "header");
    return path;
  }

  #openElement(path: KeyPath, at: number): KeyPath {
    const key = formatPath(path);
    const origin = this.#origins.get(key);
    if (origin !== undefined && origin !== "elements") this.#reportTwice(path, at);
    if (origin === undefined) this.#place(path, at, at);
    this.#origins.set(key, "elements");
    const index = this.#elementCounts.get(key) ?? 0;
    this.#elementCounts.set(key, index + 1);
    this.#place([...path, index], at, at);
    return [...path, index];
  }

  /** `a.b = value`, in a table or in an inline table. False when it cannot be read. */
  #pair(table: KeyPath): boolean {
    const keys = this.#dottedKey();
    if (keys === undefined || this.#source[this.#at] !== "=") return false;
    this.#at++;
    this.#skipBlank(false);
    const valueAt = this.#at;
    let path: KeyPath = table;
    for (const [index, { name, at }] of keys.entries()) {
      path = [...path, name];
      this.#define(path, at, valueAt, index === keys.length - 1);
    }
    return this.#value(path);
  }

  #define(path: KeyPath, keyAt: number, valueAt: number, isLast: boolean): void {
    const key = formatPath(path);
    const origin = this.#origins.get(key);
    if (origin === undefined) this.#place(path, keyAt, valueAt);
    else if (isLast || origin === "value" || origin === "elements") this.#reportTwice(path, keyAt);
    if (origin === undefined) this.#origins.set(key, isLast ? "value" : "dotted");
  }

  #dottedKey(): { readonly name: string; readonly at: number }[] | undefined {
    const keys: { readonly name: string; readonly at: number }[] = [];
    while (true) {
      this.#skipBlank(false);
      const at = this.#at;
      const name = this.#simpleKey();
      if (name === undefined) return undefined;
      keys.push({ name, at });
      this.#skipBlank(false);
      if (this.#source[this.#at] !== ".") return keys;
      this.#at++;
    }
  }

  #simpleKey(): string | undefined {
    const start = this.#at;
    const quote = this.#source[start];
    if (quote === '"' || quote === "'") {
      if (!this.#singleLineString(quote)) return undefined;
      const text = this.#source.slice(start + 1, this.#at - 1);
      return quote === '"' ? unescapeKey(text) : text;
    }
    while (/[A-Za-z0-9_-]/.test(this.#source[this.#at] ?? "")) this.#at++;
    return this.#at > start ? this.#source.slice(start, this.#at) : undefined;
  }

  /** Moves behind the value that begins here. False when it cannot be read. */
  #value(path: KeyPath): boolean {
    const character = this.#source[this.#at] ?? "";
    if (character === "[" || character === "{") return this.#collection(path, character);
    if (character === '"' || character === "'") {
      const triple = character.repeat(3);
      if (this.#source.startsWith(triple, this.#at)) return this.#multiLineString(triple);
      return this.#singleLineString(character);
    }
    const start = this.#at;
    while (!/[,\]}#\r\n]|^$/.test(this.#source[this.#at] ?? "")) this.#at++;
    return this.#at > start;
  }

  /** An array or an inline table, over as many lines as it takes. */
  #collection(path: KeyPath, opener: "[" | "{"): boolean {
    const start = this.#at;
    const closer = CLOSERS[opener];
    this.#at++;
    for (let index = 0;; index++) {
      this.#skipBlank(true);
      if (this.#at >= this.#source.length) {
        throw new Unclosed(start, opener === "[" ? "array" : "inline table");
      }
      if (this.#source[this.#at] === closer) {
        if (opener === "[" && this.#source[this.#at + 1] === "}") {
          this.#tightEnds.push(this.#at + 1);
        }
        break;
      }
      if (!(opener === "[" ? this.#element([...path, index]) : this.#pair(path))) return false;
      this.#skipBlank(true);
      if (this.#source[this.#at] === ",") this.#at++;
      else if (this.#at < this.#source.length && this.#source[this.#at] !== closer) return false;
    }
    this.#at++;
    return true;
  }

  #element(path: KeyPath): boolean {
    this.#place(path, this.#at, this.#at);
    return this.#value(path);
  }

  #singleLineString(quote: string): boolean {
    const start = this.#at;
    for (this.#at++; this.#at < this.#source.length; this.#at++) {
      const character = this.#source[this.#at];
      if (character === "\n") break;
      const isEscape = character === "\\" && quote === '"' && this.#source[this.#at + 1] !== "\n";
      if (isEscape) this.#at++;
      else if (character === quote) {
        this.#at++;
        return true;
      }
    }
    this.#report(start, "string is not closed");
    return false;
  }

  #multiLineString(triple: string): boolean {
    const start = this.#at;
    const quote = triple[0];
    for (this.#at += 3; this.#at < this.#source.length; this.#at++) {
      if (this.#source[this.#at] === "\\" && quote === '"') this.#at++;
      else if (this.#source.startsWith(triple, this.#at)) {
        this.#at += 3;
        // Up to two quotes may stand directly before the closing ones.
        for (let extra = 0; extra < 2 && this.#source[this.#at] === quote; extra++) this.#at++;
        return true;
      }
    }
    throw new Unclosed(start, "multi-line string");
  }

  #skipBlank(acrossLines: boolean): void {
    while (this.#at < this.#source.length) {
      const character = this.#source[this.#at] ?? "";
      if (character === "#" && acrossLines) this.#skipLine();
      else if (character === " " || character === "\t") this.#at++;
      else if (acrossLines && (character === "\n" || character === "\r")) this.#at++;
      else return;
    }
  }

  #skipLine(): void {
    const end = this.#source.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#source.length : end;
  }

  #place(path: KeyPath, keyAt: number, valueAt: number): void {
    this.#positions.set(formatPath(path), {
      key: this.#positionAt(keyAt),
      value: this.#positionAt(valueAt),
    });
  }

  #report(at: number, message: string): void {
    this.#problems.push({ position: this.#positionAt(at), message, isTwice: false });
  }

  #reportTwice(path: KeyPath, at: number): void {
    const first = this.#positions.get(formatPath(path))?.key.line;
    const message = `"${formatPath(path)}" is already defined in line ${first}`;
    this.#problems.push({ position: this.#positionAt(at), message, isTwice: true });
  }

  /** Cheap while positions are asked for in the order of the source, which they nearly are. */
  #positionAt(offset: number): Position {
    if (offset < this.#lineStart) {
      this.#lineStart = 0;
      this.#line = 1;
    }
    for (
      let end = this.#source.indexOf("\n", this.#lineStart);
      end >= 0 && end < offset;
      end = this.#source.indexOf("\n", this.#lineStart)
    ) {
      this.#lineStart = end + 1;
      this.#line++;
    }
    const before = this.#source.slice(this.#lineStart, offset);
    return { line: this.#line, column: Array.from(before).length + 1 };
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

function unescapeKey(text: string): string {
  return text.replace(
    /\\(?:u([0-9A-Fa-f]{4})|(.))/g,
    (whole, code: string | undefined, letter: string | undefined) =>
      code !== undefined
        ? String.fromCodePoint(parseInt(code, 16))
        : ESCAPES[letter ?? ""] ?? whole,
  );
}
