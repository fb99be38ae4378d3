/** What a hostile client may send, and what must become of it: each was a hole or would be one without its limit. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { MemoryBroker } from "../../support/memory_broker.ts";

/** PUBLISH of QoS 0 for 5.0, as bytes: `mqtt-packet` does not write what is not allowed. */
function publishFrame(topic: string, payload = ""): Uint8Array {
  const topicBytes = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([topicBytes.length >> 8, topicBytes.length & 0xff]),
    topicBytes,
    Buffer.from([0]),
    Buffer.from(payload),
  ]);
  const length: number[] = [];
  for (let rest = body.length;; rest >>>= 7) {
    length.push(rest > 0x7f ? rest & 0x7f | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return new Uint8Array(Buffer.concat([Buffer.from([0x30, ...length]), body]));
}

test("a refused topic of 64 KiB makes no reason string that cannot be sent", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c" });
  client.send(publishFrame(`${'"'.repeat(65_000)}#`));
  memory.runtime.settle();
  const [packet] = client.expect("disconnect");
  assertEquals(packet.reasonCode, 0x90);
  assert((packet.properties?.reasonString?.length ?? 0) < 300);
  assert(client.peer.isHungUp);
  assertEquals(memory.errors, []);
});

test("a refused will topic of 64 KiB makes no reason string that cannot be sent", () => {
  const memory = new MemoryBroker();
  const topic = `${'"'.repeat(60_000)}${"/".repeat(1000)}`;
  const client = memory.client({
    clientId: "c",
    will: { topic, payload: Buffer.from("x"), qos: 0, retain: false },
  });
  memory.runtime.settle();
  const [connack] = client.expect("connack");
  assertEquals(connack.reasonCode, 0x90);
  assert((connack.properties?.reasonString?.length ?? 0) < 300);
  assert(client.peer.isHungUp);
});

test("long topics, each published to once, are not held for ever", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c" });
  const filler = "x".repeat(60_000);
  for (let n = 0; n < 1000; n++) {
    client.send(publishFrame(`${n}/${filler}`));
    memory.runtime.settle();
  }
  const { entries, topicBytes } = memory.broker.routeCounters;
  assert(topicBytes <= 16 << 20, `${topicBytes} bytes of ${entries} topics`);
  assertEquals(memory.broker.counters.publishReceived, 1000);
});

for (const levels of [129, 65_535]) {
  test(`a topic of ${levels} levels ends the connection, a filter is refused, and neither leaves anything`, () => {
    const memory = new MemoryBroker();
    const [publisher, subscriber] = [memory.connect(), memory.connect()];
    subscriber.subscribe("/".repeat(levels - 1), 0);
    subscriber.subscribe(`${"+/".repeat(Math.min(levels, 32_767) - 1)}#`, 0, 2);
    subscriber.send({
      cmd: "unsubscribe",
      messageId: 3,
      unsubscriptions: ["/".repeat(levels - 1)],
    });
    publisher.send(publishFrame("/".repeat(levels - 1)));
    memory.runtime.settle();
    assertEquals(publisher.expect("disconnect")[0].reasonCode, 0x90);
    const [first, second, third] = subscriber.take();
    assertEquals(first?.cmd === "suback" && first.granted as unknown, [0x8f]);
    assertEquals(second?.cmd === "suback" && second.granted as unknown, [0x8f]);
    assertEquals(third?.cmd, "unsuback");
    assertEquals(memory.broker.figures.subscriptions, 0);
    assertEquals(memory.errors, []);
  });
}
