import { filterMatches } from "../../mqtt/mod.ts";
import type { ComparisonExpression, ComparisonOperator, Expression, InExpression } from "./ast.ts";
import { looseEquals, order, topicMatches } from "./comparison.ts";
import { compileExpression } from "./compile_expression.ts";
import { checkFilter } from "./filters.ts";
import type { Names } from "./names.ts";
import type { Evaluate, Scope, Test } from "./scope.ts";
import { numberIn, type SqlValue, strictEquals } from "./value.ts";

/** Conditions mostly compare with a constant, so that the type of one side is known beforehand. */
export function compileComparison(expression: ComparisonExpression, names: Names): Test {
  const { operator, left, right, at } = expression;
  const one = compileExpression(left, names);
  if (operator === "=~" && right.kind === "literal" && typeof right.value === "string") {
    checkFilter(names.compilation.text, at, right.value);
    return matchesConstant(one, right.value);
  }
  const quoted = compileQuotedNumber(expression, names);
  if (quoted !== undefined) return quoted;
  if (right.kind === "literal" && typeof right.value === "number") {
    return comparesWithNumber(operator, one, right.value);
  }
  if (right.kind === "literal" && typeof right.value === "string" && operator === "=") {
    return equalsText(one, right.value);
  }
  return compares(operator, one, compileExpression(right, names));
}

type OrderOperator = "<" | ">" | "<=" | ">=";

const MIRRORED: Readonly<Record<OrderOperator, OrderOperator>> = {
  "<": ">",
  ">": "<",
  "<=": ">=",
  ">=": "<=",
};

/** `payload.n > '5'`: against a number in quotes there is an order of numbers alone, be `n` a number or a text. */
function compileQuotedNumber(
  { operator, left, right }: ComparisonExpression,
  names: Names,
): Test | undefined {
  if (operator === "=" || operator === "<>" || operator === "=~") return undefined;
  const isRight = quotedNumber(right) !== undefined;
  const quoted = quotedNumber(isRight ? right : left);
  if (quoted === undefined) return undefined;
  const { text, number } = quoted;
  const one = compileExpression(isRight ? left : right, names);
  return isInOrder(isRight ? operator : MIRRORED[operator], (scope) => {
    const value = one(scope);
    return typeof value === "boolean" ? order(value, text) : order(value, number);
  });
}

function quotedNumber(expression: Expression): { text: string; number: number } | undefined {
  if (expression.kind !== "literal" || typeof expression.value !== "string") return undefined;
  const number = numberIn(expression.value);
  return number === undefined ? undefined : { text: expression.value, number };
}

/** IN: strictly equal to one of the items. */
export function compileMembership(expression: InExpression, names: Names): Test {
  const { operand, isNegated, items } = expression;
  const evaluate = compileExpression(operand, names);
  const constants: SqlValue[] = [];
  for (const item of items) {
    if (item.kind === "literal") constants.push(item.value);
  }
  if (constants.length === items.length) {
    const set = new Set(constants);
    return (scope) => set.has(evaluate(scope)) !== isNegated;
  }
  const values = items.map((item) => compileExpression(item, names));
  return (scope) => {
    const value = evaluate(scope);
    return values.some((each) => strictEquals(each(scope), value)) !== isNegated;
  };
}

function compares(operator: ComparisonOperator, one: Evaluate, other: Evaluate): Test {
  switch (operator) {
    case "=":
      return (scope) => looseEquals(one(scope), other(scope));
    case "<>":
      return (scope) => !looseEquals(one(scope), other(scope));
    case "=~":
      return (scope) => topicMatches(one(scope), other(scope));
    case "<":
    case ">":
    case "<=":
    case ">=":
      return isInOrder(operator, (scope) => order(one(scope), other(scope)));
  }
}

/** `rank`: as of `order`. */
function isInOrder(operator: OrderOperator, rank: (scope: Scope) => number): Test {
  switch (operator) {
    case "<":
      return (scope) => rank(scope) < 0;
    case ">":
      return (scope) => rank(scope) > 0;
    case "<=":
      return (scope) => rank(scope) <= 0;
    case ">=":
      return (scope) => rank(scope) >= 0;
  }
}

function comparesWithNumber(operator: ComparisonOperator, one: Evaluate, other: number): Test {
  switch (operator) {
    case "=":
      return (scope) => {
        const value = one(scope);
        return typeof value === "number" ? value === other : looseEquals(value, other);
      };
    case "<":
      return (scope) => {
        const value = one(scope);
        return typeof value === "number" ? value < other : order(value, other) < 0;
      };
    case ">":
      return (scope) => {
        const value = one(scope);
        return typeof value === "number" ? value > other : order(value, other) > 0;
      };
    case "<>":
    case "<=":
    case ">=":
    case "=~":
      return compares(operator, one, () => other);
  }
}

function equalsText(one: Evaluate, other: string): Test {
  return (scope) => {
    const value = one(scope);
    return typeof value === "string" ? value === other : looseEquals(value, other);
  };
}

function matchesConstant(one: Evaluate, filter: string): Test {
  return (scope) => {
    const value = one(scope);
    return typeof value === "string" ? filterMatches(filter, value) : topicMatches(value, filter);
  };
}
