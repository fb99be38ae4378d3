import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const PROPERTIES = {
  payloadFormatIndicator: true,
  contentType: "text/plain",
  responseTopic: "answer/here",
  correlationData: Buffer.from([0, 1, 255]),
  userProperties: { b: ["2", "1", "2"], a: "ä" },
};

for (const qos of [0, 1, 2] as const) {
  test(`QoS ${qos}: a message's properties arrive as they were sent`, () =>
    withBroker({}, async ({ port }) => {
      const subscriber = await TestClient.connect(port);
      await subscriber.subscribe("t", { qos });
      const publisher = await TestClient.connect(port);
      await publisher.publish("t", "x", { qos, properties: PROPERTIES });
      const { properties = {} } = await subscriber.receive();
      assertEquals(properties.payloadFormatIndicator, true); // [MQTT-3.3.2-4]
      assertEquals(properties.contentType, "text/plain"); // [MQTT-3.3.2-20]
      assertEquals(properties.responseTopic, "answer/here"); // [MQTT-3.3.2-15]
      assertEquals([...properties.correlationData ?? []], [0, 1, 255]); // [MQTT-3.3.2-16]
      assertEquals({ ...properties.userProperties }, { b: ["2", "1", "2"], a: "ä" });
    }));
}

test("properties are not sent to a client of 3.1.1, the message is", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port, { version: 4 });
    await subscriber.subscribe("t", { qos: 1 });
    const publisher = await TestClient.connect(port);
    await publisher.publish("t", "x", { qos: 1, properties: PROPERTIES });
    const packet = await subscriber.receive();
    assertEquals([packet.topic, String(packet.payload)], ["t", "x"]);
  }));

test("a topic alias of the sender stands for its topic until it is set anew", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port);
    await subscriber.subscribe("#", { qos: 1 });
    const publisher = await TestClient.connect(port);
    const steps = [["a/long/topic", 1], ["", 1], ["b", 2], ["", 2], ["", 1], ["c", 1], ["", 1]];
    const topics: string[] = [];
    for (const [topic, topicAlias] of steps as [string, number][]) {
      await publisher.publish(topic, "x", { qos: 1, properties: { topicAlias } });
      topics.push((await subscriber.receive()).topic);
    }
    const [a, b, c] = ["a/long/topic", "b", "c"];
    assertEquals(topics, [a, a, b, b, a, c, c]);
  }));

test("aliases are used towards a client that allows them, and mean the right topics", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port, { properties: { topicAliasMaximum: 2 } });
    await subscriber.subscribe("t/#", { qos: 1 });
    const publisher = await TestClient.connect(port);
    const known = new Map<number, string>();
    let shortened = 0;
    for (let i = 0; i < 30; i++) {
      const topic = `t/${i % 3}`;
      await publisher.publish(topic, topic, { qos: 1 });
      const packet = await subscriber.receive();
      const alias = packet.properties?.topicAlias;
      if (alias !== undefined) {
        assertEquals(alias >= 1 && alias <= 2, true, `alias ${alias}`); // [MQTT-3.1.2-26]
        if (packet.topic !== "") known.set(alias, packet.topic);
        else shortened++;
      }
      assertEquals(packet.topic || known.get(alias ?? 0), String(packet.payload));
    }
    assertEquals(shortened > 0, true, "no alias was used");
  }));

test("no alias is used towards a client that allows none", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.subscribe("t", { qos: 1 });
    const publisher = await TestClient.connect(port);
    for (let i = 0; i < 3; i++) {
      await publisher.publish("t", "x", { qos: 1 });
      const packet = await client.receive();
      assertEquals([packet.topic, packet.properties?.topicAlias], ["t", undefined]);
    }
  }));
