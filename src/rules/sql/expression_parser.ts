import type {
  ArithmeticOperator,
  CaseBranch,
  ComparisonOperator,
  Expression,
  InExpression,
} from "./ast.ts";
import { EXPRESSION_DEPTH_MAX } from "./limits.ts";
import { SqlError } from "./sql_error.ts";
import type { TokenReader } from "./token_reader.ts";

const COMPARISONS: Readonly<Record<string, ComparisonOperator>> = {
  "=": "=",
  "<>": "<>",
  "!=": "<>",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
  "=~": "=~",
};
/** The deepest expression, with parentheses around each of its parts. */
const NESTING_MAX = 3 * EXPRESSION_DEPTH_MAX + 8;
const EXPECTED = "an expression";

/**
 * Reads expressions by recursive descent: OR, AND, NOT, comparison, sum, product, sign, in that order of strength.
 * Conditions are expressions with a boolean value, so that one may stand wherever a value may.
 */
export class ExpressionParser {
  readonly #reader: TokenReader;
  readonly #depths = new WeakMap<Expression, number>();
  /** Brackets, signs and NOTs around this place: the parser's own depth of recursion. */
  #nesting = 0;

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  parse(): Expression {
    return this.#nested(() => this.#logic("or", "OR", () => this.#conjunction()));
  }

  #conjunction(): Expression {
    return this.#logic("and", "AND", () => this.#negation());
  }

  #logic(kind: "and" | "or", keyword: string, parsePart: () => Expression): Expression {
    const first = parsePart();
    if (!this.#reader.isKeyword(keyword)) return first;
    const parts = [first];
    while (this.#reader.takeIfKeyword(keyword)) parts.push(parsePart());
    return this.#made({ kind, parts }, parts);
  }

  #negation(): Expression {
    if (!this.#reader.takeIfKeyword("NOT")) return this.#comparison();
    const operand = this.#nested(() => this.#negation());
    return this.#made({ kind: "not", operand }, [operand]);
  }

  #comparison(): Expression {
    const left = this.#sum();
    this.#refuseUnsupported();
    const reader = this.#reader;
    if (reader.isKeyword("IN") || (reader.isKeyword("NOT") && reader.behind.keyword === "IN")) {
      return this.#membership(left);
    }
    const operator = reader.here.kind === "symbol" ? COMPARISONS[reader.here.text] : undefined;
    if (operator === undefined) return left;
    reader.take();
    const at = reader.here.at;
    const right = this.#sum();
    this.#refuseUnsupported();
    return this.#made({ kind: "comparison", operator, left, right, at }, [left, right]);
  }

  #membership(operand: Expression): InExpression {
    const isNegated = this.#reader.takeIfKeyword("NOT");
    this.#reader.expectKeyword("IN");
    this.#reader.expectSymbol("(");
    const items = this.#list();
    return this.#made({ kind: "in", operand, isNegated, items }, [operand, ...items]);
  }

  #sum(): Expression {
    let left = this.#product();
    while (this.#reader.isSymbol("+") || this.#reader.isSymbol("-")) {
      const operator = this.#reader.take().text as ArithmeticOperator;
      const right = this.#product();
      left = this.#made({ kind: "arithmetic", operator, left, right }, [left, right]);
    }
    if (this.#reader.isSymbol("||")) throw this.#reader.unsupported("|| is not supported");
    return left;
  }

  #product(): Expression {
    let left = this.#sign();
    while (true) {
      const isDiv = this.#reader.isKeyword("DIV");
      if (!isDiv && !this.#reader.isSymbol("*") && !this.#reader.isSymbol("/")) return left;
      const token = this.#reader.take();
      const operator = isDiv ? "div" : token.text as ArithmeticOperator;
      const right = this.#sign();
      left = this.#made({ kind: "arithmetic", operator, left, right }, [left, right]);
    }
  }

  #sign(): Expression {
    if (!this.#reader.takeIfSymbol("-")) return this.#primary();
    const operand = this.#nested(() => this.#sign());
    return this.#made({ kind: "minus", operand }, [operand]);
  }

  #primary(): Expression {
    const reader = this.#reader;
    const token = reader.here;
    switch (token.kind) {
      case "number":
        reader.take();
        return this.#made({ kind: "literal", value: Number(token.text) }, []);
      case "text":
        reader.take();
        return this.#made({ kind: "literal", value: token.text }, []);
      case "word":
        return this.#word();
      case "symbol":
        if (token.text === "(") return this.#parenthesized();
        throw reader.unexpected(EXPECTED);
      case "end":
        throw reader.unexpected(EXPECTED);
    }
  }

  #parenthesized(): Expression {
    this.#reader.expectSymbol("(");
    this.#refuseSelect();
    const inner = this.parse();
    this.#reader.expectSymbol(")", '")" or an operator');
    return inner;
  }

  #word(): Expression {
    const reader = this.#reader;
    if (reader.isKeyword("CASE")) return this.#case();
    if (reader.isKeyword("TRUE") || reader.isKeyword("FALSE")) {
      return this.#made({ kind: "literal", value: reader.take().keyword === "TRUE" }, []);
    }
    if (reader.isKeyword("NULL")) {
      throw reader.unsupported("NULL is not supported as a value: use is_null(…)");
    }
    if (!reader.isName()) throw reader.unexpected(EXPECTED);
    const { text, at } = reader.take();
    if (reader.takeIfSymbol("(")) {
      const items = reader.takeIfSymbol(")") ? [] : this.#list();
      return this.#made({ kind: "call", name: text.toLowerCase(), arguments: items, at }, items);
    }
    const path = [text];
    while (reader.takeIfSymbol(".")) {
      const { kind } = reader.here;
      if (kind !== "word" && kind !== "text") throw reader.unexpected("a name behind the dot");
      path.push(reader.take().text);
    }
    return this.#made({ kind: "name", path, at }, []);
  }

  /** The rest of `(a, b)`: one at least. */
  #list(): Expression[] {
    this.#refuseSelect();
    const items = [this.parse()];
    while (this.#reader.takeIfSymbol(",")) items.push(this.parse());
    this.#reader.expectSymbol(")", '",", ")" or an operator');
    return items;
  }

  #case(): Expression {
    const reader = this.#reader;
    reader.expectKeyword("CASE");
    const operand = reader.isKeyword("WHEN") ? undefined : this.parse();
    const branches: CaseBranch[] = [];
    while (branches.length === 0 || reader.isKeyword("WHEN")) {
      reader.expectKeyword("WHEN");
      const when = this.parse();
      reader.expectKeyword("THEN", "THEN or an operator");
      branches.push({ when, then: this.parse() });
    }
    const otherwise = reader.takeIfKeyword("ELSE") ? this.parse() : undefined;
    reader.expectKeyword(
      "END",
      otherwise ? "END or an operator" : "WHEN, ELSE, END or an operator",
    );
    const inner = branches.flatMap(({ when, then }) => [when, then]);
    if (operand !== undefined) inner.push(operand);
    if (otherwise !== undefined) inner.push(otherwise);
    return this.#made({ kind: "case", operand, branches, otherwise }, inner);
  }

  #refuseUnsupported(): void {
    const reader = this.#reader;
    const next = reader.isKeyword("NOT") ? reader.behind : reader.here;
    if (next.kind !== "word") return;
    if (next.keyword === "LIKE" || next.keyword === "BETWEEN") {
      throw reader.unsupported(`${next.keyword} is not supported`);
    }
    if (reader.isKeyword("IS") && ["NULL", "NOT"].includes(reader.behind.keyword)) {
      throw reader.unsupported("IS [NOT] NULL is not supported: use is_null(…) or is_not_null(…)");
    }
  }

  #refuseSelect(): void {
    if (this.#reader.isKeyword("SELECT")) {
      throw this.#reader.unsupported("sub-selects are not supported");
    }
  }

  #nested(parse: () => Expression): Expression {
    if (++this.#nesting > NESTING_MAX) throw this.#tooDeep();
    const expression = parse();
    this.#nesting--;
    return expression;
  }

  #made<Made extends Expression>(expression: Made, inner: readonly Expression[]): Made {
    let depth = 0;
    for (const each of inner) depth = Math.max(depth, this.#depths.get(each) ?? 0);
    if (++depth > EXPRESSION_DEPTH_MAX) throw this.#tooDeep();
    this.#depths.set(expression, depth);
    return expression;
  }

  #tooDeep(): SqlError {
    const detail = `the expression is deeper than ${EXPRESSION_DEPTH_MAX}`;
    return new SqlError(this.#reader.text, this.#reader.here.at, { code: "too-large", detail });
  }
}
