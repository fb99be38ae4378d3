import type { JsonValue } from "../../ports/mod.ts";
import type { EventSurroundings } from "../events/event_columns.ts";
import { TestColumns } from "../events/test_columns.ts";
import type { JsonObject, RuleTest } from "../rule.ts";
import { compileRule } from "./compile_rule.ts";

const NO_MATCH: RuleTest = { isMatch: false };

/** What a statement selects from an event that did not happen: the first one that it names. Throws `RuleError`. */
export function testStatement(
  sql: string,
  context: JsonObject,
  surroundings: EventSurroundings,
  monotonicMs: () => number,
): RuleTest {
  const { nowMs } = surroundings;
  const { statement, events, isForeach } = compileRule(sql, undefined, nowMs, monotonicMs);
  const [event = "message.publish"] = events;
  const selected = statement.run(new TestColumns(event, context, surroundings));
  if (selected === "no-match") return NO_MATCH;
  return { isMatch: true, selected: selected.map(toJson), isForeach };
}

/** Without what is undefined. */
function toJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value) ?? "null") as JsonValue;
}
