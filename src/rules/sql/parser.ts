import { utf8Length } from "../../mqtt/mod.ts";
import type { Expression, Field, Source, Statement } from "./ast.ts";
import { ExpressionParser } from "./expression_parser.ts";
import { STATEMENT_BYTES_MAX } from "./limits.ts";
import { SqlError } from "./sql_error.ts";
import { TokenReader } from "./token_reader.ts";

/** What other SQL has where ours ends. */
const UNSUPPORTED_CLAUSES: Readonly<Record<string, string>> = {
  GROUP: "GROUP BY",
  HAVING: "HAVING",
  ORDER: "ORDER BY",
  LIMIT: "LIMIT",
  UNION: "UNION",
  INTERSECT: "INTERSECT",
  EXCEPT: "EXCEPT",
  JOIN: "JOIN",
  INNER: "JOIN",
  LEFT: "JOIN",
  RIGHT: "JOIN",
  FULL: "JOIN",
  CROSS: "JOIN",
  NATURAL: "JOIN",
};

/** Reads a statement; refuses it with a `SqlError`. Whether its names mean anything is for `compileStatement` to say. */
export function parseStatement(text: string): Statement {
  if (text.length > STATEMENT_BYTES_MAX || utf8Length(text) > STATEMENT_BYTES_MAX) {
    const detail = `the statement is larger than ${STATEMENT_BYTES_MAX} bytes`;
    throw new SqlError(text, 0, { code: "too-large", detail });
  }
  return new StatementParser(text).parse();
}

class StatementParser {
  readonly #reader: TokenReader;
  readonly #expressions: ExpressionParser;

  constructor(text: string) {
    this.#reader = new TokenReader(text);
    this.#expressions = new ExpressionParser(this.#reader);
  }

  parse(): Statement {
    if (this.#reader.takeIfKeyword("SELECT")) return this.#select();
    if (this.#reader.takeIfKeyword("FOREACH")) return this.#foreach();
    throw this.#reader.unexpected("SELECT or FOREACH");
  }

  #select(): Statement {
    if (this.#reader.isKeyword("DISTINCT")) {
      throw this.#reader.unsupported("DISTINCT is not supported");
    }
    const fields = this.#fields();
    const sources = this.#from('",", AS, FROM or an operator');
    return { kind: "select", fields, sources, where: this.#where(), text: this.#reader.text };
  }

  #foreach(): Statement {
    const reader = this.#reader;
    const fields = this.#fields();
    const each = reader.takeIfKeyword("DO") ? this.#fields() : undefined;
    const inCase = reader.takeIfKeyword("INCASE") ? this.#expressions.parse() : undefined;
    const earlier = inCase !== undefined ? "" : each !== undefined ? "INCASE, " : "DO, INCASE, ";
    const sources = this.#from(
      `${inCase === undefined ? '",", AS, ' : ""}${earlier}FROM or an operator`,
    );
    const where = this.#where();
    return { kind: "foreach", fields, each, inCase, sources, where, text: reader.text };
  }

  #fields(): Field[] {
    const fields = [this.#field()];
    while (this.#reader.takeIfSymbol(",")) fields.push(this.#field());
    return fields;
  }

  #field(): Field {
    if (this.#reader.isSymbol("*")) return { kind: "all", at: this.#reader.take().at };
    const value = this.#expressions.parse();
    const hasAlias = this.#reader.takeIfKeyword("AS") || this.#reader.isName();
    return { kind: "value", value, alias: hasAlias ? this.#alias() : undefined };
  }

  /** Dots nest, be they between names or inside quotes. */
  #alias(): string[] {
    const path: string[] = [];
    do {
      const { kind, text } = this.#reader.here;
      const isName = path.length === 0 ? this.#reader.isName() : kind === "word";
      if (!isName && kind !== "text") throw this.#reader.unexpected("a name");
      const names = kind === "text" ? text.split(".") : [text];
      if (names.includes("")) throw this.#reader.unexpected("a name that is not empty");
      path.push(...names);
      this.#reader.take();
    } while (this.#reader.takeIfSymbol("."));
    return path;
  }

  #from(expected: string): Source[] {
    this.#reader.expectKeyword("FROM", expected);
    const sources = [this.#source()];
    while (this.#reader.takeIfSymbol(",")) sources.push(this.#source());
    return sources;
  }

  #source(): Source {
    const reader = this.#reader;
    const { at, kind } = reader.here;
    if (reader.isSymbol("(")) throw reader.unsupported("sub-selects are not supported");
    if (kind === "text") return { name: reader.take().text, at };
    if (!reader.isName()) throw reader.unexpected("an event or a topic filter");
    let name = reader.take().text;
    while (reader.takeIfSymbol(".")) {
      if (reader.here.kind !== "word") throw reader.unexpected("a name behind the dot");
      name += `.${reader.take().text}`;
    }
    return { name, at };
  }

  /** The end of the statement, with or without a condition. */
  #where(): Expression | undefined {
    this.#refuseClauses();
    const hasWhere = this.#reader.takeIfKeyword("WHERE");
    const where = hasWhere ? this.#expressions.parse() : undefined;
    this.#refuseClauses();
    this.#reader.takeIfSymbol(";");
    if (this.#reader.here.kind !== "end") {
      throw this.#reader.unexpected(hasWhere ? "an operator or the end" : '",", WHERE or the end');
    }
    return where;
  }

  #refuseClauses(): void {
    const clause = this.#reader.here.kind === "word"
      ? UNSUPPORTED_CLAUSES[this.#reader.here.keyword]
      : undefined;
    if (clause !== undefined) throw this.#reader.unsupported(`${clause} is not supported`);
  }
}
