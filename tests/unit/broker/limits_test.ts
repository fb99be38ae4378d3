import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IConnectPacket } from "mqtt-packet";
import { DEFAULT_LIMITS, DEFAULT_OPTIONS, MemoryBroker } from "../../support/memory_broker.ts";

test("max_sessions refuses new sessions and lets those that are there go on", () => {
  const memory = new MemoryBroker({ limits: { maxSessions: 2 } });
  const lasting = { clean: false, properties: { sessionExpiryInterval: 100 } };
  memory.connect({ clientId: "a", ...lasting }).peer.reset();
  const b = memory.connect({ clientId: "b" });
  const five = memory.client({ clientId: "c" });
  const four = memory.client({ clientId: "c", version: 4 });
  memory.runtime.settle();
  assertEquals(five.expect("connack")[0].reasonCode, 0x97);
  assertEquals(four.expect("connack")[0].returnCode, 3);
  assertEquals(memory.broker.counters.sessionsRefused, 2);
  assertEquals(memory.connect({ clientId: "a", ...lasting }).connack.sessionPresent, true);
  memory.connect({ clientId: "a", clean: true });
  b.peer.reset();
  memory.runtime.settle();
  memory.connect({ clientId: "c" });
  assertEquals(memory.broker.figures.sessions, 2);
});

test("max_connect_size bounds the first packet alone", () => {
  const memory = new MemoryBroker({ limits: { maxConnectBytes: 2000 } });
  const large = memory.client({ clientId: "a", will: willOf(3000) });
  memory.runtime.settle();
  assert(large.peer.isHungUp);
  assertEquals(memory.broker.counters.protocolErrors, 1);
  const client = memory.connect({ clientId: "a", will: willOf(1000) });
  client.publish("t", "x".repeat(100_000), 1);
  memory.runtime.settle();
  client.expect("puback");
});

function willOf(length: number): NonNullable<IConnectPacket["will"]> {
  return { topic: "w", payload: Buffer.alloc(length, "x"), qos: 0, retain: false };
}

for (const keepalive of [0, 3600]) {
  test(`max_idle ends a connection that is silent, with keep alive ${keepalive}`, () => {
    const memory = new MemoryBroker({ limits: { maxIdleS: 60 } });
    const client = memory.connect({ version: 4, clientId: "c", keepalive });
    for (let n = 0; n < 5; n++) {
      memory.runtime.advance(59_000);
      client.send({ cmd: "pingreq" });
    }
    memory.runtime.settle();
    assertEquals(client.take().length, 5);
    memory.runtime.advance(60_300);
    assert(client.peer.isHungUp);
    assertEquals(memory.broker.counters.keepAliveTimeouts, 1);
  });
}

test("max_idle of a reload counts for connections that are there", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c" });
  memory.runtime.advance(1_000_000);
  memory.broker.reconfigure(DEFAULT_OPTIONS, { ...DEFAULT_LIMITS, maxIdleS: 60 });
  client.send({ cmd: "pingreq" });
  memory.runtime.advance(59_000);
  assert(!client.peer.isHungUp);
  memory.runtime.advance(1_300);
  assert(client.peer.isHungUp);
});

test("max_retained_bytes counts what topics of many levels take", () => {
  const memory = new MemoryBroker({ limits: { maxRetainedBytes: 100_000 } });
  const client = memory.connect({ version: 4, clientId: "c" });
  for (let n = 0; n < 100; n++) {
    const topic = `${n}${"/".repeat(99)}`;
    client.send({ cmd: "publish", topic, payload: "x", qos: 0, retain: true, dup: false });
  }
  memory.runtime.settle();
  const { retainedMessages } = memory.broker.figures;
  assert(retainedMessages >= 8 && retainedMessages <= 10, `${retainedMessages} are kept`);
});

test("max_retained_bytes keeps no more, and room comes back", () => {
  const memory = new MemoryBroker({ limits: { maxRetainedBytes: 10_000 } });
  const client = memory.connect({ clientId: "c" });
  const retain = (topic: string, length: number): void =>
    client.send({
      cmd: "publish",
      topic,
      payload: "x".repeat(length),
      qos: 0,
      retain: true,
      dup: false,
      properties: { userProperties: { key: "y".repeat(length) } },
    });
  for (let n = 0; n < 10; n++) retain(`t/${n}`, 1000);
  memory.runtime.settle();
  const { retainedMessages, retainedBytes } = memory.broker.figures;
  assert(retainedMessages === 4 && retainedBytes <= 10_000, `${retainedMessages} ${retainedBytes}`);
  assertEquals(memory.broker.counters.retainedRefused, 6);
  retain("t/0", 900);
  retain("t/1", 0);
  retain("t/9", 900);
  memory.runtime.settle();
  assertEquals(memory.broker.figures.retainedMessages, 4);
  assertEquals(memory.broker.counters.retainedRefused, 6);
});
