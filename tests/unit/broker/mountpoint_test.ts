import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { BY_USERNAME, MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";
import { authorizer } from "../auth/acl_rig.ts";

function publishesOf(packets: readonly Packet[]): IPublishPacket[] {
  return packets.filter((packet) => packet.cmd === "publish");
}

function topicsOf(client: MemoryClient): string[] {
  return publishesOf(client.take()).map(({ topic }) => topic);
}

function subscribe(
  memory: MemoryBroker,
  client: MemoryClient,
  filter: string,
  qos: 0 | 1 | 2 = 2,
): number {
  client.subscribe(filter, qos);
  memory.runtime.settle();
  return (client.expect("suback")[0].granted as number[])[0] as number;
}

/** A client behind "site1/", in whatever version, and one that sees everything. */
function start(
  rules?: string,
): { memory: MemoryBroker; inside: typeof connectInside; outside: MemoryClient } {
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    ...(rules === undefined ? {} : { authorizer: authorizer(rules) }),
  });
  const outside = memory.connect({ clientId: "outside", username: "admin" });
  const connectInside: MemoryBroker["connect"] = (fields) => {
    memory.mountpoint = "site1/";
    const client = memory.connect(fields);
    memory.mountpoint = "";
    return client;
  };
  return { memory, inside: connectInside, outside };
}

/** Behind "site1/", with nothing taken of what came. */
function comeBack(
  memory: MemoryBroker,
  fields: Parameters<MemoryBroker["client"]>[0],
): MemoryClient {
  memory.mountpoint = "site1/";
  const client = memory.client(fields);
  memory.runtime.settle();
  memory.mountpoint = "";
  return client;
}

for (const version of [3, 4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`version ${version}, QoS ${qos}: topics are mounted on the way in and not told on the way out`, () => {
      const { memory, inside, outside } = start();
      const client = inside({ version, clientId: "c" });
      subscribe(memory, outside, "#");
      assert(subscribe(memory, client, "+/x") < 0x80);
      client.publish("a/x", "from inside", qos, 1);
      outside.publish("site1/b/x", "from outside", qos, 1);
      outside.publish("site2/b/x", "not meant", qos, 2);
      outside.publish("b/x", "not meant", qos, 3);
      memory.runtime.settle();
      assertEquals(
        publishesOf(client.take()).map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`),
        [`a/x from inside ${qos}`, `b/x from outside ${qos}`],
      );
      assertEquals(publishesOf(outside.take()).map(({ topic }) => topic), [
        "site1/a/x",
        "site1/b/x",
        "site2/b/x",
        "b/x",
      ]);
      assertEquals(memory.errors, []);
    });
  }
}

test("an alias is mounted, in both directions", () => {
  const { memory, inside, outside } = start();
  const client = inside({ clientId: "c", properties: { topicAliasMaximum: 5 } });
  subscribe(memory, outside, "#");
  subscribe(memory, client, "#");
  const send = (topic: string): void => {
    client.send({
      cmd: "publish",
      topic,
      payload: "x",
      qos: 0,
      retain: false,
      dup: false,
      properties: { topicAlias: 1 },
    });
  };
  send("a");
  send("");
  send("b");
  send("");
  memory.runtime.settle();
  assertEquals(topicsOf(outside), ["site1/a", "site1/a", "site1/b", "site1/b"]);
  const told = publishesOf(client.take()).map(({ topic, properties }) => [
    topic,
    properties?.topicAlias,
  ]);
  assertEquals(told, [["a", 1], ["", 1], ["b", 2], ["", 2]]);
});

test("properties, expiry and subscription identifiers come through", () => {
  const { memory, inside, outside } = start();
  const client = inside({ clientId: "c" });
  client.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "a", qos: 1 }],
    properties: { subscriptionIdentifier: 7 },
  });
  memory.runtime.settle();
  client.take();
  outside.send({
    cmd: "publish",
    topic: "site1/a",
    payload: "x".repeat(10_000),
    qos: 1,
    messageId: 1,
    retain: false,
    dup: false,
    properties: {
      messageExpiryInterval: 60,
      responseTopic: "answers",
      userProperties: { a: "b" },
    },
  });
  memory.runtime.settle();
  const [got] = publishesOf(client.take());
  assertEquals(got?.payload.length, 10_000);
  assertEquals(
    [got?.topic, got?.properties?.messageExpiryInterval, got?.properties?.responseTopic],
    ["a", 60, "answers"],
  );
  assertEquals(Number(got?.properties?.subscriptionIdentifier), 7);
});

test("retained messages are kept under their whole topic, and replayed without the mountpoint", () => {
  const { memory, inside, outside } = start();
  const client = inside({ clientId: "c" });
  client.send({
    cmd: "publish",
    topic: "a",
    payload: "in",
    qos: 1,
    messageId: 1,
    retain: true,
    dup: false,
  });
  outside.send({
    cmd: "publish",
    topic: "b",
    payload: "out",
    qos: 1,
    messageId: 1,
    retain: true,
    dup: false,
  });
  memory.runtime.settle();
  outside.take();
  client.take();
  outside.subscribe("#", 1);
  client.subscribe("#", 1);
  memory.runtime.settle();
  assertEquals(topicsOf(outside).sort(), ["b", "site1/a"]);
  assertEquals(topicsOf(client), ["a"]);
});

test("shared subscriptions and UNSUBSCRIBE are mounted behind the share name", () => {
  const { memory, inside, outside } = start();
  const client = inside({ clientId: "c" });
  subscribe(memory, client, "$share/g/jobs/+");
  outside.publish("site1/jobs/1", "x");
  outside.publish("jobs/1", "x");
  memory.runtime.settle();
  assertEquals(topicsOf(client), ["jobs/1"]);
  subscribe(memory, client, "a");
  client.send({
    cmd: "unsubscribe",
    messageId: 2,
    unsubscriptions: ["$share/g/jobs/+", "a", "site1/a"],
  });
  memory.runtime.settle();
  assertEquals(client.expect("unsuback")[0].granted as unknown, [0, 0, 0x11]);
  assertEquals(memory.broker.figures.subscriptions, 0);
});

test("a will is mounted", () => {
  const { memory, inside, outside } = start();
  subscribe(memory, outside, "#");
  const client = inside({
    clientId: "c",
    will: { topic: "gone", payload: Buffer.from("w"), qos: 0, retain: false },
  });
  client.peer.end();
  memory.runtime.settle();
  assertEquals(topicsOf(outside), ["site1/gone"]);
});

test("what waits is told without the mountpoint, also when it is sent again", () => {
  const { memory, inside, outside } = start();
  const terms = { clientId: "c", clean: false, properties: { sessionExpiryInterval: 100 } };
  const client = inside(terms);
  subscribe(memory, client, "#", 1);
  outside.publish("site1/a", "1", 1, 1);
  memory.runtime.settle();
  assertEquals(topicsOf(client), ["a"]);
  client.peer.end();
  memory.runtime.settle();
  outside.publish("site1/b", "2", 1, 2);
  memory.runtime.settle();
  const again = comeBack(memory, terms);
  assertEquals(topicsOf(again), ["a", "b"]);
});

test("a session that comes through another listener gets nothing from outside of its mountpoint", () => {
  const { memory, outside } = start();
  const terms = { clientId: "c", clean: false, properties: { sessionExpiryInterval: 100 } };
  const client = memory.connect(terms);
  subscribe(memory, client, "#", 1);
  client.peer.end();
  memory.runtime.settle();
  for (const [index, topic] of ["secret", "site1/a", "site1"].entries()) {
    outside.publish(topic, "x", 1, index + 1);
  }
  memory.runtime.settle();
  const again = comeBack(memory, terms);
  assertEquals(topicsOf(again), ["a"]);
  outside.publish("secret", "x", 1, 5);
  outside.publish("site1/b", "x", 1, 6);
  memory.runtime.settle();
  assertEquals(topicsOf(again), ["b"]);
});

test("no topic without the mountpoint, and none of nothing but it", () => {
  const { memory, inside, outside } = start();
  const client = inside({ clientId: "c" });
  assertEquals(subscribe(memory, client, "#"), 2);
  // "site1/#" also matches "site1", which has no name inside.
  for (const topic of ["site1", "site1/", "site1x"]) outside.publish(topic, "x");
  memory.runtime.settle();
  assertEquals(topicsOf(client), []);
  assertEquals(subscribe(memory, client, ""), 0x8f);
});

test("topics that are too long behind their mountpoint are refused", () => {
  const { memory, inside } = start();
  const longest = "x".repeat(65_535 - "site1/".length);
  const client = inside({ clientId: "c" });
  subscribe(memory, client, "+");
  client.publish(longest, "fits");
  memory.runtime.settle();
  assertEquals(topicsOf(client), [longest]);
  assertEquals(subscribe(memory, client, `${longest}y`), 0x8f);
  client.publish(`${longest}y`, "does not");
  memory.runtime.settle();
  assertEquals(client.expect("disconnect")[0].reasonCode, 0x90);
  memory.mountpoint = "site1/";
  const will = { topic: `${longest}y`, payload: Buffer.from(""), qos: 0, retain: false } as const;
  const other = memory.client({ clientId: "d", will });
  memory.runtime.settle();
  assertEquals(other.expect("connack")[0].reasonCode, 0x90);
});

test("an empty topic is refused behind a mountpoint, too", () => {
  const { memory, inside } = start();
  for (const version of [4, 5] as const) {
    const client = inside({ version, clientId: `c${version}` });
    // PUBLISH, QoS 0, an empty topic, no properties in 5.0, payload "x".
    client.send(new Uint8Array(version === 5 ? [0x30, 4, 0, 0, 0, 0x78] : [0x30, 3, 0, 0, 0x78]));
    memory.runtime.settle();
    assertEquals(client.take().map(({ cmd }) => cmd), version === 5 ? ["disconnect"] : []);
  }
  assertEquals(memory.openConnections, 1);
});

test("rules are about topics with their mountpoint", () => {
  const { memory, inside, outside } = start(
    "allow all # user=admin; allow all site1/%c/#; deny all #",
  );
  subscribe(memory, outside, "#");
  const client = inside({ clientId: "c" });
  assertEquals(subscribe(memory, client, "c/#"), 2);
  assertEquals(subscribe(memory, client, "d/#"), 0x87);
  for (const topic of ["c/1", "d/1", "site1/c/1"]) client.publish(topic, "x");
  memory.runtime.settle();
  assertEquals(topicsOf(outside), ["site1/c/1"]);
  assertEquals(topicsOf(client), ["c/1"]);
});
