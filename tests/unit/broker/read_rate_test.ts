import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Packet } from "mqtt-packet";
import { DEFAULT_LIMITS, DEFAULT_OPTIONS, MemoryBroker } from "../../support/memory_broker.ts";

function countOf(packets: readonly Packet[], cmd: string): number {
  return packets.filter((packet) => packet.cmd === cmd).length;
}

for (const qos of [0, 1, 2] as const) {
  test(`a client above its message rate is read more slowly and loses nothing, QoS ${qos}`, () => {
    const memory = new MemoryBroker({ limits: { messagesInRate: 10 } });
    const [publisher, subscriber] = [
      memory.connect({ version: 4, clientId: "p" }),
      memory.connect(),
    ];
    subscriber.subscribe("t", 0);
    memory.runtime.settle();
    subscriber.take();
    for (let id = 1; id <= 100; id++) publisher.publish("t", String(id), qos, id);
    memory.runtime.settle();
    assert(publisher.peer.isPaused);
    const payloads: string[] = [];
    const take = (): void => {
      for (const packet of subscriber.take()) {
        if (packet.cmd === "publish") payloads.push(String(packet.payload));
      }
    };
    take();
    // A second's worth, and the one that was too many.
    assertEquals(payloads.length, 11);
    for (let second = 1; second <= 5; second++) {
      memory.runtime.advance(1000);
      take();
      const expected = 11 + second * 10;
      assert(Math.abs(payloads.length - expected) <= 2, `${payloads.length} after ${second} s`);
    }
    memory.runtime.advance(5000);
    take();
    assertEquals(payloads, Array.from({ length: 100 }, (_, index) => String(index + 1)));
    const answer = qos === 1 ? "puback" : "pubrec";
    assertEquals(countOf(publisher.take(), answer), qos === 0 ? 0 : 100);
    assert(!publisher.peer.isPaused);
    assert(memory.broker.counters.ratePauses > 50);
    assertEquals(memory.errors, []);
  });
}

test("a client above its byte rate is read more slowly, whatever it sends", () => {
  const memory = new MemoryBroker({ limits: { bytesInRate: 1000 } });
  const client = memory.connect({ version: 4, clientId: "c" });
  for (let n = 0; n < 3000; n++) client.send(Uint8Array.of(0xc0, 0));
  memory.runtime.settle();
  assertEquals(countOf(client.take(), "pingresp"), 501);
  memory.runtime.advance(2000);
  const count = countOf(client.take(), "pingresp");
  assert(count > 900 && count <= 1001, `${count} packets in two seconds`);
});

test("other clients are read as fast as ever", () => {
  const memory = new MemoryBroker({ limits: { messagesInRate: 10 } });
  const [busy, other] = [memory.connect({ clientId: "a" }), memory.connect({ clientId: "b" })];
  for (let n = 0; n < 100; n++) busy.publish("t", "");
  memory.runtime.settle();
  assert(busy.peer.isPaused);
  other.publish("t", "", 1);
  memory.runtime.settle();
  assertEquals(other.expect("puback")[0].messageId, 1);
});

test("keep alive does not blame a client that is not read for its rate", () => {
  const memory = new MemoryBroker({ limits: { bytesInRate: 100 } });
  const client = memory.connect({ version: 4, clientId: "c", keepalive: 10 });
  client.publish("t", "x".repeat(10_000));
  client.send({ cmd: "pingreq" });
  memory.runtime.advance(90_000);
  assertEquals(countOf(client.take(), "pingresp"), 0);
  assertEquals(memory.broker.counters.keepAliveTimeouts, 0);
  memory.runtime.advance(12_000);
  assertEquals(countOf(client.take(), "pingresp"), 1);
  memory.runtime.advance(16_000);
  assertEquals(memory.broker.counters.keepAliveTimeouts, 1, "but it does afterwards");
});

test("a reload gives living connections another rate, or none", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ version: 4, clientId: "c" });
  for (let n = 0; n < 100; n++) client.publish("t", "", 1, n + 1);
  memory.runtime.settle();
  assertEquals(client.take().length, 100);
  memory.broker.reconfigure(DEFAULT_OPTIONS, { ...DEFAULT_LIMITS, messagesInRate: 10 });
  for (let n = 0; n < 100; n++) client.publish("t", "", 1, n + 1);
  memory.runtime.settle();
  assertEquals(client.take().length, 11);
  memory.broker.reconfigure(DEFAULT_OPTIONS, DEFAULT_LIMITS);
  memory.runtime.settle();
  assertEquals(client.take().length, 89);
  assert(!client.peer.isPaused);
});

test("a client that leaves while it is not read leaves nothing behind", () => {
  const memory = new MemoryBroker({ limits: { messagesInRate: 1 } });
  const client = memory.connect({ clientId: "c" });
  for (let n = 0; n < 10; n++) client.publish("t", "");
  memory.runtime.settle();
  client.peer.reset();
  memory.runtime.advance(100);
  const { timers, sessions, connections } = memory.broker.figures;
  assertEquals([timers, sessions, connections], [0, 0, 0]);
  memory.runtime.advance(10_000);
  assertEquals(memory.errors, []);
});

test("nobody is held up where no rate is configured", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ version: 4, clientId: "c" });
  for (let n = 0; n < 10_000; n++) client.publish("t", "");
  memory.runtime.settle();
  assertEquals(memory.broker.counters.publishReceived, 10_000);
  assertEquals(memory.broker.counters.ratePauses, 0);
});
