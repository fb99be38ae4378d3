import { EvaluationFailure } from "../sql/failure.ts";
import { isList, isObject, kindOf, type SqlObject, type SqlValue } from "../sql/value.ts";

/*
 * What functions ask of their arguments. A wrong one is a failure: the rule is skipped.
 */

export function textOf(value: SqlValue): string {
  return typeof value === "string" ? value : refuse("a text", value);
}

export function numberOf(value: SqlValue): number {
  return typeof value === "number" ? value : refuse("a number", value);
}

export function integerOf(value: SqlValue): number {
  return Number.isInteger(value) ? value as number : refuse("an integer", value);
}

export function listOf(value: SqlValue): readonly SqlValue[] {
  return isList(value) ? value : refuse("a list", value);
}

export function objectOf(value: SqlValue): SqlObject {
  return isObject(value) ? value : refuse("an object", value);
}

/** A result must be a number that exists: no root of -1, nothing divided by zero. No -0 either. */
export function finite(value: number): number {
  if (!Number.isFinite(value)) throw new EvaluationFailure("the result is no number");
  return value + 0;
}

export function refuse(expected: string, found: SqlValue): never {
  throw new EvaluationFailure(`expected ${expected}, found ${kindOf(found)}`);
}
