import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { ManagementError, type PublishRequest } from "../../../src/management/mod.ts";
import { ADMIN, ManagementRig } from "../../support/management_rig.ts";

const REQUEST: PublishRequest = {
  topic: "t",
  payload: new TextEncoder().encode("hello"),
  qos: 1,
  retain: false,
  publisher: ADMIN,
};

test("messages.publish() carries every property of MQTT 5 to whoever can read it", async () => {
  const rig = new ManagementRig();
  const [five, four] = [rig.memory.connect(), rig.memory.connect({ version: 4, clientId: "v4" })];
  for (const client of [five, four]) client.subscribe("t", 2);
  rig.memory.runtime.settle();
  for (const client of [five, four]) client.take();
  const result = await rig.settled(rig.service.messages.publish({
    ...REQUEST,
    properties: {
      payloadFormatUtf8: true,
      contentType: "text/plain",
      responseTopic: "answer",
      correlationData: Uint8Array.of(1, 2),
      userProperties: [{ name: "a", value: "1" }, { name: "a", value: "2" }],
    },
    messageExpiryS: 60,
  }));
  rig.memory.runtime.settle();
  assertEquals(result, { reasonCode: 0, matched: 2 });
  const [packet] = five.expect("publish");
  assertEquals([String(packet.payload), packet.qos], ["hello", 1]);
  assertEquals({ ...packet.properties, userProperties: { ...packet.properties?.userProperties } }, {
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "answer",
    correlationData: packet.properties?.correlationData,
    userProperties: { a: ["1", "2"] },
    messageExpiryInterval: 60,
  } as never);
  assertEquals([...packet.properties?.correlationData ?? []], [1, 2]);
  assertEquals(String(four.expect("publish")[0].payload), "hello");
});

test("messages.publish() says when nobody was there, and is counted as no PUBLISH", async () => {
  const rig = new ManagementRig();
  const result = await rig.settled(rig.service.messages.publish(REQUEST));
  assertEquals(result, { reasonCode: 0x10, matched: 0 });
  const metrics = await rig.service.metrics.read();
  assertEquals([metrics.messagesReceived.total, metrics.messagesFromApi], [0, 1]);
});

test("messages.publish() asks the access rules for its publisher, unless that is a superuser", async () => {
  const rig = new ManagementRig({ authorizer: { authorize: () => "deny" } });
  const { messages } = rig.service;
  const mortal = { ...ADMIN, isSuperuser: false };
  const refused = await rig.settled(messages.publish({ ...REQUEST, publisher: mortal }));
  assertEquals(refused.reasonCode, 0x87);
  const sys = await rig.settled(messages.publish({ ...REQUEST, topic: "$SYS/x" }));
  assertEquals(sys.reasonCode, 0x87);
});

test("messages.publish() in the name of a client keeps to its no local", async () => {
  const rig = new ManagementRig();
  const client = rig.memory.connect({ clientId: "c" });
  client.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 0, nl: true }],
  });
  rig.memory.runtime.settle();
  client.take();
  const publisher = { ...ADMIN, clientId: "c" };
  const own = await rig.settled(rig.service.messages.publish({ ...REQUEST, publisher }));
  await rig.settled(rig.service.messages.publish(REQUEST));
  rig.memory.runtime.settle();
  assertEquals([own.reasonCode, client.take().length], [0x10, 1]);
});

const REFUSED: ReadonlyArray<[what: string, change: Partial<PublishRequest>, code: string]> = [
  ["an empty topic", { topic: "" }, "invalid"],
  ["a wildcard", { topic: "a/+" }, "invalid"],
  ["a topic with U+0000", { topic: "a\0b" }, "invalid"],
  ["half a character", { topic: "\ud800" }, "invalid"],
  ["a topic that is too long", { topic: "x".repeat(65_536) }, "invalid"],
  ["too many levels", { topic: "/".repeat(200) }, "invalid"],
  ["QoS 3", { qos: 3 as never }, "invalid"],
  ["QoS that is not allowed", { qos: 2 }, "invalid"],
  ["a negative expiry", { messageExpiryS: -1 }, "invalid"],
  ["half a second of expiry", { messageExpiryS: 0.5 }, "invalid"],
  ["a response topic with a wildcard", { properties: { responseTopic: "#" } }, "invalid"],
  ["a content type with U+0000", { properties: { contentType: "a\0" } }, "invalid"],
  [
    "a payload that is no UTF-8 and is said to be",
    { payload: Uint8Array.of(0xff), properties: { payloadFormatUtf8: true } },
    "invalid",
  ],
  [
    "correlation data without end",
    { properties: { correlationData: new Uint8Array(65_536) } },
    "invalid",
  ],
  ["a payload above the packet size", { payload: new Uint8Array(2 << 20) }, "too-large"],
];

for (const [what, change, code] of REFUSED) {
  test(`messages.publish() refuses ${what}, and publishes nothing`, async () => {
    const rig = new ManagementRig({ options: { maxQos: 1 } });
    const client = rig.memory.connect();
    client.subscribe("#", 1);
    rig.memory.runtime.settle();
    client.take();
    const publish = (): Promise<unknown> =>
      rig.settled(rig.service.messages.publish({ ...REQUEST, retain: true, ...change }));
    assertEquals((await assertRejects(publish, ManagementError)).code, code);
    rig.memory.runtime.settle();
    assertEquals([client.take(), (await rig.service.metrics.read()).retained.messages], [[], 0]);
  });
}

test("messages.publish() with an expiry of 0 is for those who take it at once", async () => {
  const rig = new ManagementRig();
  const here = rig.memory.connect();
  here.subscribe("t", 1);
  const away = rig.memory.connect({ clientId: "a", properties: { sessionExpiryInterval: 100 } });
  away.subscribe("t", 1);
  rig.memory.runtime.settle();
  here.take();
  away.peer.reset();
  rig.memory.runtime.settle();
  await rig.settled(rig.service.messages.publish({ ...REQUEST, messageExpiryS: 0 }));
  rig.memory.runtime.advance(10);
  assertEquals(here.take().length, 1);
  const back = rig.memory.client({
    clientId: "a",
    clean: false,
    properties: { sessionExpiryInterval: 100 },
  });
  rig.memory.runtime.settle();
  assertEquals(back.take().map(({ cmd }) => cmd), ["connack"]);
});
