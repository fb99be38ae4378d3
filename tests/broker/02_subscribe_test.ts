import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const CASES: ReadonlyArray<[filter: string, topic: string, matches: boolean]> = [
  ["a/b", "a/b", true],
  ["a/b", "a/b/c", false],
  ["a/b", "a/B", false],
  ["a/+", "a/b", true],
  ["a/+", "a/", true],
  ["a/+", "a", false],
  ["+/+", "/a", true],
  ["+", "/a", false],
  ["#", "a/b/c", true],
  ["a/#", "a", true],
  ["a/#", "a/b/c", true],
  ["a/#", "ab", false],
  ["+/b/#", "a/b", true],
  ["#", "$hidden/a", false],
  ["+/a", "$hidden/a", false],
  ["$hidden/+", "$hidden/a", true],
  ["ä/€/+", "ä/€/😀", true],
];

test("a subscription gets what its filter matches, and nothing else", () =>
  withBroker({}, async ({ port }) => {
    const publisher = await TestClient.connect(port);
    const subscriber = await TestClient.connect(port);
    for (const [filter, topic, matches] of CASES) {
      await subscriber.subscribe(filter, { qos: 1 });
      // QoS 1: when it is acknowledged it has been delivered.
      await publisher.publish(topic, filter, { qos: 1 });
      if (matches) {
        const { payload } = await subscriber.receive();
        assertEquals([filter, topic, String(payload)], [filter, topic, filter]);
      }
      await subscriber.expectNothing();
      const messageId = subscriber.nextPacketId();
      subscriber.send({ cmd: "unsubscribe", messageId, unsubscriptions: [filter] });
      assertEquals((await subscriber.expect("unsuback")).granted, [0]);
    }
  }));

test("UNSUBACK says which filter was none, and what was unsubscribed comes no more", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.subscribe("a/#");
    client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["a/#", "b"] });
    assertEquals((await client.expect("unsuback")).granted, [0, 0x11]);
    await client.publish("a/b", "x", { qos: 1 });
    await client.expectNothing();
  }));

test("overlapping subscriptions give one copy, with the highest QoS and every identifier", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.subscribe("a/#", { qos: 0, subscriptionIdentifier: 3 });
    await client.subscribe("a/+", { qos: 2, subscriptionIdentifier: 5 });
    await client.subscribe("a/b", { qos: 1 });
    const publisher = await TestClient.connect(port);
    await publisher.publish("a/b", "x", { qos: 2 });
    const packet = await client.receive();
    assertEquals(packet.qos, 2);
    const identifiers = [packet.properties?.subscriptionIdentifier ?? []].flat();
    assertEquals(identifiers.sort(), [3, 5]); // [MQTT-3.3.4-4]
    await client.expectNothing();
  }));

test("no local keeps a client's own messages from it", () =>
  withBroker({}, async ({ port }) => {
    const [one, two] = [await TestClient.connect(port), await TestClient.connect(port)];
    await one.subscribe("a", { nl: true });
    await two.subscribe("a", { nl: true });
    await one.publish("a", "x", { qos: 1 });
    assertEquals(String((await two.receive()).payload), "x");
    await one.expectNothing(); // [MQTT-3.8.3-3]
  }));

test("retain as published keeps the flag, a plain subscription clears it", () =>
  withBroker({}, async ({ port }) => {
    const [one, two] = [await TestClient.connect(port), await TestClient.connect(port)];
    await one.subscribe("a", { rap: true });
    await two.subscribe("a", { rap: false });
    await one.publish("a", "x", { retain: true });
    assertEquals((await one.receive()).retain, true); // [MQTT-3.3.1-13]
    assertEquals((await two.receive()).retain, false); // [MQTT-3.3.1-12]
  }));

const RETAIN_HANDLING: ReadonlyArray<[rh: 0 | 1 | 2, first: boolean, again: boolean]> = [
  [0, true, true],
  [1, true, false],
  [2, false, false],
];

for (const [rh, first, again] of RETAIN_HANDLING) {
  test(
    `retain handling ${rh} sends retained messages ${first ? "at first" : "never"}${
      again ? " and again" : ""
    }`,
    () =>
      withBroker({}, async ({ port }) => {
        const client = await TestClient.connect(port);
        await client.publish("a", "kept", { retain: true, qos: 1 });
        for (const comes of [first, again]) {
          await client.subscribe("a", { rh });
          if (comes) assertEquals((await client.receive()).retain, true);
          await client.expectNothing();
        }
      }),
  );
}

test("a shared subscription gives each message to one member, in turn", () =>
  withBroker({}, async ({ port }) => {
    const members = [await TestClient.connect(port), await TestClient.connect(port)];
    for (const member of members) await member.subscribe("$share/group/a/+", { qos: 1 });
    const publisher = await TestClient.connect(port);
    for (let i = 0; i < 10; i++) await publisher.publish(`a/${i}`, String(i), { qos: 1 });
    const seen: number[] = [];
    for (const member of members) {
      for (let i = 0; i < 5; i++) seen.push(Number((await member.receive()).payload));
      await member.expectNothing();
    }
    assertEquals(seen.sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }));

test("what a member of a shared subscription leaves unacknowledged goes to another member", () =>
  withBroker({}, async ({ port }) => {
    const first = await TestClient.connect(port);
    await first.subscribe("$share/group/a", { qos: 1 });
    const publisher = await TestClient.connect(port);
    await publisher.publish("a", "x", { qos: 1 });
    assertEquals(String((await first.expect("publish")).payload), "x");
    const second = await TestClient.connect(port);
    await second.subscribe("$share/group/a", { qos: 1 });
    first.cut();
    assertEquals(String((await second.receive()).payload), "x");
  }));

test("SUBACK refuses a filter that is no filter and grants its neighbours", () =>
  withBroker({ args: ["--set", "mqtt.max_qos=1"] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    client.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [
        { topic: "a", qos: 0 },
        { topic: "a/#/b", qos: 0 },
        { topic: "b", qos: 2 },
      ],
    });
    assertEquals((await client.expect("suback")).granted, [0, 0x8f, 1]);
  }));

test("max_subscriptions refuses the one too many with a quota code", () =>
  withBroker({ args: ["--set", "mqtt.max_subscriptions=2"] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    assertEquals((await client.subscribe("a")).granted, [0]);
    assertEquals((await client.subscribe("b")).granted, [0]);
    assertEquals((await client.subscribe("c")).granted, [0x97]);
    assertEquals((await client.subscribe("a", { qos: 1 })).granted, [1]);
  }));
