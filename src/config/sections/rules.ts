import {
  type ActionDraft,
  type ConfiguredResource,
  type ConfiguredRule,
  RESOURCE_TYPES,
  type RuleEngineOptions,
} from "../../rules/mod.ts";
import { boolean, integer } from "../kind.ts";
import { choice, jsonTable, lines, orEmpty, text } from "../kind_text.ts";
import { afterRestart, key, required, section, tables } from "../schema.ts";

const NAME = text({ maxLength: 256 });
const DESCRIPTION = orEmpty(text({ maxLength: 4096 }));

/** `[rule_engine]` */
export interface RuleEngineKeys extends RuleEngineOptions {
  readonly maxResources: number;
}

export const RULE_ENGINE = section<RuleEngineKeys>("at reload", {
  isEnabled: key("enable", boolean(), true),
  ignoreSysMessage: key("ignore_sys_message", boolean(), true),
  hasLegacyEventNames: key("legacy_event_names", boolean(), false),
  maxRules: key("max_rules", integer({ min: 0, max: 100_000 }), 10_000),
  maxActions: key("max_actions", integer({ min: 0, max: 1000 }), 64),
  maxQueuedActions: key("max_queued_actions", integer({ min: 1, max: 1_000_000 }), 10_000),
  maxResources: afterRestart(key("max_resources", integer({ min: 0, max: 10_000 }), 1000)),
});

const ACTION = section<ActionDraft>("at reload", {
  name: required("name", NAME),
  params: key("params", jsonTable({ isSecret: false }), {}),
});

/** `[[rule]]` */
export const RULE = section<ConfiguredRule>("at reload", {
  name: required("name", NAME),
  sql: required("sql", lines({ maxLength: 16_384 })),
  description: key("description", DESCRIPTION, ""),
  isEnabled: key("enable", boolean(), true),
  actions: tables("action", ACTION),
});

/** `[[resource]]` */
export const RESOURCE = section<ConfiguredResource>("at reload", {
  id: required("name", NAME),
  type: required("type", choice(RESOURCE_TYPES)),
  description: key("description", DESCRIPTION, ""),
  // Headers may have what shows who we are.
  config: key("config", jsonTable({ isSecret: true }), {}),
});
