/** Just enough of TypeScript's grammar to tell code, strings and comments apart. */

/** A comment without its marks, where it begins, and whether it runs to the end of its line. */
export interface Comment {
  readonly text: string;
  readonly line: number;
  readonly kind: "line" | "block";
}

export interface SplitSource {
  /** The text with every comment blanked out; offsets and lines as in the original. */
  readonly withoutComments: string;
  /** The same with the insides of strings, templates and regular expressions blanked out, too. */
  readonly codeOnly: string;
  readonly comments: readonly Comment[];
}

/** A `/` behind one of these begins a regular expression; behind anything else it divides. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|void))$/;

/** Splits a source text. Text that is no valid TypeScript gives an answer, but no useful one. */
export function splitSource(text: string): SplitSource {
  return new Splitter(text).split();
}

class Splitter {
  readonly #text: string;
  readonly #withoutComments: string[];
  readonly #codeOnly: string[];
  readonly #comments: Comment[] = [];
  #at = 0;
  /** The last code before `#at`, white space folded, cut to what BEFORE_REGEXP may need. */
  #before = "";

  constructor(text: string) {
    this.#text = text;
    this.#withoutComments = text.split("");
    this.#codeOnly = text.split("");
  }

  split(): SplitSource {
    this.#code(undefined);
    return {
      withoutComments: this.#withoutComments.join(""),
      codeOnly: this.#codeOnly.join(""),
      comments: this.#comments,
    };
  }

  /** Code up to the end of the text, or to the brace that closes a template's `${`. */
  #code(closing: "}" | undefined): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (closing !== undefined) {
        if (character === "{") depth++;
        if (character === "}" && depth-- === 0) return;
      }
      this.#token(character);
    }
  }

  #token(character: string): void {
    const next = this.#text.charAt(this.#at + 1);
    if (character === "/" && next === "/") return this.#comment("line");
    if (character === "/" && next === "*") return this.#comment("block");
    if (character === '"' || character === "'") return this.#string(character);
    if (character === "`") return this.#template();
    if (character === "/" && BEFORE_REGEXP.test(this.#before.trimEnd())) return this.#regexp();
    if (!/\s/.test(character)) this.#before = (this.#before + character).slice(-12);
    else if (!this.#before.endsWith(" ")) this.#before += " ";
    this.#at++;
  }

  #comment(kind: "line" | "block"): void {
    const start = this.#at;
    const found = this.#text.indexOf(kind === "line" ? "\n" : "*/", start + 2);
    const end = found < 0 ? this.#text.length : found;
    const line = this.#text.slice(0, start).split("\n").length;
    this.#comments.push({ text: this.#text.slice(start + 2, end), line, kind });
    this.#at = Math.min(kind === "line" ? end : end + 2, this.#text.length);
    this.#blank(start, this.#at, this.#withoutComments);
    this.#blank(start, this.#at, this.#codeOnly);
  }

  #string(quote: string): void {
    const start = this.#at++;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === quote || character === "\n") break;
      this.#at += character === "\\" ? 2 : 1;
    }
    this.#blank(start + 1, this.#at, this.#codeOnly);
    this.#at++;
    this.#before = quote;
  }

  #template(): void {
    let start = ++this.#at;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === "`") break;
      if (character === "$" && this.#text.charAt(this.#at + 1) === "{") {
        this.#blank(start, this.#at, this.#codeOnly);
        this.#at += 2;
        this.#before = "{";
        this.#code("}");
        start = this.#at + 1;
      }
      this.#at += character === "\\" ? 2 : 1;
    }
    this.#blank(start, this.#at, this.#codeOnly);
    this.#at++;
    this.#before = "`";
  }

  #regexp(): void {
    const start = this.#at++;
    let inClass = false;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === "\n" || (character === "/" && !inClass)) break;
      if (character === "[") inClass = true;
      if (character === "]") inClass = false;
      this.#at += character === "\\" ? 2 : 1;
    }
    this.#blank(start + 1, this.#at, this.#codeOnly);
    this.#at++;
    this.#before = "/";
  }

  #blank(start: number, end: number, target: string[]): void {
    for (let index = start; index < Math.min(end, target.length); index++) {
      if (target[index] !== "\n") target[index] = " ";
    }
  }
}

/** An import or re-export as written, type imports included. */
export interface ImportStatement {
  readonly specifier: string;
  readonly line: number;
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1/g;

/** Everything that a file imports: `import`, `export … from`, `import()` with a literal. */
export function importsOf(text: string): ImportStatement[] {
  const { withoutComments, codeOnly } = splitSource(text);
  const imports: ImportStatement[] = [];
  for (const match of withoutComments.matchAll(IMPORT)) {
    // An import inside a string (a test's planted source) is none: its keyword is blanked there.
    if (codeOnly.charAt(match.index) === " ") continue;
    const line = withoutComments.slice(0, match.index).split("\n").length;
    imports.push({ specifier: match[2] ?? "", line });
  }
  return imports;
}
