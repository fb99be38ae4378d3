import { LOG_FORMATS, LOG_LEVELS, type LogOptions } from "../base/mod.ts";
import type { MqttOptions } from "../broker/mod.ts";
import type { StoreOptions } from "../storage/mod.ts";
import type { Bind } from "./address.ts";
import {
  bind,
  boolean,
  choice,
  decimal,
  durationMs,
  durationS,
  integer,
  type Kind,
  oneOf,
  size,
  text,
} from "./kind.ts";

/** Section `[node]`. */
export interface NodeOptions {
  /** What the HTTP APIs and the log call this node. */
  readonly name: string;
  readonly dataDir: string;
}

/** Section `[persistence]`. */
export interface PersistenceOptions extends StoreOptions {
  /** Whether there is anything on disk; otherwise all is kept in memory. */
  readonly enabled: boolean;
}

/** One `[[listener]]` as it is written; what follows from other keys is not worked out yet. */
export interface ListenerKeys {
  readonly type: "tcp";
  readonly bind: Bind;
  readonly maxConnections: number;
  readonly allowAnonymous: boolean | undefined;
}

/** Section `[auth]` as it is written. */
export interface AuthKeys {
  readonly allowAnonymous: boolean | undefined;
}

/** One key of the configuration. */
export interface Key<T> {
  readonly name: string;
  readonly kind: Kind<Exclude<T, undefined>>;
  /** As it stands in TOML; undefined where the default follows from other keys. */
  readonly default: string | number | boolean | undefined;
}

export type Keys<T> = { readonly [Field in keyof T]-?: Key<T[Field]> };

/** A section: its keys, by the field of the options that each one fills. */
export interface Section<T> {
  readonly keys: Keys<T>;
  /** Keys of the contract that this version has no code for. */
  readonly later: readonly string[];
  /** Whether it is written `[[name]]`, any number of times. */
  readonly isRepeated: boolean;
  /** When a changed value counts: from the reload on, or after a restart. */
  readonly applies: "at reload" | "after restart";
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;
const KB = 1024;
const MB = 1024 * KB;
/** The longest remaining length that four bytes can say, and its header. */
const LARGEST_PACKET_BYTES = 268_435_455 + 5;
/** Session expiry and the like are four bytes of seconds on the wire; the last value means never. */
const LONGEST_S = 0xffff_ffff;
const DAY_MS = 86_400_000;
/** Every acknowledgement waits that long on a quiet broker: more is no use to anybody. */
const LONGEST_GROUP_COMMIT_MS = 1000;

const NODE: Section<NodeOptions> = {
  keys: {
    name: { name: "name", kind: text({ maxLength: 256 }), default: "broker@127.0.0.1" },
    dataDir: { name: "data_dir", kind: text({ maxLength: 4096 }), default: "data" },
  },
  later: [],
  isRepeated: false,
  applies: "after restart",
};

const LOG: Section<LogOptions> = {
  keys: {
    level: { name: "level", kind: choice(LOG_LEVELS), default: "info" },
    format: { name: "format", kind: choice(LOG_FORMATS), default: "text" },
  },
  later: [],
  isRepeated: false,
  applies: "at reload",
};

const LISTENER: Section<ListenerKeys> = {
  keys: {
    type: { name: "type", kind: choice(["tcp"], ["tls", "ws", "wss", "unix"]), default: "tcp" },
    bind: { name: "bind", kind: bind(), default: "127.0.0.1:1883" },
    maxConnections: {
      name: "max_connections",
      kind: integer({ min: 1, max: 10_000_000 }),
      default: 100_000,
    },
    allowAnonymous: { name: "allow_anonymous", kind: boolean(), default: undefined },
  },
  later: [
    "path",
    "cert",
    "key",
    "key_password",
    "ca",
    "verify_peer",
    "fail_if_no_peer_cert",
    "peer_cert_as",
    "proxy_protocol",
    "trusted_proxies",
    "mountpoint",
  ],
  isRepeated: true,
  applies: "after restart",
};

const MQTT: Section<MqttOptions> = {
  keys: {
    maxPacketSizeBytes: {
      name: "max_packet_size",
      kind: size({ min: 128, max: LARGEST_PACKET_BYTES }),
      default: "1MB",
    },
    maxTopicLevels: {
      name: "max_topic_levels",
      kind: integer({ min: 1, max: 65_536 }),
      default: 128,
    },
    // A broker must take 23 bytes [MQTT-3.1.3-5]; a string has at most 65535.
    maxClientIdLength: {
      name: "max_client_id_length",
      kind: integer({ min: 23, max: 65_535 }),
      default: 1024,
    },
    maxQos: { name: "max_qos", kind: oneOf([0, 1, 2]), default: 2 },
    retainAvailable: { name: "retain_available", kind: boolean(), default: true },
    wildcardSubscription: { name: "wildcard_subscription", kind: boolean(), default: true },
    sharedSubscription: { name: "shared_subscription", kind: boolean(), default: true },
    maxSubscriptions: {
      name: "max_subscriptions",
      kind: integer({ min: 0, max: UNLIMITED }),
      default: 0,
    },
    maxTopicAlias: {
      name: "max_topic_alias",
      kind: integer({ min: 0, max: 65_535 }),
      default: 32,
    },
    receiveMaximum: {
      name: "receive_maximum",
      kind: integer({ min: 1, max: 65_535 }),
      default: 100,
    },
    maxInflight: { name: "max_inflight", kind: integer({ min: 1, max: 65_535 }), default: 32 },
    maxQueuedMessages: {
      name: "max_queued_messages",
      kind: integer({ min: 0, max: UNLIMITED }),
      default: 1000,
    },
    maxQueuedBytes: {
      name: "max_queued_bytes",
      kind: size({ min: 1, max: UNLIMITED }),
      default: "64MB",
    },
    queueFull: {
      name: "queue_full",
      kind: choice(["drop_oldest", "drop_newest"]),
      default: "drop_oldest",
    },
    queueQos0Offline: { name: "queue_qos0_offline", kind: boolean(), default: false },
    maxOutboundBufferBytes: {
      name: "max_outbound_buffer",
      kind: size({ min: KB, max: UNLIMITED }),
      default: "4MB",
    },
    connectTimeoutMs: {
      name: "connect_timeout",
      kind: durationMs({ min: 1, max: DAY_MS }),
      default: "10s",
    },
    maxKeepAliveS: {
      name: "max_keep_alive",
      kind: durationS({ min: 0, max: 65_535 }),
      default: 0,
    },
    keepAliveFactor: {
      name: "keep_alive_factor",
      kind: decimal({ min: 1, max: 100 }),
      default: 1.5,
    },
    maxSessionExpiryS: {
      name: "max_session_expiry",
      kind: durationS({ min: 0, max: LONGEST_S }),
      default: "30d",
    },
    sessionExpiry3xS: {
      name: "session_expiry_3x",
      kind: durationS({ min: 0, max: LONGEST_S }),
      default: "2h",
    },
    maxWillDelayS: {
      name: "max_will_delay",
      kind: durationS({ min: 0, max: LONGEST_S }),
      default: "1d",
    },
    maxRetainedMessages: {
      name: "max_retained_messages",
      kind: integer({ min: 0, max: UNLIMITED }),
      default: 0,
    },
    maxRetainedPayloadBytes: {
      name: "max_retained_payload",
      kind: size({ min: 1, max: 256 * MB }),
      default: "1MB",
    },
    sysIntervalMs: {
      name: "sys_interval",
      kind: durationMs({ min: 0, max: DAY_MS }),
      default: "60s",
    },
  },
  later: [],
  isRepeated: false,
  applies: "at reload",
};

const PERSISTENCE: Section<PersistenceOptions> = {
  keys: {
    enabled: { name: "enabled", kind: boolean(), default: true },
    durability: { name: "durability", kind: choice(["fsync", "os", "off"]), default: "fsync" },
    groupCommitMs: {
      name: "group_commit",
      kind: durationMs({ min: 0, max: LONGEST_GROUP_COMMIT_MS }),
      default: "2ms",
    },
  },
  later: [],
  isRepeated: false,
  applies: "after restart",
};

const AUTH: Section<AuthKeys> = {
  keys: {
    allowAnonymous: { name: "allow_anonymous", kind: boolean(), default: undefined },
  },
  later: ["password_file", "user", "jwt", "http"],
  isRepeated: false,
  applies: "after restart",
};

/** Every section of this version, by its name in the file. */
export const SCHEMA = Object.freeze({
  node: NODE,
  log: LOG,
  listener: LISTENER,
  mqtt: MQTT,
  persistence: PERSISTENCE,
  auth: AUTH,
});

export type SectionName = keyof typeof SCHEMA;

/** Sections of the contract that this version has no code for. */
export const LATER_SECTIONS: readonly string[] = [
  "acl",
  "limits",
  "http",
  "app",
  "api",
  "bridge",
  "cluster",
];

/** The section by a name from outside; undefined when there is none. */
export function sectionByName(name: string): Section<unknown> | undefined {
  return Object.hasOwn(SCHEMA, name) ? SCHEMA[name as SectionName] : undefined;
}

/** The keys of a section without their types, for whoever walks or searches them. */
export function keysOf(section: Section<unknown>): readonly Key<unknown>[] {
  return Object.values(section.keys);
}
