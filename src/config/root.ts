import type { AclOptions } from "../auth/mod.ts";
import type { LogOptions } from "../base/mod.ts";
import type { MqttOptions } from "../broker/mod.ts";
import type { ApiOptions } from "../http/mod.ts";
import type { AlarmsOptions } from "../management/mod.ts";
import type { ConfiguredResource, ConfiguredRule } from "../rules/mod.ts";
import type { SinksOptions } from "../sinks/mod.ts";
import type { WebHookOptions } from "../web_hook/mod.ts";
import { section, table, tables, tablesWithDefault } from "./schema.ts";
import { ACL } from "./sections/acl.ts";
import { ALARMS } from "./sections/alarms.ts";
import { API } from "./sections/api.ts";
import { APP, type AppKeys } from "./sections/app.ts";
import { AUTH, type AuthKeys } from "./sections/auth.ts";
import { BRIDGE, type BridgeKeys, CLUSTER, type ClusterKeys } from "./sections/bridge.ts";
import { HTTP, type HttpKeys } from "./sections/http.ts";
import { LIMITS, type LimitsKeys } from "./sections/limits.ts";
import { LISTENER, type ListenerKeys } from "./sections/listener.ts";
import { LOG } from "./sections/log.ts";
import { MQTT } from "./sections/mqtt.ts";
import { NODE, type NodeOptions } from "./sections/node.ts";
import { PERSISTENCE, type PersistenceOptions } from "./sections/persistence.ts";
import { RESOURCE, RULE, RULE_ENGINE, type RuleEngineKeys } from "./sections/rules.ts";
import { SINKS } from "./sections/sinks.ts";
import { WEB_HOOK } from "./sections/web_hook.ts";

/** Every key, read and with its default, before anything is worked out that concerns more than one. */
export interface Written {
  readonly node: NodeOptions;
  readonly log: LogOptions;
  readonly listeners: readonly ListenerKeys[];
  readonly mqtt: MqttOptions;
  readonly persistence: PersistenceOptions;
  readonly auth: AuthKeys;
  readonly acl: AclOptions;
  readonly limits: LimitsKeys;
  readonly alarms: AlarmsOptions;
  readonly sinks: SinksOptions;
  readonly webHook: WebHookOptions;
  readonly http: readonly HttpKeys[];
  readonly apps: readonly AppKeys[];
  readonly api: ApiOptions;
  readonly ruleEngine: RuleEngineKeys;
  readonly resources: readonly ConfiguredResource[];
  readonly rules: readonly ConfiguredRule[];
  readonly bridges: readonly BridgeKeys[];
  readonly cluster: ClusterKeys;
}

/** The whole file: every section of this version, by its name. */
export const ROOT = section<Written>("after restart", {
  node: table("node", NODE),
  log: table("log", LOG),
  listeners: tablesWithDefault("listener", LISTENER, { isNeeded: true }),
  mqtt: table("mqtt", MQTT),
  persistence: table("persistence", PERSISTENCE),
  auth: table("auth", AUTH),
  acl: table("acl", ACL),
  limits: table("limits", LIMITS),
  alarms: table("alarms", ALARMS),
  sinks: table("sinks", SINKS),
  webHook: table("web_hook", WEB_HOOK),
  http: tablesWithDefault("http", HTTP, { isNeeded: false }),
  apps: tables("app", APP),
  api: table("api", API),
  ruleEngine: table("rule_engine", RULE_ENGINE),
  resources: tables("resource", RESOURCE),
  rules: tables("rule", RULE),
  bridges: tables("bridge", BRIDGE),
  cluster: table("cluster", CLUSTER),
});
