import type { MqttOptions } from "../../broker/mod.ts";
import { boolean, decimal, durationMs, durationS, integer, oneOf, size } from "../kind.ts";
import { choice } from "../kind_text.ts";
import { key, section } from "../schema.ts";

const UNLIMITED = Number.MAX_SAFE_INTEGER;
const KB = 1024;
const MB = 1024 * KB;
/** The longest remaining length that four bytes can say, and its header. */
const LARGEST_PACKET_BYTES = 268_435_455 + 5;
/** Session expiry and the like are four bytes of seconds on the wire; the last value means never. */
const LONGEST_S = 0xffff_ffff;
const DAY_MS = 86_400_000;

/** `[mqtt]` */
export const MQTT = section<MqttOptions>("at reload", {
  maxPacketSizeBytes: key("max_packet_size", size({ min: 128, max: LARGEST_PACKET_BYTES }), "1MB"),
  maxTopicLevels: key("max_topic_levels", integer({ min: 1, max: 65_536 }), 128),
  // A broker must take 23 bytes [MQTT-3.1.3-5]; a string has at most 65535.
  maxClientIdLength: key("max_client_id_length", integer({ min: 23, max: 65_535 }), 1024),
  maxQos: key("max_qos", oneOf([0, 1, 2]), 2),
  retainAvailable: key("retain_available", boolean(), true),
  wildcardSubscription: key("wildcard_subscription", boolean(), true),
  sharedSubscription: key("shared_subscription", boolean(), true),
  maxSubscriptions: key("max_subscriptions", integer({ min: 0, max: UNLIMITED }), 0),
  maxTopicAlias: key("max_topic_alias", integer({ min: 0, max: 65_535 }), 32),
  receiveMaximum: key("receive_maximum", integer({ min: 1, max: 65_535 }), 100),
  maxInflight: key("max_inflight", integer({ min: 1, max: 65_535 }), 32),
  maxQueuedMessages: key("max_queued_messages", integer({ min: 0, max: UNLIMITED }), 1000),
  maxQueuedBytes: key("max_queued_bytes", size({ min: 1, max: UNLIMITED }), "64MB"),
  queueFull: key("queue_full", choice(["drop_oldest", "drop_newest"]), "drop_oldest"),
  queueQos0Offline: key("queue_qos0_offline", boolean(), false),
  maxOutboundBufferBytes: key("max_outbound_buffer", size({ min: KB, max: UNLIMITED }), "4MB"),
  connectTimeoutMs: key("connect_timeout", durationMs({ min: 1, max: DAY_MS }), "10s"),
  maxKeepAliveS: key("max_keep_alive", durationS({ min: 0, max: 65_535 }), 0),
  keepAliveFactor: key("keep_alive_factor", decimal({ min: 1, max: 100 }), 1.5),
  maxSessionExpiryS: key("max_session_expiry", durationS({ min: 0, max: LONGEST_S }), "30d"),
  sessionExpiry3xS: key("session_expiry_3x", durationS({ min: 0, max: LONGEST_S }), "2h"),
  maxWillDelayS: key("max_will_delay", durationS({ min: 0, max: LONGEST_S }), "1d"),
  hasRetainer: key("retainer", boolean(), true),
  maxRetainedMessages: key("max_retained_messages", integer({ min: 0, max: UNLIMITED }), 0),
  maxRetainedPayloadBytes: key("max_retained_payload", size({ min: 1, max: 256 * MB }), "1MB"),
  hasDelayedPublish: key("delayed_publish", boolean(), true),
  maxDelayedMessages: key("max_delayed_messages", integer({ min: 0, max: UNLIMITED }), 10_000),
  maxDelayedBytes: key("max_delayed_bytes", size({ min: 0, max: UNLIMITED }), "64MB"),
  sysIntervalMs: key("sys_interval", durationMs({ min: 0, max: DAY_MS }), "60s"),
});
