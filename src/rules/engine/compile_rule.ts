import { type EventName, eventOfHook, HOOK_NAMES } from "../event_name.ts";
import { columnsOf } from "../events/catalogue.ts";
import type { LegacyForm } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { type CompiledStatement, compileStatement, parseStatement, SqlError } from "../sql/mod.ts";

/** A statement that can be run, and what it is to be run for. */
export interface CompiledRule {
  readonly statement: CompiledStatement;
  readonly isForeach: boolean;
  /** What it fires on; a rule of EMQX 3.1 may be for a hook that is none of these. */
  readonly events: readonly EventName[];
}

const COLUMNS = new Map<EventName, ReadonlySet<string>>();

/**
 * `nowMs`: the wall clock; `monotonicMs`: without it a statement may take any time. Throws `RuleError` where the
 * statement is not one, or the rule is for something that there is not.
 */
export function compileRule(
  sql: string,
  legacy: LegacyForm | undefined,
  nowMs: () => number,
  monotonicMs?: () => number,
): CompiledRule {
  if (legacy !== undefined && !HOOK_NAMES.includes(legacy.hook)) {
    throw new RuleError("unknown-hook", `Cannot use hook "${legacy.hook}": there is none`, {
      subject: legacy.hook,
    });
  }
  try {
    const parsed = parseStatement(sql);
    const statement = compileStatement(parsed, {
      flavor: legacy === undefined ? "3.2" : "3.1",
      knownColumns,
      onlyFor: legacy?.hook,
      nowMs,
      ...(monotonicMs === undefined ? {} : { monotonicMs }),
    });
    const isFiring = legacy === undefined || eventOfHook(legacy.hook) !== undefined;
    const events = isFiring ? statement.events : [];
    return { statement, isForeach: parsed.kind === "foreach", events };
  } catch (error) {
    if (error instanceof SqlError) throw toRuleError(error);
    throw error;
  }
}

function knownColumns(event: EventName): ReadonlySet<string> {
  const known = COLUMNS.get(event) ?? new Set(columnsOf(event));
  COLUMNS.set(event, known);
  return known;
}

function toRuleError(error: SqlError): RuleError {
  const { message, line, column, subject = "" } = error;
  const isNamed = error.code === "unknown-event" || error.code === "unknown-column";
  return new RuleError(isNamed ? error.code : "invalid", message, {
    subject: isNamed ? subject : "",
    detail: `sql_syntax_error line ${line} col ${column}: ${error.detail}`,
    line,
    column,
    cause: error,
  });
}
