// deno-lint-ignore-file camelcase -- columns have the spelling of EMQX
import type { JsonValue } from "../../ports/mod.ts";
import type { EventName } from "../event_name.ts";
import type { JsonObject } from "../rule.ts";
import { EventColumns, type EventSurroundings } from "./event_columns.ts";

const CLIENT: JsonObject = { client_id: "c_emqx", username: "u_emqx" };
const PEERNAME = "127.0.0.1:50891";
const MESSAGE: JsonObject = {
  ...CLIENT,
  id: "0005866EC9FD42E1F44300000A900000",
  topic: "t1",
  qos: 1,
  payload: '{"id": 1, "name": "ha"}',
  peername: PEERNAME,
  retain: 0,
};
const NETWORK: JsonObject = {
  ...CLIENT,
  auth_result: "success",
  peername: PEERNAME,
  sockname: "127.0.0.1:1883",
  zone: "external",
};
const OPTIONS: JsonObject = { nl: 0, qos: 1, rap: 0, rc: 1, rh: 0 };
const SESSION: JsonObject = { ...CLIENT, topic: "t1", ...OPTIONS, sub_opts: OPTIONS };

/** What an event has where nobody says otherwise; points in time are added. */
const DEFAULTS: Readonly<Record<EventName, JsonObject>> = {
  "message.publish": MESSAGE,
  "message.deliver": { ...MESSAGE, auth_result: "success" },
  "message.acked": MESSAGE,
  "message.dropped": MESSAGE,
  "client.connected": {
    ...NETWORK,
    clean_start: true,
    connack: 0,
    is_bridge: false,
    keepalive: 60,
    proto_ver: 4,
  },
  "client.disconnected": { ...NETWORK, reason_code: "closed" },
  "client.subscribe": { ...NETWORK, topic_filters: [{ topic: "t1", qos: 1 }] },
  "client.unsubscribe": { ...NETWORK, topic_filters: [{ topic: "t1" }] },
  "session.subscribed": SESSION,
  "session.unsubscribed": SESSION,
};

/** An event that did not happen: what somebody says of it, and what it usually has. */
export class TestColumns extends EventColumns {
  override readonly message = undefined;
  override readonly publisherId = "";
  readonly #values: JsonObject;
  readonly #context: JsonObject;

  /** Members of `context` stand in the place of the usual ones. */
  constructor(event: EventName, context: JsonObject, surroundings: EventSurroundings) {
    super(event, surroundings);
    this.#context = context;
    const nowMs = surroundings.nowMs();
    const times = event === "client.connected" ? { connected_at: nowMs } : {};
    const given: JsonObject = { ...DEFAULTS[event], timestamp: nowMs, ...times, ...context };
    const values = event.startsWith("message.") ? { ...messageColumns(given), ...given } : given;
    const filters = toFilters(values["topic_filters"]);
    this.#values = filters === undefined
      ? values
      : { ...firstOf(filters), ...values, topic_filters: filters };
  }

  /** With what only the context has. */
  override get names(): readonly string[] {
    const usual = super.names;
    const others = Object.keys(this.#context).filter((name) => !usual.includes(name));
    return [...usual, ...others];
  }

  override get clientId(): string {
    return String(this.#values.client_id ?? "");
  }

  override get(name: string): JsonValue | undefined {
    // What somebody says of node or event counts as well; a payload is text, also where it is given as what it says.
    const { payload } = this.#values;
    if (name === "payload" && payload !== undefined && typeof payload !== "string") {
      return JSON.stringify(payload);
    }
    return Object.hasOwn(this.#values, name) ? this.#values[name] : super.get(name);
  }

  protected override own(): undefined {
    return undefined;
  }
}

/** What functions read of a message that has these columns. */
function messageColumns({ username, peername, retain }: JsonObject): JsonObject {
  return {
    flags: { dup: false, retain: retain === 1 || retain === true },
    headers: { ...named("username", username), ...named("peername", peername) },
  };
}

function named(name: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

/** An array, or JSON text of one; its elements are objects, or topic filters as text. Undefined: it is neither. */
function toFilters(value: JsonValue | undefined): readonly JsonObject[] | undefined {
  const list = typeof value === "string" ? parsed(value) : value;
  if (!Array.isArray(list)) return undefined;
  return list.map((each: JsonValue) => {
    const isObject = typeof each === "object" && each !== null && !Array.isArray(each);
    return isObject ? each as JsonObject : { topic: each };
  });
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Then it is text, and stays that.
    return undefined;
  }
}

/** Topic and QoS of the event, which are those of the first filter. */
function firstOf([first]: readonly JsonObject[]): JsonObject {
  const { topic, qos } = first ?? {};
  return { ...named("topic", topic), ...named("qos", qos) };
}
