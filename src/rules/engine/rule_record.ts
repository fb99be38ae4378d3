import type { JsonValue } from "../../ports/mod.ts";
import type { JsonObject, LegacyForm } from "../rule.ts";
import type { KeptAction, KeptRule } from "./loaded_rule.ts";

/** Under which kind rules are stored. */
export const RULE_KIND = "rule";

/** A rule as it is stored, under its identifier. */
export function toRecord(rule: KeptRule): JsonValue {
  const { legacy, sql, actions, description, isEnabled, createdAtMs } = rule;
  return {
    ...(legacy === undefined ? {} : { name: legacy.name, for: legacy.hook }),
    sql,
    actions: actions.map(({ id, name, params }) => ({ id, name, params })),
    description,
    isEnabled,
    createdAtMs,
  };
}

/** What `toRecord` made; undefined for anything else. */
export function fromRecord(id: string, value: JsonValue): KeptRule | undefined {
  if (!isObject(value)) return undefined;
  const { name, for: hook, sql, actions, description, isEnabled, createdAtMs } = value;
  if (typeof sql !== "string" || !Array.isArray(actions) || typeof description !== "string") {
    return undefined;
  }
  if (typeof isEnabled !== "boolean" || typeof createdAtMs !== "number") return undefined;
  const kept = actions.map((action: JsonValue) => actionOf(action));
  if (!kept.every((action) => action !== undefined)) return undefined;
  return {
    id,
    legacy: legacyOf(name, hook),
    sql,
    actions: kept,
    description,
    isEnabled,
    createdAtMs,
  };
}

function legacyOf(
  name: JsonValue | undefined,
  hook: JsonValue | undefined,
): LegacyForm | undefined {
  return typeof name === "string" && typeof hook === "string" ? { name, hook } : undefined;
}

function actionOf(value: JsonValue): KeptAction | undefined {
  if (!isObject(value)) return undefined;
  const { id, name, params } = value;
  if (typeof id !== "string" || typeof name !== "string") return undefined;
  return params !== undefined && isObject(params) ? { id, name, params } : undefined;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
