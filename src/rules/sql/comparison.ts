import { filterMatches, parseTopicFilter } from "../../mqtt/mod.ts";
import { EvaluationFailure } from "./failure.ts";
import { kindOf, numberIn, type SqlValue, strictEquals } from "./value.ts";

/*
 * Comparison. A number and a text compare as numbers, and a text that says none is a failure; true and false compare with
 * texts as texts. Between other types nothing is equal, and nothing is in order.
 */

/** `=` */
export function looseEquals(one: SqlValue, other: SqlValue): boolean {
  if (typeof one === "string") {
    if (typeof other === "number") return numberFrom(one) === other;
    return typeof other === "boolean" ? one === String(other) : one === other;
  }
  if (typeof other === "string") {
    if (typeof one === "number") return one === numberFrom(other);
    return typeof one === "boolean" && String(one) === other;
  }
  return strictEquals(one, other);
}

/** Negative, 0 or positive; NaN, with which every comparison is false, where there is no order. */
export function order(one: SqlValue, other: SqlValue): number {
  if (typeof one === "number") {
    if (typeof other === "number") return numberOrder(one, other);
    return typeof other === "string" ? numberOrder(one, numberFrom(other)) : NaN;
  }
  if (typeof one === "string") {
    if (typeof other === "string") return textOrder(one, other);
    if (typeof other === "number") return numberOrder(numberFrom(one), other);
    return typeof other === "boolean" ? textOrder(one, String(other)) : NaN;
  }
  if (typeof one === "boolean") {
    if (typeof other === "boolean") return Number(one) - Number(other);
    return typeof other === "string" ? textOrder(String(one), other) : NaN;
  }
  return strictEquals(one, other) ? 0 : NaN;
}

/** `=~`: a topic name on the left, a filter on the right. */
export function topicMatches(topic: SqlValue, filter: SqlValue): boolean {
  if (typeof topic !== "string" || typeof filter !== "string") {
    throw new EvaluationFailure(
      `expected a topic and a filter, found ${kindOf(topic)} and ${kindOf(filter)}`,
    );
  }
  const parsed = parseTopicFilter(filter);
  if (!parsed.valid) {
    throw new EvaluationFailure(`the topic filter ${kindOf(filter)} ${parsed.problem}`);
  }
  return filterMatches(filter, topic);
}

export function numberFrom(text: string): number {
  const number = numberIn(text);
  if (number === undefined) throw new EvaluationFailure(`expected a number, found ${kindOf(text)}`);
  return number;
}

function numberOrder(one: number, other: number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** By code point, as their bytes in UTF-8 would be ordered. */
function textOrder(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left !== right) return codePointWeight(left) - codePointWeight(right);
  }
  return one.length - other.length;
}

/** Surrogates stand for code points that are larger than all that one unit can say. */
function codePointWeight(unit: number): number {
  return (unit & 0xf800) === 0xd800 ? unit + 0x10000 : unit;
}
