import { isValidTopicName, parseTopicFilter } from "../../mqtt/mod.ts";
import type { Expression } from "./ast.ts";
import { SqlError } from "./sql_error.ts";

/** Refuses what no message's topic can match. */
export function checkFilter(text: string, at: number, filter: string): void {
  const parsed = parseTopicFilter(filter);
  if (parsed.valid && parsed.shareName === undefined) return;
  const problem = parsed.valid ? "is that of a shared subscription" : parsed.problem;
  const detail = `the topic filter ${JSON.stringify(filter)} ${problem}`;
  throw new SqlError(text, at, { code: "invalid-filter", detail, name: filter });
}

/**
 * Filters of which one must match the topic of every event that fulfils the condition; undefined where the condition
 * promises no such thing. Looks for `topic =~ 'filter'`, `topic = 'name'` and `topic IN ('name', …)`.
 */
export function filtersOf(condition: Expression): readonly string[] | undefined {
  switch (condition.kind) {
    case "comparison": {
      const { operator, left, right } = condition;
      if (!isTopic(left) || right.kind !== "literal") return undefined;
      if (typeof right.value !== "string") return undefined;
      if (operator === "=~") return [right.value];
      return operator === "=" ? namesOnly([right.value]) : undefined;
    }
    case "in": {
      const names = condition.items.map((item) => item.kind === "literal" ? item.value : undefined);
      return isTopic(condition.operand) && !condition.isNegated ? namesOnly(names) : undefined;
    }
    case "and": {
      const lists = condition.parts.map(filtersOf).filter((list) => list !== undefined);
      // Each of them will do; the shortest costs least.
      return lists.sort((one, other) => one.length - other.length)[0];
    }
    case "or": {
      const lists = condition.parts.map(filtersOf);
      return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
    }
    case "not":
    case "literal":
    case "name":
    case "call":
    case "minus":
    case "arithmetic":
    case "case":
      return undefined;
  }
}

function isTopic(expression: Expression): boolean {
  return expression.kind === "name" && expression.path.length === 1 &&
    expression.path[0] === "topic";
}

/** A topic name is a filter of itself alone. */
function namesOnly(names: readonly unknown[]): readonly string[] | undefined {
  const isName = (name: unknown): name is string =>
    typeof name === "string" && isValidTopicName(name);
  return names.every(isName) ? names : undefined;
}
