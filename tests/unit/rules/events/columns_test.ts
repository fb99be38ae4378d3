// deno-lint-ignore-file camelcase -- columns have the spelling of EMQX
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import type { ClientEvent, EventClient, JsonValue } from "../../../../src/ports/mod.ts";
import { EVENT_DESCRIPTIONS, EVENT_NAMES, type EventName } from "../../../../src/rules/mod.ts";
import { columnsOf } from "../../../../src/rules/events/catalogue.ts";
import { ClientColumns, isRuleClientEvent } from "../../../../src/rules/events/client_columns.ts";
import type { EventColumns } from "../../../../src/rules/events/event_columns.ts";
import { MessageColumns } from "../../../../src/rules/events/message_columns.ts";
import { TestColumns } from "../../../../src/rules/events/test_columns.ts";
import { MessageOrigin, Publication } from "../../../../src/session/mod.ts";
import { CLIENT, messageOf } from "../rule_rig.ts";

const SURROUNDINGS = {
  node: "n1",
  nowMs: () => 5000,
  addressOf: (name: string) => `address of ${name}`,
};
const PUBLISHER = { clientId: "p", username: "pu", peername: "10.1.1.1:999" };
const RECEIVER: EventClient = {
  ...CLIENT,
  clientId: "r",
  username: "ru",
  peername: "10.2.2.2:5",
  mountpoint: "m/",
};

function messageColumns(event: EventName, payload = '{"a":1}'): MessageColumns {
  const message = messageOf("t/1", payload, { qos: 2, retain: true, publisherId: "p" });
  const origin = new MessageOrigin(PUBLISHER, 4000);
  return new MessageColumns({ event, message, origin, receiver: RECEIVER }, SURROUNDINGS);
}

const OF_MESSAGE = { payload: '{"a":1}', topic: "t/1", qos: 2, timestamp: 4000, retain: 1 };
const OF_PUBLISHER = { client_id: "p", username: "pu", peername: "10.1.1.1:999" };
const MESSAGE_COLUMNS: readonly [EventName, { readonly [name: string]: JsonValue }][] = [
  ["message.publish", { ...OF_MESSAGE, ...OF_PUBLISHER }],
  ["message.dropped", { ...OF_MESSAGE, ...OF_PUBLISHER }],
  ["message.deliver", {
    ...OF_MESSAGE,
    client_id: "r",
    username: "ru",
    peername: "10.2.2.2:5",
    auth_result: "success",
    mountpoint: "m/",
  }],
  // The publisher's address beside the receiver's name, as ever.
  ["message.acked", { ...OF_MESSAGE, client_id: "r", username: "ru", peername: "10.1.1.1:999" }],
];

for (const [event, expected] of MESSAGE_COLUMNS) {
  test(`columns of ${event} tell of the message, and of whom it is about`, () => {
    const { id, ...found } = messageColumns(event).toObject();
    assertMatch(String(id), /^[0-9A-F]{32}$/);
    assertEquals(found, { ...expected, event, node: "n1" });
  });
}

test("what a receiver gets may be less than what was published", () => {
  const message = messageOf("t/1", "x", { qos: 2, retain: true });
  const told = { message, origin: undefined, receiver: RECEIVER } as const;
  const granted = { qos: 1, retain: false } as const;
  for (const event of ["message.deliver", "message.acked"] as const) {
    const columns = new MessageColumns({ event, ...told, granted }, SURROUNDINGS);
    const found = [columns.get("qos"), columns.get("retain"), columns.get("flags")];
    assertEquals(found, [1, 0, { dup: false, retain: false }]);
  }
});

test("the columns of a message are the same each time, its identifier too", () => {
  const columns = messageColumns("message.publish");
  assertEquals(columns.get("id"), columns.get("id"));
  assertEquals(columns.payloadObject() === columns.payloadObject(), true);
  assertEquals(columns.get("flags"), { dup: false, retain: true });
  assertEquals(columns.get("headers"), { username: "pu", peername: "10.1.1.1:999" });
  assertEquals([columns.get("nothing"), columns.get("toString")], [undefined, undefined]);
});

test("a payload that is no UTF-8 is text all the same, and no object", () => {
  const columns = new MessageColumns({
    event: "message.publish",
    message: messageOf("t", Uint8Array.of(0xff, 0x41)),
    origin: undefined,
    receiver: undefined,
  }, SURROUNDINGS);
  assertEquals([columns.get("payload"), columns.payloadObject()], ["\ufffdA", {}]);
  assertEquals([columns.get("timestamp"), columns.get("id"), columns.get("client_id")], [
    5000,
    undefined,
    "c1",
  ]);
});

test("a message of the broker itself is nobody's", () => {
  const message = messageOf("t", "", { publisherId: "" });
  const origin = new MessageOrigin({ clientId: "", username: undefined, peername: undefined }, 1);
  const columns = new MessageColumns(
    { event: "message.publish", message, origin, receiver: undefined },
    SURROUNDINGS,
  );
  const names = Object.keys(columns.toObject());
  assertEquals(names.filter((name) => /client_id|username|peername/.test(name)), []);
});

test("a publication is read where it lies, and kept only for whoever wants its message", () => {
  const publication = new Publication();
  publication.loadMessage(messageOf("t", "x"), 0);
  const told = { message: publication, origin: undefined, receiver: undefined } as const;
  const columns = new MessageColumns({ event: "message.publish", ...told }, SURROUNDINGS);
  assertEquals([columns.get("payload"), columns.message.topic], ["x", "t"]);
});

const AT = { client: { ...RECEIVER, version: 5 }, timestampMs: 77 } as const;
const SUBSCRIPTION = {
  topic: "t/a",
  shareName: "",
  qos: 1,
  noLocal: true,
  retainAsPublished: false,
  retainHandling: 2,
} as const;
const OF_CLIENT = {
  client_id: "r",
  username: "ru",
  auth_result: "success",
  mountpoint: "m/",
  peername: "10.2.2.2:5",
  timestamp: 77,
  node: "n1",
  sockname: "address of tcp:default",
  zone: "external",
};
const OF_SESSION = { client_id: "r", username: "ru", timestamp: 77, node: "n1" };
const OPTIONS = { nl: 1, qos: 1, rap: 0, rc: 1, rh: 2 };

const CLIENT_COLUMNS: readonly [ClientEvent, { readonly [name: string]: JsonValue }][] = [
  [
    {
      type: "client.connected",
      ...AT,
      keepAliveS: 60,
      cleanStart: true,
      isSessionPresent: false,
      isBridge: false,
      connack: 0,
      connectedAtMs: 76,
    },
    {
      ...OF_CLIENT,
      clean_start: true,
      connack: 0,
      connected_at: 76,
      is_bridge: false,
      keepalive: 60,
      proto_ver: 5,
    },
  ],
  [
    { type: "client.disconnected", ...AT, reason: "kicked", connectedAtMs: 1 },
    { ...OF_CLIENT, reason_code: "kicked" },
  ],
  [
    {
      type: "client.subscribe",
      ...AT,
      filters: [SUBSCRIPTION, { ...SUBSCRIPTION, topic: "t/b", qos: 0 }],
    },
    {
      ...OF_CLIENT,
      topic_filters: [{ topic: "t/a", qos: 1 }, { topic: "t/b", qos: 0 }],
      topic: "t/a",
      qos: 1,
    },
  ],
  [
    { type: "client.unsubscribe", ...AT, filters: [SUBSCRIPTION] },
    { ...OF_CLIENT, topic_filters: [{ topic: "t/a" }], topic: "t/a" },
  ],
  [
    { type: "session.subscribed", ...AT, subscription: SUBSCRIPTION, isNew: true },
    { ...OF_SESSION, ...OPTIONS, topic: "t/a", sub_opts: OPTIONS },
  ],
  [
    { type: "session.unsubscribed", ...AT, subscription: SUBSCRIPTION },
    { ...OF_SESSION, ...OPTIONS, topic: "t/a", sub_opts: OPTIONS },
  ],
];

for (const [told, expected] of CLIENT_COLUMNS) {
  test(`columns of ${told.type} tell of the client`, () => {
    if (!isRuleClientEvent(told)) throw new Error("rules know of it");
    const found = new ClientColumns(told, SURROUNDINGS).toObject();
    assertEquals(found, { ...expected, event: told.type });
  });
}

test("rules know nothing of events that are no rule's", () => {
  assertEquals(isRuleClientEvent({ type: "session.created", ...AT }), false);
});

test("every column that an event is told to have can be selected, and has a value where there is one", () => {
  assertEquals(EVENT_DESCRIPTIONS.map(({ event }) => event), [...EVENT_NAMES]);
  for (const { event, columns, testColumns } of EVENT_DESCRIPTIONS) {
    const known = columnsOf(event);
    assertEquals(columns.filter((name) => !known.includes(name)), []);
    assertEquals(Object.keys(testColumns).filter((name) => !known.includes(name)), []);
    const usual = new TestColumns(event, {}, SURROUNDINGS);
    const missing = known.filter((name) => usual.get(name) === undefined);
    const isUnsubscribe = event === "client.unsubscribe";
    assertEquals(missing, [
      ...(known.includes("mountpoint") ? ["mountpoint"] : []),
      ...(isUnsubscribe ? ["qos"] : []),
    ], event);
  }
});

function tried(event: EventName, context: { readonly [name: string]: JsonValue }): EventColumns {
  return new TestColumns(event, context, SURROUNDINGS);
}

test("an event that is made up has what its context says, and what such events usually have", () => {
  const columns = tried("message.publish", { topic: "x", payload: '{"a":2}', mine: 1 });
  assertEquals(
    ["topic", "client_id", "qos", "timestamp", "node", "event", "mine"].map((name) =>
      columns.get(name)
    ),
    ["x", "c_emqx", 1, 5000, "n1", "message.publish", 1],
  );
  assertEquals([columns.payloadObject(), columns.names.at(-1)], [{ a: 2 }, "mine"]);
  assertEquals(tried("client.connected", {}).get("connected_at"), 5000);
  assertEquals(tried("message.publish", { node: "other" }).get("node"), "other");
});

const FILTERS: readonly [
  given: JsonValue,
  filters: JsonValue | undefined,
  topic: JsonValue | undefined,
][] = [
  ['[{"topic":"t/a","qos":2}]', [{ topic: "t/a", qos: 2 }], "t/a"],
  [[{ topic: "t/b", qos: 0 }], [{ topic: "t/b", qos: 0 }], "t/b"],
  [["t/c", "t/d"], [{ topic: "t/c" }, { topic: "t/d" }], "t/c"],
  ["no JSON", "no JSON", undefined],
];

for (const [given, filters, topic] of FILTERS) {
  test(`topic_filters may be given as ${JSON.stringify(given)}`, () => {
    const columns = tried("client.subscribe", { topic_filters: given });
    assertEquals([columns.get("topic_filters"), columns.get("topic")], [filters, topic]);
  });
}
