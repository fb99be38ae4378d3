// deno-lint-ignore-file camelcase -- columns have the spelling of EMQX
import type { JsonValue } from "../../ports/mod.ts";
import { EVENT_NAMES, type EventName } from "../event_name.ts";
import type { JsonObject } from "../rule.ts";
import type { Text } from "../params/param_spec.ts";

/** What a rule can know of an event, in words and names of EMQX 3.2. */
export interface EventDescription {
  readonly event: EventName;
  readonly title: Text;
  readonly description: Text;
  /** Samples of the columns that matter most when a statement is tried out. */
  readonly testColumns: JsonObject;
  readonly columns: readonly string[];
  readonly sqlExample: string;
}

const CLIENT = ["client_id", "username", "event"];
const MESSAGE = ["payload", "peername", "topic", "qos", "timestamp", "node"];
const SUBSCRIBING = [
  ...CLIENT,
  "auth_result",
  "mountpoint",
  "peername",
  "topic_filters",
  "topic",
  "qos",
  "timestamp",
  "node",
];
const SESSION = [...CLIENT, "topic", "qos", "nl", "rap", "rc", "rh", "timestamp", "node"];

/** The columns that EMQX 3.2 tells of each event. */
const COLUMNS: Readonly<Record<EventName, readonly string[]>> = {
  "message.publish": [
    ...CLIENT,
    "id",
    "payload",
    "peername",
    "qos",
    "timestamp",
    "topic",
    "node",
  ],
  "message.deliver": [...CLIENT, "auth_result", "mountpoint", "id", ...MESSAGE],
  "message.acked": [...CLIENT, "id", ...MESSAGE],
  "message.dropped": [
    ...CLIENT,
    "id",
    "payload",
    "peername",
    "qos",
    "timestamp",
    "topic",
    "node",
  ],
  "client.connected": [
    ...CLIENT,
    "auth_result",
    "clean_start",
    "connack",
    "connected_at",
    "is_bridge",
    "keepalive",
    "mountpoint",
    "peername",
    "proto_ver",
    "timestamp",
    "node",
  ],
  "client.disconnected": [
    ...CLIENT,
    "auth_result",
    "mountpoint",
    "peername",
    "reason_code",
    "timestamp",
    "node",
  ],
  "client.subscribe": SUBSCRIBING,
  "client.unsubscribe": SUBSCRIBING,
  "session.subscribed": SESSION,
  "session.unsubscribed": SESSION,
};

/** Columns that `*` brings beside those that are told of. */
const UNTOLD: Readonly<Record<"message" | "client" | "session", readonly string[]>> = {
  message: ["retain"],
  client: ["sockname", "zone"],
  session: ["sub_opts"],
};

const WHO = { client_id: "c_emqx", username: "u_emqx" };
const TEST_MESSAGE: JsonObject = { ...WHO, topic: "t/a", qos: 1, payload: '{"msg": "hello"}' };
const TEST_SESSION: JsonObject = { ...WHO, topic: "t/a", qos: 1 };

const TEST_COLUMNS: Readonly<Record<EventName, JsonObject>> = {
  "message.publish": TEST_MESSAGE,
  "message.deliver": TEST_MESSAGE,
  "message.acked": TEST_MESSAGE,
  "message.dropped": TEST_MESSAGE,
  "client.connected": { ...WHO, auth_result: "success", peername: "127.0.0.1:63412" },
  "client.disconnected": { ...WHO, reason_code: "normal" },
  "client.subscribe": {
    ...WHO,
    topic_filters: [{ topic: "t/a", qos: 0 }, { topic: "t/b", qos: 1 }],
  },
  "client.unsubscribe": { ...WHO, topic_filters: ["t/a", "t/b"] as JsonValue },
  "session.subscribed": TEST_SESSION,
  "session.unsubscribed": TEST_SESSION,
};

const CHINESE: Readonly<Record<EventName, string>> = {
  "message.publish": "消息发布",
  "message.deliver": "消息投递",
  "message.acked": "消息应答",
  "message.dropped": "消息丢弃",
  "client.connected": "连接建立",
  "client.disconnected": "连接断开",
  "client.subscribe": "终端订阅",
  "client.unsubscribe": "终端取消订阅",
  "session.subscribed": "会话订阅完成",
  "session.unsubscribed": "会话取消订阅完成",
};

function sqlExample(event: EventName): string {
  if (event.startsWith("message.")) {
    return `SELECT payload.msg as msg FROM "${event}" WHERE topic =~ 't/#' and msg = 'hello'`;
  }
  const isAboutTopics = event !== "client.connected" && event !== "client.disconnected";
  return `SELECT * FROM "${event}"${isAboutTopics ? " WHERE topic =~ 't/#'" : ""}`;
}

/** All events, in the order in which they are listed. */
export const EVENT_DESCRIPTIONS: readonly EventDescription[] = EVENT_NAMES.map((event) => {
  const title = { en: event.replace(".", " "), zh: CHINESE[event] };
  return {
    event,
    title,
    description: title,
    testColumns: TEST_COLUMNS[event],
    columns: COLUMNS[event],
    sqlExample: sqlExample(event),
  };
});

const SELECTABLE: ReadonlyMap<EventName, readonly string[]> = new Map(
  EVENT_NAMES.map((event) => [
    event,
    [...COLUMNS[event], ...UNTOLD[event.split(".")[0] as keyof typeof UNTOLD]],
  ]),
);

/** Every column of an event that a statement may name, in the order in which `*` has them. */
export function columnsOf(event: EventName): readonly string[] {
  return SELECTABLE.get(event) ?? [];
}
