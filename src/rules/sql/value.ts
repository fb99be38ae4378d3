import { shorten } from "../../base/mod.ts";
import { utf8Length } from "../../mqtt/mod.ts";
import { EvaluationFailure } from "./failure.ts";
import { RESULT_BYTES_MAX } from "./limits.ts";

/**
 * What columns, constants and expressions give. `undefined` is a value that is missing. Lists and objects are shared
 * (a payload is decoded once for all rules), so nobody changes one that he did not make.
 */
export type SqlValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | readonly SqlValue[]
  | SqlObject;

export interface SqlObject {
  readonly [name: string]: SqlValue;
}

/** An object that whoever makes it still fills. */
export type OpenObject = Record<string, SqlValue>;

/** What a number looks like in a text: an integer or a decimal, with or without exponent. */
const NUMERIC = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const QUOTED_MAX = 40;

export function isList(value: SqlValue): value is readonly SqlValue[] {
  return Array.isArray(value);
}

export function isObject(value: SqlValue): value is SqlObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member itself, never what objects inherit; undefined for what is no object. */
export function memberOf(value: SqlValue, name: string): SqlValue {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The member of a member …; `value` itself for an empty path. */
export function memberAt(value: SqlValue, path: readonly string[]): SqlValue {
  let found = value;
  for (let at = 0; at < path.length && found !== undefined; at++) {
    found = memberOf(found, path[at] as string);
  }
  return found;
}

/** Sets a member whatever it is called; JSON may well have one called "__proto__". */
export function setMember(object: OpenObject, name: string, value: SqlValue): void {
  if (name !== "__proto__") object[name] = value;
  else {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** A copy of an object in which `value` stands at `path`. What is in the way and no object is replaced. */
export function withMemberAt(
  base: SqlValue,
  path: readonly string[],
  value: SqlValue,
  depth = 0,
): SqlValue {
  const name = path[depth];
  if (name === undefined) return value;
  const copy: OpenObject = isObject(base) ? { ...base } : {};
  setMember(copy, name, withMemberAt(memberOf(base, name), path, value, depth + 1));
  return copy;
}

/** Same type, same value; lists and objects member by member. */
export function strictEquals(one: SqlValue, other: SqlValue): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return false;
  }
  if (isList(one)) {
    return isList(other) && one.length === other.length &&
      one.every((each, index) => strictEquals(each, other[index]));
  }
  if (isList(other)) return false;
  const names = Object.keys(one as SqlObject);
  return names.length === Object.keys(other).length &&
    names.every((name) =>
      Object.hasOwn(other, name) && strictEquals(memberOf(one, name), memberOf(other, name))
    );
}

/** The number that a text says; undefined where it says none. */
export function numberIn(text: string): number | undefined {
  if (!NUMERIC.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value + 0 : undefined;
}

/** Integers in full, others with at most ten decimals and no zeros at their end. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : inFull(value);
  if (!Number.isFinite(value)) return String(value);
  const text = value.toFixed(10).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** The digits that tell the number from all others, and zeros, as smaller integers print. */
function inFull(value: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential().split("e+");
  const [whole = "", decimals = ""] = mantissa.split(".");
  return whole + decimals.padEnd(Number(exponent), "0");
}

/** As `str` and templates print it: objects and lists as JSON, what is missing as "undefined". */
export function valueText(value: SqlValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return numberText(value);
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

/** What kind of value it is, for a reason. */
export function kindOf(value: SqlValue): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "object") return isList(value) ? "a list" : "an object";
  if (typeof value === "string") return `the text ${JSON.stringify(shorten(value, QUOTED_MAX))}`;
  return `${typeof value === "number" ? numberText(value) : value}`;
}

/** Refuses what is over the limit for results. */
export function bounded<Value extends SqlValue>(value: Value): Value {
  if (typeof value !== "string" || value.length <= RESULT_BYTES_MAX / 3) return value;
  if (value.length > RESULT_BYTES_MAX || utf8Length(value) > RESULT_BYTES_MAX) {
    throw new EvaluationFailure(`a result is larger than ${RESULT_BYTES_MAX} bytes`);
  }
  return value;
}

/** Refuses a list or object that would be over the limit when it is printed: it may contain one thing many times. */
export function boundedTree(value: SqlValue): SqlValue {
  if (weighed(value, RESULT_BYTES_MAX) < 0) {
    throw new EvaluationFailure(`a result is larger than ${RESULT_BYTES_MAX} bytes`);
  }
  return value;
}

/**
 * What a value leaves of `rest` bytes; negative as soon as it is too much. Counts roughly: each value and name at least
 * as one byte, and each character as one.
 */
export function weighed(value: SqlValue, rest: number): number {
  let left = rest - 1;
  if (typeof value === "string") return left - value.length;
  if (isList(value)) {
    for (let at = 0; at < value.length && left >= 0; at++) left = weighed(value[at], left);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      left = weighed(value[name], left - name.length);
      if (left < 0) return left;
    }
  }
  return left;
}
