import { describeToken, RESERVED_WORDS, type Token, tokenize } from "./lexer.ts";
import { SqlError } from "./sql_error.ts";

/** A place in the tokens of a statement, and the words for what is not there. */
export class TokenReader {
  readonly text: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(text: string) {
    this.text = text;
    this.#tokens = tokenize(text);
  }

  /** The token that stands here; behind the last one "end". */
  get here(): Token {
    return this.#tokens[Math.min(this.#index, this.#tokens.length - 1)] as Token;
  }

  get behind(): Token {
    return this.#tokens[Math.min(this.#index + 1, this.#tokens.length - 1)] as Token;
  }

  take(): Token {
    const token = this.here;
    this.#index++;
    return token;
  }

  isKeyword(keyword: string): boolean {
    return this.here.kind === "word" && this.here.keyword === keyword;
  }

  isSymbol(symbol: string): boolean {
    return this.here.kind === "symbol" && this.here.text === symbol;
  }

  /** Whether a word stands here that may be a name without quotes. */
  isName(): boolean {
    return this.here.kind === "word" && !RESERVED_WORDS.has(this.here.keyword);
  }

  takeIfKeyword(keyword: string): boolean {
    const isHere = this.isKeyword(keyword);
    if (isHere) this.take();
    return isHere;
  }

  takeIfSymbol(symbol: string): boolean {
    const isHere = this.isSymbol(symbol);
    if (isHere) this.take();
    return isHere;
  }

  expectKeyword(keyword: string, expected = keyword): void {
    if (!this.takeIfKeyword(keyword)) throw this.unexpected(expected);
  }

  expectSymbol(symbol: string, expected = `"${symbol}"`): void {
    if (!this.takeIfSymbol(symbol)) throw this.unexpected(expected);
  }

  unexpected(expected: string): SqlError {
    const detail = `expected ${expected}, found ${describeToken(this.here)}`;
    return new SqlError(this.text, this.here.at, { code: "syntax", detail });
  }

  /** SQL that we know and do not do. `what` is a name for it, or a sentence. */
  unsupported(detail: string): SqlError {
    return new SqlError(this.text, this.here.at, { code: "unsupported", detail });
  }
}
