export {
  type AlarmsOptions,
  AlarmWatch,
  type AlarmWatchParts,
  type Queue,
  TICK_MS,
} from "./alarm_watch.ts";
export { type Alarm, LocalAlarms } from "./alarms.ts";
export type { ConfiguredApp } from "./apps.ts";
export { createManagement, type LocalManagement, type ManagementParts } from "./local_service.ts";
export { ManagementError, type ManagementErrorCode } from "./management_error.ts";
export * from "./query.ts";
export type * from "./rule_services.ts";
export type * from "./service.ts";
export { Slices, type Turns } from "./slices.ts";
export type * from "./views.ts";
export type {
  ActionDraft,
  ActionForm,
  ActionView as RuleActionView,
  EventDescription,
  Flavor,
  JsonObject,
  LegacyForm,
  ResourceDraft,
  ResourceTypeForm,
  ResourceView,
  RuleDraft,
  RuleTest,
  RuleTotals,
  RuleView,
} from "../rules/mod.ts";
export { maskSecrets, RESOURCE_TYPES } from "../rules/mod.ts";
export { HOOK_NAMES } from "../web_hook/mod.ts";
