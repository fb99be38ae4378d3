import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import { MemoryBroker } from "../../support/memory_broker.ts";

function payloadsOf(packets: readonly IPublishPacket[]): string[] {
  return packets.map(({ payload }) => payload.toString());
}

for (const qos of [0, 1] as const) {
  test(`every message with subscription identifiers is itself, QoS ${qos}`, () => {
    const memory = new MemoryBroker();
    const subscribers = [1, 2, 3].map((identifier) => {
      const subscriber = memory.connect();
      subscriber.send({
        cmd: "subscribe",
        messageId: 1,
        subscriptions: [{ topic: "t", qos }],
        properties: { subscriptionIdentifier: identifier },
      });
      return subscriber;
    });
    memory.runtime.settle();
    for (const subscriber of subscribers) subscriber.expect("suback");
    const publisher = memory.connect();
    const payloads = ["one", "the second", "3", "number four"];
    for (const [index, payload] of payloads.entries()) {
      publisher.publish("t", payload, qos, index + 1);
      memory.runtime.settle();
    }
    for (const [index, subscriber] of subscribers.entries()) {
      const packets = subscriber.take() as IPublishPacket[];
      assertEquals(payloadsOf(packets), payloads);
      for (const packet of packets) {
        assertEquals({ ...packet.properties }, { subscriptionIdentifier: index + 1 });
      }
    }
  });
}

test("topic aliases to a client: the topic once, then the alias alone, each topic its own", () => {
  const memory = new MemoryBroker();
  const subscriber = memory.connect({ properties: { topicAliasMaximum: 2 } });
  subscriber.subscribe("#", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  const publisher = memory.connect();
  const topics = ["a", "b", "a", "c", "b", "c", "a"];
  for (const topic of topics) publisher.publish(topic, `to ${topic}`);
  memory.runtime.settle();
  const packets = subscriber.take() as IPublishPacket[];
  assertEquals(payloadsOf(packets), topics.map((topic) => `to ${topic}`));
  assertEquals(
    packets.map(({ topic, properties }) => [topic, properties?.topicAlias]),
    [["a", 1], ["b", 2], ["", 1], ["c", undefined], ["", 2], ["c", undefined], ["", 1]],
  );
});
