import type { LogOptions } from "../base/mod.ts";
import type { MqttOptions } from "../broker/mod.ts";
import { section, table, tablesWithDefault } from "./schema.ts";
import { AUTH, type AuthKeys } from "./sections/auth.ts";
import { LISTENER, type ListenerKeys } from "./sections/listener.ts";
import { LOG } from "./sections/log.ts";
import { MQTT } from "./sections/mqtt.ts";
import { NODE, type NodeOptions } from "./sections/node.ts";
import { PERSISTENCE, type PersistenceOptions } from "./sections/persistence.ts";

/** Every key, read and with its default, before anything is worked out that concerns more than one. */
export interface Written {
  readonly node: NodeOptions;
  readonly log: LogOptions;
  readonly listeners: readonly ListenerKeys[];
  readonly mqtt: MqttOptions;
  readonly persistence: PersistenceOptions;
  readonly auth: AuthKeys;
}

/** The whole file: every section of this version, by its name. */
export const ROOT = section<Written>("after restart", {
  node: table("node", NODE),
  log: table("log", LOG),
  listeners: tablesWithDefault("listener", LISTENER, { isNeeded: true }),
  mqtt: table("mqtt", MQTT),
  persistence: table("persistence", PERSISTENCE),
  auth: table("auth", AUTH),
}, ["acl", "limits", "http", "app", "api", "bridge", "cluster"]);
