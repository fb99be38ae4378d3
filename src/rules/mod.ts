export {
  type ActionForm,
  actionForms,
  type ActionKind,
  findActionForm,
} from "./actions/catalogue.ts";
export type { PublishLimits } from "./actions/republish.ts";
export type { ResourceData, RuleResource, RuleResources } from "./actions/sink_actions.ts";
export type { ConfiguredRule } from "./engine/configured_rule.ts";
export { SAMPLE_MS } from "./engine/rate_meter.ts";
export { RuleEngine, type RuleEngineParts } from "./engine/rule_engine.ts";
export { type RuleProblem, ruleProblems } from "./engine/rule_problems.ts";
export {
  type ConfiguredResource,
  type ResourceAlarms,
  ResourceManager,
} from "./resources/resource_manager.ts";
export { type ResourceProblem, resourceProblems } from "./resources/resource_problems.ts";
export type { ResourceDraft, ResourceView } from "./resources/resource.ts";
export {
  RESOURCE_TYPES,
  type ResourceType,
  type ResourceTypeForm,
  resourceTypeForms,
} from "./resources/resource_types.ts";
export { EVENT_NAMES, type EventName, HOOK_NAMES, isEventName } from "./event_name.ts";
export { EVENT_DESCRIPTIONS, type EventDescription } from "./events/catalogue.ts";
export { checkParams } from "./params/check_params.ts";
export { maskSecrets } from "./params/mask_secrets.ts";
export type { ParamSpec, ParamSpecs, Text } from "./params/param_spec.ts";
export type {
  ActionCounters,
  ActionDraft,
  ActionView,
  Flavor,
  JsonObject,
  LegacyForm,
  RuleCounters,
  RuleDraft,
  RuleEngineOptions,
  RuleTest,
  RuleTotals,
  RuleView,
} from "./rule.ts";
export { RuleError, type RuleErrorCode } from "./rule_error.ts";
