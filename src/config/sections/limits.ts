import type { FlappingOptions, LimitsOptions } from "../../broker/mod.ts";
import { boolean, byteRate, durationMs, durationS, integer, size } from "../kind.ts";
import { key, section, table } from "../schema.ts";

/** `[limits]` as it is written. */
export type LimitsKeys = Omit<LimitsOptions, "sessionOwner">;

const UNLIMITED = Number.MAX_SAFE_INTEGER;
const RATE_MAX = 1_000_000_000;
const DAY_MS = 86_400_000;
const YEAR_S = 31_536_000;

const FLAPPING = section<FlappingOptions>("at reload", {
  isEnabled: key("enabled", boolean(), false),
  maxCount: key("max_count", integer({ min: 1, max: 1_000_000 }), 15),
  windowMs: key("window", durationMs({ min: 1000, max: DAY_MS }), "60s"),
  banMs: key("ban", durationMs({ min: 1000, max: UNLIMITED }), "5m"),
});

/** `[limits]` */
export const LIMITS = section<LimitsKeys>("at reload", {
  connectRate: key("connect_rate", integer({ min: 0, max: RATE_MAX }), 0),
  messagesInRate: key("messages_in_rate", integer({ min: 0, max: RATE_MAX }), 0),
  bytesInRate: key("bytes_in_rate", byteRate(), "0"),
  clientLogRate: key("client_log_rate", integer({ min: 0, max: RATE_MAX }), 10),
  maxBans: key("max_bans", integer({ min: 0, max: 10_000_000 }), 10_000),
  maxSessions: key("max_sessions", integer({ min: 0, max: UNLIMITED }), 1_000_000),
  maxConnectBytes: key("max_connect_size", size({ min: 128, max: 268_435_460 }), "256KB"),
  maxIdleS: key("max_idle", durationS({ min: 0, max: YEAR_S }), 0),
  maxUserProperties: key("max_user_properties", integer({ min: 0, max: UNLIMITED }), 1000),
  maxUserPropertyBytes: key("max_user_property_bytes", size({ min: 0, max: UNLIMITED }), "256KB"),
  maxRetainedBytes: key("max_retained_bytes", size({ min: 0, max: UNLIMITED }), "1GB"),
  flapping: table("flapping", FLAPPING),
});
