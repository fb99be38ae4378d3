import type { SettingValue } from "../../management/mod.ts";
import {
  durationText,
  parseDecimal,
  parseDuration,
  parseFlag,
  parseSize,
  parseWhole,
  sizeText,
} from "./setting_text.ts";

/** How the product calls a kind of value. */
export type Datatype = "integer" | "float" | "flag" | "enum" | "duration" | "bytesize" | "string";

/** How a value of this broker is written in the product. */
export interface Form {
  readonly datatype: Datatype;
  /** Of the value as the broker uses it: `settings.inClear`. */
  format(value: SettingValue): string;
  /** As TOML would have it; undefined: the text is none of this form. The broker checks the range. */
  parse(text: string): SettingValue | undefined;
}

/** A setting of the product that this broker has, too. */
export interface Mapped {
  readonly key: string;
  readonly form: Form;
  /** Dotted key of this broker. */
  readonly ours: string;
}

/** A setting of the product that says how this broker is, and always will be. */
export interface Fixed {
  readonly key: string;
  readonly datatype: Datatype;
  readonly value: string;
}

export const INTEGER: Form = { datatype: "integer", format: String, parse: parseWhole };
export const SIZE: Form = {
  datatype: "bytesize",
  format: (bytes) => sizeText(Number(bytes)),
  parse: parseSize,
};
const TRUTH: Form = { datatype: "enum", format: String, parse: parseFlag };
export const FLAG: Form = {
  datatype: "flag",
  format: (value) => value === true ? "on" : "off",
  parse: parseFlag,
};
/** Durations that the broker reads to milliseconds. */
export const MILLISECONDS: Form = {
  datatype: "duration",
  format: (ms) => durationText(Number(ms)),
  parse: seconds,
};
/** Those that it reads to seconds. */
const SECONDS: Form = {
  datatype: "duration",
  format: (value) => durationText(Number(value) * 1000),
  parse: seconds,
};
/** The product waits for twice the keep alive times this. */
const BACKOFF: Form = {
  datatype: "float",
  format: (factor) => String(Number(factor) / 2),
  parse: (text) => {
    const backoff = parseDecimal(text);
    return backoff === undefined ? undefined : backoff * 2;
  },
};

const PERCENT: Form = {
  datatype: "string",
  format: (percent) => `${percent}%`,
  parse: (text) => text.endsWith("%") ? parseWhole(text.slice(0, -1)) : undefined,
};

/** 0 is "no limit" in the product, and the highest number here, which nothing can reach. */
function unlimited(highest: number): Form {
  return {
    datatype: "integer",
    format: (value) => value === highest ? "0" : String(value),
    parse: (text) => {
      const number = parseWhole(text);
      return number === 0 ? highest : number;
    },
  };
}

export function oneOf(...words: readonly string[]): Form {
  return {
    datatype: "enum",
    format: String,
    parse: (text) => words.includes(text) ? text : undefined,
  };
}

/** Durations in TOML, without a unit. */
function seconds(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined ? undefined : ms / 1000;
}

/** Topics have at most 65535 bytes, so no more levels than that and one. */
const LEVELS_MAX = 65_536;
/** As many as there are packet identifiers. */
const INFLIGHT_MAX = 65_535;

export const MAPPED: readonly Mapped[] = [
  ["allow_anonymous", TRUTH, "auth.allow_anonymous"],
  ["acl_nomatch", oneOf("allow", "deny"), "acl.no_match"],
  ["acl_deny_action", oneOf("ignore", "disconnect"), "acl.deny_action"],
  ["broker.sys_interval", MILLISECONDS, "mqtt.sys_interval"],
  ["mqtt.max_clientid_len", INTEGER, "mqtt.max_client_id_length"],
  ["mqtt.max_packet_size", SIZE, "mqtt.max_packet_size"],
  ["mqtt.max_qos_allowed", INTEGER, "mqtt.max_qos"],
  ["mqtt.max_topic_alias", INTEGER, "mqtt.max_topic_alias"],
  ["mqtt.max_topic_levels", unlimited(LEVELS_MAX), "mqtt.max_topic_levels"],
  ["mqtt.retain_available", TRUTH, "mqtt.retain_available"],
  ["mqtt.shared_subscription", TRUTH, "mqtt.shared_subscription"],
  ["mqtt.wildcard_subscription", TRUTH, "mqtt.wildcard_subscription"],
  ["os_mon.cpu_check_interval", MILLISECONDS, "alarms.cpu_check_interval"],
  ["os_mon.cpu_high_watermark", PERCENT, "alarms.cpu_high"],
  ["os_mon.cpu_low_watermark", PERCENT, "alarms.cpu_low"],
  ["os_mon.mem_check_interval", MILLISECONDS, "alarms.memory_check_interval"],
  ["os_mon.procmem_high_watermark", PERCENT, "alarms.client_memory_high"],
  ["os_mon.sysmem_high_watermark", PERCENT, "alarms.memory_high"],
  ["vm_mon.check_interval", MILLISECONDS, "alarms.sessions_check_interval"],
  ["vm_mon.process_high_watermark", PERCENT, "alarms.sessions_high"],
  ["vm_mon.process_low_watermark", PERCENT, "alarms.sessions_low"],
  ["zone.external.enable_flapping_detect", FLAG, "limits.flapping.enabled"],
  ["zone.external.idle_timeout", MILLISECONDS, "mqtt.connect_timeout"],
  ["zone.external.keepalive_backoff", BACKOFF, "mqtt.keep_alive_factor"],
  ["zone.external.max_awaiting_rel", unlimited(INFLIGHT_MAX), "mqtt.receive_maximum"],
  ["zone.external.max_inflight", unlimited(INFLIGHT_MAX), "mqtt.max_inflight"],
  ["zone.external.max_mqueue_len", INTEGER, "mqtt.max_queued_messages"],
  ["zone.external.max_subscriptions", INTEGER, "mqtt.max_subscriptions"],
  ["zone.external.mqueue_store_qos0", TRUTH, "mqtt.queue_qos0_offline"],
  ["zone.external.session_expiry_interval", SECONDS, "mqtt.session_expiry_3x"],
].map(([key, form, ours]) => ({ key, form, ours }) as Mapped);

/**
 * What this broker does without being told to. `acl_cache_*` and `await_rel_timeout` are not here: rules are asked each
 * time, and a message of QoS 2 waits for its release as long as the session lives.
 */
export const FIXED: readonly Fixed[] = [
  ["broker.shared_subscription_strategy", "enum", "round_robin"],
  ["enable_acl_cache", "flag", "off"],
  ["mqtt.ignore_loop_deliver", "enum", "false"],
  ["zone.external.enable_acl", "flag", "on"],
  ["zone.external.enable_ban", "flag", "on"],
  ["zone.external.enable_stats", "flag", "on"],
  // Not sent again while the connection lasts.
  ["zone.external.retry_interval", "duration", "0s"],
  ["zone.external.upgrade_qos", "flag", "off"],
  ["zone.external.use_username_as_clientid", "enum", "false"],
].map(([key, datatype, value]) => ({ key, datatype, value }) as Fixed);
