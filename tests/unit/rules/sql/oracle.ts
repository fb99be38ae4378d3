/**
 * The specification of statements as plainly as it can be written: walks the tree for each event, computes everything in
 * order, and shares no code with the compiler but the functions.
 */
import type {
  Columns,
  Expression,
  Field,
  Flavor,
  Statement,
} from "../../../../src/rules/sql/mod.ts";
import { functionsFor } from "../../../../src/rules/functions/mod.ts";
import { NOW_MS } from "./rig.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Anything that makes a rule be skipped. */
class Skip extends Error {}

const FUNCTIONS = functionsFor(() => NOW_MS);

/** What a statement selects; undefined: it does not match, or is skipped. */
export function oracle(statement: Statement, columns: Columns, flavor: Flavor): Any[] | undefined {
  try {
    return new Walk(columns, flavor).run(statement);
  } catch {
    // An EvaluationFailure of a function is no Error; both mean the same here.
    return undefined;
  }
}

class Walk {
  readonly #columns: Columns;
  readonly #isOld: boolean;
  /** What was selected under names so far. */
  #given: Any = {};
  /** Of the field that was evaluated last. */
  #lastValue: Any;
  #isCondition = false;

  constructor(columns: Columns, flavor: Flavor) {
    this.#columns = columns;
    this.#isOld = flavor === "3.1";
  }

  run(statement: Statement): Any[] | undefined {
    if (!this.#isFrom(statement)) return undefined;
    const selected = this.#select(statement.fields, false);
    if (statement.where !== undefined && !this.#holds(statement.where)) return undefined;
    return statement.kind === "select" ? [selected] : this.#each(statement);
  }

  #isFrom({ sources }: Statement): boolean {
    const topic = this.#columns.get("topic");
    return sources.some(({ name }) =>
      name === this.#columns.event || (typeof topic === "string" && matches(name, topic))
    );
  }

  #each(statement: Extract<Statement, { kind: "foreach" }>): Any[] {
    const { fields, each, inCase } = statement;
    const last = fields.at(-1)!;
    if (last.kind === "all") throw new Skip();
    const elements = Array.isArray(this.#lastValue) ? this.#lastValue : [];
    if (elements.length > 1000) throw new Skip();
    const before = this.#given;
    const chosen: Any[] = [];
    for (const element of elements) {
      const [root, ...rest] = last.alias ?? ["item"];
      this.#given = { ...before, [root!]: putAt({}, rest, element) };
      if (inCase !== undefined && !this.#holds(inCase)) continue;
      chosen.push(each === undefined ? element : this.#select(each, true));
    }
    return chosen;
  }

  #select(fields: readonly Field[], isEach: boolean): Any {
    const outer = this.#given;
    let result: Any = {};
    for (const field of fields) {
      if (field.kind === "all") {
        for (const name of this.#columns.names) {
          if (this.#columns.get(name) !== undefined) result[name] = this.#columns.get(name);
        }
        if (isEach) result = { ...result, ...outer };
        this.#lastValue = undefined;
        continue;
      }
      const value = this.#value(field.value);
      this.#lastValue = value;
      if (value === undefined) continue;
      const path = field.alias ??
        (field.value.kind === "name" ? field.value.path : [printed(value)]);
      result = putAt(result, path, value);
      if (field.alias === undefined) continue;
      const root = path[0]!;
      const base = Object.hasOwn(this.#given, root) ? {} : { [root]: this.#columns.get(root) };
      this.#given = putAt({ ...base, ...this.#given }, path, value);
    }
    return result;
  }

  #holds(condition: Expression): boolean {
    this.#isCondition = true;
    const value = this.#value(condition);
    this.#isCondition = false;
    return value === true;
  }

  #value(expression: Expression): Any {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "name":
        return this.#name(expression.path);
      case "call":
        return this.#call(expression.name, expression.arguments.map((each) => this.#value(each)));
      case "minus":
        return number(-number(this.#value(expression.operand)));
      case "arithmetic": {
        const left = number(this.#value(expression.left));
        const right = number(this.#value(expression.right));
        return number(calculate(expression.operator, left, right));
      }
      case "comparison":
        return this.#compare(expression);
      case "in": {
        const value = this.#value(expression.operand);
        const isIn = expression.items.some((item) => same(this.#value(item), value));
        return isIn !== expression.isNegated;
      }
      case "not":
        return this.#value(expression.operand) === false;
      case "and":
        return expression.parts.every((part) => this.#value(part) === true);
      case "or":
        return expression.parts.some((part) => this.#value(part) === true);
      case "case": {
        const { operand, branches, otherwise } = expression;
        const value = operand === undefined ? true : this.#value(operand);
        for (const { when, then } of branches) {
          if (same(this.#value(when), value)) return this.#value(then);
        }
        return otherwise === undefined ? undefined : this.#value(otherwise);
      }
    }
  }

  #name(path: readonly string[]): Any {
    const [root, ...rest] = path as [string, ...string[]];
    let found = Object.hasOwn(this.#given, root) ? this.#given[root] : undefined;
    if (found === undefined) found = this.#columns.get(root);
    // The random statements call names that nobody knows so.
    if (this.#isOld && root.startsWith("unknown") && rest.length === 0) {
      return this.#isCondition ? root : undefined;
    }
    if (root === "payload" && typeof found === "string" && rest.length > 0) {
      found = object(found);
    }
    for (const name of rest) found = member(found, name);
    return found;
  }

  #call(name: string, values: Any[]): Any {
    const found = FUNCTIONS.get(name)!;
    if (found.kind === "event") return found.apply(this.#columns, values[0], values.length);
    return found.apply(values[0], values[1], values[2], values.length);
  }

  #compare({ operator, left, right }: Extract<Expression, { kind: "comparison" }>): boolean {
    let [one, other] = [this.#value(left), this.#value(right)];
    if (operator === "=~") {
      if (typeof one !== "string" || typeof other !== "string" || !isFilter(other)) {
        throw new Skip();
      }
      return matches(other, one);
    }
    if (operator !== "=" && operator !== "<>") {
      // Against a number in quotes: an order of numbers.
      if (isQuotedNumber(right) && typeof one !== "boolean") other = Number(other);
      else if (isQuotedNumber(left) && typeof other !== "boolean") one = Number(one);
    }
    const types = [typeof one, typeof other].sort().join();
    if (types === "number,string") [one, other] = [toNumber(one), toNumber(other)];
    if (types === "boolean,string") [one, other] = [String(one), String(other)];
    const isEqual = same(one, other);
    if (operator === "=") return isEqual;
    if (operator === "<>") return !isEqual;
    const isLess = less(one, other);
    const isMore = less(other, one);
    if (operator === "<") return isLess;
    if (operator === ">") return isMore;
    return isEqual || (operator === "<=" ? isLess : isMore);
  }
}

function isQuotedNumber(expression: Expression): boolean {
  return expression.kind === "literal" && typeof expression.value === "string" &&
    isNumeric(expression.value);
}

function isNumeric(text: string): boolean {
  return /^[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$/.test(text) && isFinite(Number(text));
}

function toNumber(value: string | number): number {
  if (typeof value === "string" && !isNumeric(value)) throw new Skip();
  return Number(value);
}

function number(value: Any): number {
  if (typeof value !== "number" || !isFinite(value)) throw new Skip();
  return value === 0 ? 0 : value;
}

function calculate(operator: string, left: number, right: number): number {
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  if (right === 0) throw new Skip();
  if (operator === "/") return left / right;
  if (!Number.isInteger(left) || !Number.isInteger(right)) throw new Skip();
  // By long division, where the quotient could be rounded.
  return Number(BigInt(left) / BigInt(right));
}

function less(one: Any, other: Any): boolean {
  if (typeof one !== typeof other) return false;
  if (typeof one === "number" || typeof one === "boolean") return one < other;
  if (typeof one !== "string") return false;
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(one), encoder.encode(other)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return left[at]! < right[at]!;
  }
  return left.length < right.length;
}

function same(one: Any, other: Any): boolean {
  return sorted(one) === sorted(other);
}

/** A text that two values have in common if they are the same. */
function sorted(value: Any): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${
    Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`).join()
  }}`;
}

function member(value: Any, name: string): Any {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function object(text: string): Any {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function putAt(base: Any, path: readonly string[], value: Any): Any {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const isObject = typeof base === "object" && base !== null && !Array.isArray(base);
  return { ...(isObject ? base : {}), [name]: putAt(member(base, name), rest, value) };
}

function printed(value: Any): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) {
    // The shortest digits that are read as this number, filled up with zeros.
    let digits = 1;
    while (Number(value.toPrecision(digits)) !== value) digits++;
    const all = BigInt(value).toString();
    if (all.replace("-", "").length <= digits) return all;
    const [whole, exponent] = value.toExponential(digits - 1).split("e");
    return whole!.replace(".", "") + "0".repeat(Number(exponent) - digits + 1);
  }
  let text = value.toFixed(10);
  while (text.endsWith("0")) text = text.slice(0, -1);
  return Number(text) === 0 ? "0" : text.endsWith(".") ? text.slice(0, -1) : text;
}

function isFilter(filter: string): boolean {
  return filter !== "" &&
    filter.split("/").every((level, index, levels) =>
      level === "+" || (level === "#" && index === levels.length - 1) || !/[+#]/.test(level)
    );
}

function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const [f, t] = [filter.split("/"), topic.split("/")];
  for (let i = 0; i < f.length; i++) {
    if (f[i] === "#") return true;
    if (i >= t.length || (f[i] !== "+" && f[i] !== t[i])) return false;
  }
  return f.length === t.length;
}
