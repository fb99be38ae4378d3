import type { ConfLine } from "./conf_lines.ts";
import type { Draft } from "./draft.ts";
import {
  count,
  flag,
  lost,
  needless,
  onlyFor,
  path,
  readInteger,
  type Translate,
  wrongValue,
} from "./values.ts";

const PACKET_IDS = 65_535;
/** The longest topic, packet identifier, header and a few properties. */
const BESIDES_PAYLOAD_BYTES = 66_000;
const PACKET_BYTES_MAX = 256 * 1024 * 1024;
const SMALLEST_PACKET_BYTES = 128;
const DAY_S = 86_400;
const EXPIRATION_S: Readonly<Record<string, number>> = {
  h: 3600,
  d: DAY_S,
  w: 7 * DAY_S,
  m: 30 * DAY_S,
  y: 365 * DAY_S,
};
const LONGEST_S = 0xffff_ffff;
const QUEUED_BYTES_MAX = Number.MAX_SAFE_INTEGER;

const NO_PLUGINS =
  "plugins of mosquitto cannot be loaded; there are users and rules in the configuration, accounts " +
  "in the database, tokens ([auth.jwt]) and an HTTP callback ([auth.http])";
const STANDARD_ERROR =
  "the log goes to standard error, for systemd's journal, a container's log or a file that the shell opens";

/** Options that are about the whole broker, or that nothing can be done about. */
export const GENERAL_OPTIONS: Readonly<Record<string, Translate>> = {
  "allow_duplicate_messages": needless("what overlapping subscriptions get is as MQTT says"),
  "auth_plugin": lost(NO_PLUGINS),
  "auth_plugin_deny_special_chars": lost(NO_PLUGINS),
  "plugin": lost(NO_PLUGINS),
  "global_plugin": lost(NO_PLUGINS),
  "plugin_load": lost(NO_PLUGINS),
  "plugin_use": lost(NO_PLUGINS),
  "autosave_interval": needless("every change is written at once; see [persistence] durability"),
  "autosave_on_changes": needless("every change is written at once; see [persistence] durability"),
  "check_retain_source": onlyFor(
    ["false"],
    "a publisher is judged when it publishes, receivers whenever they get something",
  ),
  "clientid_prefixes": lost(
    "client identifiers are not chosen by prefix; [[acl.rule]] and accounts by client identifier may do",
  ),
  "connection_messages": (line, draft) => {
    if (line.value === "false") {
      return needless("connections are logged at level debug")(line, draft);
    }
    lost('log.level = "debug" logs every connection, and more')(line, draft);
  },
  "dhparamfile": needless("key exchange is by elliptic curves, which need no file"),
  "global_max_clients": lost(
    "max_connections of each [[listener]], and limits.max_sessions, limit that",
  ),
  "global_max_connections": lost("max_connections of each [[listener]] limits that"),
  "log_dest": (line, draft) => {
    const isSo = line.value === "stderr" || line.value === "none";
    if (line.value === "none") {
      draft.section("log").set("level", "error", line);
      draft.remark("differs", line, "errors are logged all the same");
    } else draft.remark(isSo ? "needless" : "lost", line, STANDARD_ERROR);
  },
  "log_facility": needless(STANDARD_ERROR),
  "log_timestamp": onlyFor(["true"], "every line of the log has a time"),
  "log_timestamp_format": lost("times in the log are as ISO 8601 has them"),
  "max_inflight_bytes": onlyFor(["0"], "only the number is limited, by mqtt.max_inflight"),
  "max_inflight_messages": count("mqtt", 0, (value) => {
    const limit = value === 0 ? PACKET_IDS : Math.min(value, PACKET_IDS);
    return { "max_inflight": limit, "receive_maximum": limit };
  }),
  "max_keepalive": count("mqtt", 0, (value) => ({
    "max_keep_alive": value >= PACKET_IDS ? 0 : value,
  })),
  "max_packet_size": count("mqtt", 0, (value) => ({ "max_packet_size": packetSize(value) })),
  "max_queued_bytes": count("mqtt", 0, (value) => ({
    "max_queued_bytes": value === 0 ? QUEUED_BYTES_MAX : value,
  })),
  "max_queued_messages": count("mqtt", 0, (value) => ({ "max_queued_messages": value })),
  "memory_limit": onlyFor(["0"], "MemoryMax= of systemd or the limit of a container does that"),
  "message_size_limit": (line, draft) => {
    const value = readInteger(line.value, 0);
    if (value === undefined) return wrongValue(line, draft, "a whole number from 0 on");
    const size = packetSize(value === 0 ? 0 : value + BESIDES_PAYLOAD_BYTES);
    draft.section("mqtt").set("max_packet_size", size, line);
    if (value > 0) draft.remark("differs", line, "here whole packets are limited, topics included");
  },
  "persistence": flag("persistence", "enabled"),
  "retained_persistence": flag("persistence", "enabled"),
  "persistence_file": lost(
    "the database is broker.db in node.data_dir; mosquitto's cannot be read",
  ),
  "persistence_location": lost(
    "node.data_dir names the folder, which should be the broker's own; mosquitto's database cannot be read",
  ),
  "persistent_client_expiration": (line, draft) => {
    const [, number, unit = ""] = /^(\d{1,6})([hdwmy])$/.exec(line.value) ?? [];
    if (number === undefined) return wrongValue(line, draft, 'such as "14d", "2m" or "1y"');
    const seconds = Math.min(Number(number) * (EXPIRATION_S[unit] ?? 0), LONGEST_S);
    draft.section("mqtt").set("session_expiry_3x", seconds, line);
    draft.section("mqtt").set("max_session_expiry", seconds, line);
  },
  "pid_file": needless("systemd needs none; --ready-file tells the process, and where it listens"),
  "psk_file": lost("TLS is by certificates only"),
  "queue_qos0_messages": flag("mqtt", "queue_qos0_offline"),
  "retain_available": flag("mqtt", "retain_available"),
  "retry_interval": needless("mosquitto does nothing with it either"),
  "set_tcp_nodelay": needless("it is always so"),
  "store_clean_interval": needless("mosquitto does nothing with it either"),
  "sys_interval": count("mqtt", 0, (value) => ({ "sys_interval": `${value}s` })),
  "upgrade_outgoing_qos": onlyFor(
    ["false"],
    "messages are delivered with the lower QoS, as MQTT says",
  ),
  "user": lost("the broker stays who starts it: User= of systemd"),
  "websockets_headers_size": needless("heads of up to 8 KiB are read"),
  "websockets_log_level": needless("that is about another library"),
  "enable_control_api": lost("there is no control API on topics; see [[http]]"),
};

/** Of the security of the broker, or of a listener with `per_listener_settings`. */
export const SECURITY_OPTIONS: Readonly<Record<string, Translate>> = {
  "acl_file": (line, draft) => {
    path("acl", "file")(line, draft);
    if (line.value === "") return;
    draft.remark(
      "differs",
      line,
      "a subscription of which no line allows anything is refused; mosquitto grants it, and delivers nothing",
    );
  },
  "password_file": path("auth", "password_file"),
  "allow_anonymous": flag("auth", "allow_anonymous"),
  "allow_zero_length_clientid": onlyFor(
    ["true", "1"],
    "a client without an identifier is given one",
  ),
  "auto_id_prefix": onlyFor(["auto-"], 'identifiers that are given begin with "auto-"'),
};

export function isPluginOption(name: string): boolean {
  return name.startsWith("auth_opt_") || name.startsWith("plugin_opt_");
}

export const PLUGIN_OPTION: Translate = lost(NO_PLUGINS);

function packetSize(value: number): number {
  if (value === 0) return PACKET_BYTES_MAX;
  return Math.max(SMALLEST_PACKET_BYTES, Math.min(value, PACKET_BYTES_MAX));
}

const LOG_LEVELS: Readonly<Record<string, number>> = {
  none: 0,
  error: 0,
  warning: 1,
  notice: 2,
  information: 2,
  debug: 3,
  subscribe: 3,
  unsubscribe: 3,
  websockets: 3,
  internal: 3,
  all: 3,
};
const OUR_LEVELS = ["error", "warn", "info", "debug"];

/** All `log_type` lines together: the one that lets most through. */
export function translateLogTypes(lines: readonly ConfLine[], draft: Draft): void {
  let most: { readonly level: number; readonly line: ConfLine } | undefined;
  for (const line of lines) {
    const level = LOG_LEVELS[line.value];
    if (level === undefined) {
      wrongValue(line, draft, Object.keys(LOG_LEVELS).join(", "));
      continue;
    }
    if (most === undefined || level > most.level) most = { level, line };
  }
  if (most === undefined) return;
  draft.section("log").set("level", OUR_LEVELS[most.level] ?? "info", most.line);
  for (const line of lines) {
    if (line !== most.line && LOG_LEVELS[line.value] !== undefined) {
      draft.remark("needless", line, `log.level = "${OUR_LEVELS[most.level]}" has it, too`);
    }
  }
}
