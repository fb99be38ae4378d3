import type { ActionDraft } from "../rule.ts";
import type { KeptRule } from "./loaded_rule.ts";

/** `[[rule]]` */
export interface ConfiguredRule {
  /** Its identifier, too. */
  readonly name: string;
  readonly sql: string;
  readonly description: string;
  readonly isEnabled: boolean;
  readonly actions: readonly ActionDraft[];
}

/** Its actions are called by where they stand, so that they have the same names after each start. */
export function toKeptRule(rule: ConfiguredRule, createdAtMs: number): KeptRule {
  const { name: id, sql, description, isEnabled, actions } = rule;
  return {
    id,
    legacy: undefined,
    sql,
    description,
    isEnabled,
    createdAtMs,
    actions: actions.map(({ name, params }, index) => ({
      id: `${name}_${id}_${index}`,
      name,
      params,
    })),
  };
}
