import type { Expression, Field, Statement } from "./ast.ts";
import { RESERVED_WORDS } from "./lexer.ts";

/** How strongly an expression holds together; a weaker one inside a stronger one needs parentheses. */
const Strength = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  sum: 5,
  product: 6,
  minus: 7,
  primary: 8,
} as const;

const PLAIN_NAME = /^[\p{L}_$][\p{L}\p{M}\p{N}_$]*$/u;
const PLAIN_SEGMENT = /^[\p{L}\p{M}\p{N}_$]+$/u;

/** The text of a statement, which parses to the same statement. */
export function printStatement(statement: Statement): string {
  const { sources, where } = statement;
  const from = `FROM ${sources.map(({ name }) => quoted(name, '"')).join(", ")}`;
  const rest = where === undefined ? from : `${from} WHERE ${printExpression(where)}`;
  if (statement.kind === "select") return `SELECT ${printFields(statement.fields)} ${rest}`;
  const { fields, each, inCase } = statement;
  const parts = [`FOREACH ${printFields(fields)}`];
  if (each !== undefined) parts.push(`DO ${printFields(each)}`);
  if (inCase !== undefined) parts.push(`INCASE ${printExpression(inCase)}`);
  return [...parts, rest].join(" ");
}

/** The text of an expression, with no more parentheses than it needs. */
function printExpression(expression: Expression): string {
  return print(expression, Strength.or);
}

function printFields(fields: readonly Field[]): string {
  return fields.map((field) => {
    if (field.kind === "all") return "*";
    const value = printExpression(field.value);
    if (field.alias === undefined) return value;
    const isPlain = (name: string, index: number): boolean =>
      index > 0
        ? PLAIN_SEGMENT.test(name)
        : PLAIN_NAME.test(name) && !RESERVED_WORDS.has(name.toUpperCase());
    const names = field.alias.map((name, index) => isPlain(name, index) ? name : quoted(name, '"'));
    return `${value} AS ${names.join(".")}`;
  }).join(", ");
}

/** `least`: the strength that the place asks for. */
function print(expression: Expression, least: number): string {
  const { text, strength } = bare(expression);
  return strength < least ? `(${text})` : text;
}

function bare(expression: Expression): { text: string; strength: number } {
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      const text = typeof value === "string" ? quoted(value, "'") : String(value);
      return { text, strength: Strength.primary };
    }
    case "name": {
      const [root, ...rest] = expression.path;
      const names = rest.map((name) => PLAIN_SEGMENT.test(name) ? name : quoted(name, '"'));
      return { text: [root, ...names].join("."), strength: Strength.primary };
    }
    case "call":
      return {
        text: `${expression.name}${list(expression.arguments)}`,
        strength: Strength.primary,
      };
    case "minus":
      // Never two signs in a row: they begin a comment.
      return {
        text: `-${print(expression.operand, Strength.primary)}`,
        strength: Strength.minus,
      };
    case "not":
      return { text: `NOT ${print(expression.operand, Strength.not)}`, strength: Strength.not };
    case "arithmetic": {
      const { operator, left, right } = expression;
      const strength = operator === "+" || operator === "-" ? Strength.sum : Strength.product;
      return {
        text: `${print(left, strength)} ${operator} ${print(right, strength + 1)}`,
        strength,
      };
    }
    case "comparison": {
      const [left, right] = [expression.left, expression.right].map((each) =>
        print(each, Strength.sum)
      );
      return { text: `${left} ${expression.operator} ${right}`, strength: Strength.comparison };
    }
    case "in": {
      const operator = expression.isNegated ? "NOT IN" : "IN";
      return {
        text: `${print(expression.operand, Strength.sum)} ${operator} ${list(expression.items)}`,
        strength: Strength.comparison,
      };
    }
    case "and":
    case "or": {
      const strength = Strength[expression.kind];
      const parts = expression.parts.map((part) => print(part, strength + 1));
      return { text: parts.join(expression.kind === "and" ? " AND " : " OR "), strength };
    }
    case "case": {
      const { operand, branches, otherwise } = expression;
      const parts = [operand === undefined ? "CASE" : `CASE ${printExpression(operand)}`];
      for (const { when, then } of branches) {
        parts.push(`WHEN ${printExpression(when)} THEN ${printExpression(then)}`);
      }
      if (otherwise !== undefined) parts.push(`ELSE ${printExpression(otherwise)}`);
      return { text: `${parts.join(" ")} END`, strength: Strength.primary };
    }
  }
}

function list(items: readonly Expression[]): string {
  return `(${items.map(printExpression).join(", ")})`;
}

function quoted(text: string, quote: string): string {
  return quote + text.replaceAll(quote, quote + quote) + quote;
}
