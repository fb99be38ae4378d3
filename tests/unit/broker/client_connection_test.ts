import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Packet } from "mqtt-packet";
import { BROKER_IDENTITY } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { NO_BYTES } from "../../../src/session/mod.ts";
import type { ClientConnection } from "../../../src/broker/client_connection.ts";
import { connectFrame } from "../../bench/load/frames.ts";
import { NullSocket } from "../../bench/null_socket.ts";
import { LISTENER_TERMS } from "../../support/listener_terms.ts";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

function cmdsOf(packets: readonly Packet[]): string[] {
  return packets.map(({ cmd }) => cmd);
}

/** PINGREQs in one chunk. */
function pings(count: number): Uint8Array {
  return Uint8Array.from({ length: count * 2 }, (_, index) => index % 2 === 0 ? 0xc0 : 0);
}

/** A broker with a subscriber that has stopped reading while there is much for it. */
function congested({ keepalive = 0, maxOutboundBufferBytes = 20_000 } = {}): {
  memory: MemoryBroker;
  subscriber: MemoryClient;
  publisher: MemoryClient;
} {
  const memory = new MemoryBroker({ options: { maxOutboundBufferBytes } });
  const subscriber = memory.connect({ clientId: "subscriber", keepalive });
  subscriber.subscribe("t", 0);
  memory.runtime.settle();
  subscriber.take();
  subscriber.peer.room = 0;
  const publisher = memory.connect({ clientId: "publisher" });
  for (let n = 0; n < 30; n++) publisher.publish("t", "x".repeat(1_000));
  memory.runtime.settle();
  return { memory, subscriber, publisher };
}

test("a connection that is being closed looks at no further byte", () => {
  const { memory, subscriber } = congested();
  const header = Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 1);
  subscriber.send(header);
  memory.runtime.settle();
  assertEquals(memory.broker.counters.protocolErrors, 1);
  const { packetsReceived } = memory.broker.counters;
  subscriber.send(header);
  subscriber.send(pings(10));
  memory.runtime.settle();
  assertEquals(memory.broker.counters.protocolErrors, 1);
  assertEquals(memory.broker.counters.packetsReceived, packetsReceived);
  subscriber.peer.giveRoom(Infinity);
  memory.runtime.settle();
  assertEquals(subscriber.take().at(-1)?.cmd, "disconnect", "what is unsent is sent first");
  assertEquals(memory.openConnections, 1);
  assertEquals(memory.errors, []);
});

test("a connection that cannot be closed in good order is dropped after some time", () => {
  const { memory, subscriber } = congested();
  subscriber.send({ cmd: "disconnect" });
  memory.runtime.settle();
  assertEquals(memory.openConnections, 2);
  memory.runtime.advance(6_000);
  assertEquals(memory.openConnections, 1);
  assertEquals(memory.broker.figures.timers, 0);
});

test("a client that does not read what it asked for is not asked for more, until it reads", () => {
  const memory = new MemoryBroker({ options: { maxOutboundBufferBytes: 1_000 } });
  const client = memory.connect({ version: 4, clientId: "c" });
  client.peer.room = 0;
  client.send(pings(100_000));
  client.send(pings(1));
  memory.runtime.settle();
  assert(client.peer.isPaused);
  const received = memory.broker.counters.packetsReceived;
  assert(received < 1_000, `${received} packets were read`);
  client.peer.giveRoom(100);
  memory.runtime.settle();
  client.peer.giveRoom(Infinity);
  memory.runtime.settle();
  assertEquals(client.take().length, 100_001);
  assert(!client.peer.isPaused);
  assertEquals(memory.errors, []);
});

test("a chunk of very many packets does not keep other clients waiting", () => {
  const memory = new MemoryBroker();
  const [busy, other] = [memory.connect({ version: 4, clientId: "a" }), memory.connect()];
  busy.send(pings(100_000));
  memory.runtime.turn();
  other.send({ cmd: "pingreq" });
  memory.runtime.turn();
  memory.runtime.turn();
  assertEquals(cmdsOf(other.take()), ["pingresp"]);
  assert(busy.take().length < 100_000);
  memory.runtime.settle();
  assertEquals(memory.broker.counters.packetsReceived, 100_003);
  assert(!busy.peer.isPaused);
});

test("chunks of a busy client are read whole, one in a turn where two would be too much", () => {
  const memory = new MemoryBroker();
  const socket = new NullSocket();
  const connection = memory.broker.accept(socket, {
    options: LISTENER_TERMS,
    release: () => {},
  }) as ClientConnection;
  connection.onBytes(connectFrame({ clientId: "busy", version: 4, keepAliveS: 0 }));
  memory.runtime.settle();
  const { counters } = memory.broker;
  for (let chunk = 1; chunk <= 4; chunk++) {
    connection.onBytes(pings(700));
    // The rest of a chunk would have to be copied.
    assertEquals(connection.splitter.pendingBytes, 0, `chunk ${chunk}`);
    assertEquals(counters.packetsReceived, 1 + 700 * chunk);
    assert(socket.isPaused, `chunk ${chunk}`);
    memory.runtime.settle();
    assert(!socket.isPaused, `chunk ${chunk}`);
  }
});

test("keep alive ends a connection that is silent for half as long again", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c", keepalive: 10 });
  memory.runtime.advance(14_000);
  client.send({ cmd: "pingreq" });
  memory.runtime.advance(14_900);
  assertEquals(cmdsOf(client.take()), ["pingresp"]);
  memory.runtime.advance(400);
  const [packet] = client.expect("disconnect");
  assertEquals(packet.reasonCode, 0x8d);
  assertEquals(memory.broker.counters.keepAliveTimeouts, 1);
  assertEquals(memory.openConnections, 0);
});

test("keep alive spares a client that takes its messages slowly while it is not being read", () => {
  const maxOutboundBufferBytes = 400_000;
  const { memory, subscriber, publisher } = congested({ keepalive: 10, maxOutboundBufferBytes });
  for (let n = 0; n < 400; n++) publisher.publish("t", "x".repeat(1_000));
  for (let second = 0; second < 120; second++) {
    subscriber.send({ cmd: "pingreq" });
    for (let n = 0; n < 20; n++) publisher.publish("t", "x".repeat(1_000));
    subscriber.peer.giveRoom(10_000);
    memory.runtime.advance(1_000);
  }
  assertEquals(memory.broker.counters.keepAliveTimeouts, 0);
  assert(memory.broker.counters.sessions.droppedSlow > 50, "it is slow");
});

test("keep alive ends a client that takes nothing at all", () => {
  const { memory, subscriber } = congested({ keepalive: 10 });
  for (let second = 0; second < 30; second++) {
    subscriber.send({ cmd: "pingreq" });
    memory.runtime.advance(1_000);
  }
  assertEquals(memory.broker.counters.keepAliveTimeouts, 1);
  assertEquals(memory.openConnections, 1);
});

test("a connection without CONNECT is closed when its time is over", () => {
  const memory = new MemoryBroker();
  const peer = memory.open();
  peer.send(Uint8Array.of(0x10));
  memory.runtime.advance(9_900);
  assertEquals(memory.openConnections, 1);
  memory.runtime.advance(400);
  assertEquals([memory.openConnections, peer.receivedBytes], [0, 0]);
  assertEquals(memory.broker.figures.timers, 0);
});

test("a client whose Maximum Packet Size has no room for CONNACK is not connected", () => {
  const memory = new MemoryBroker();
  const client = memory.client({ clientId: "c", properties: { maximumPacketSize: 4 } });
  memory.runtime.settle();
  assertEquals(client.take(), []);
  assert(client.peer.isHungUp);
  const { connected, sessions, connections, timers } = memory.broker.figures;
  assertEquals([connected, sessions, connections, timers], [0, 0, 0, 0]);
  assertEquals(memory.errors, []);
});

test("an error while a client gets what waited for it costs its own connection and no other", () => {
  const memory = new MemoryBroker({ options: { maxOutboundBufferBytes: 2_000 } });
  const [slow, other] = [memory.connect({ clientId: "slow" }), memory.connect()];
  for (const client of [slow, other]) client.subscribe("t", 1);
  memory.runtime.settle();
  for (const client of [slow, other]) client.expect("suback");
  slow.peer.room = 0;
  const publisher = memory.connect();
  publisher.publish("t", "x".repeat(3_000), 1);
  memory.runtime.settle();
  // A message that no frame can hold, from a part of the broker that does not know better.
  const topicBytes = new Uint8Array(70_000);
  const broken = {
    topic: "t",
    topicBytes,
    payload: NO_BYTES,
    qos: 1,
    retain: false,
    properties: NO_BYTES,
    expiresAtMs: Infinity,
    publisherId: "",
  } as const;
  other.peer.reset();
  memory.runtime.settle();
  memory.broker.publisher.publishMessage(broken, BROKER_IDENTITY);
  const third = memory.connect();
  third.subscribe("u", 0);
  memory.runtime.settle();
  third.expect("suback");
  slow.peer.giveRoom(Infinity);
  publisher.publish("u", "still here", 0);
  memory.runtime.settle();
  assertEquals(memory.errors.length, 1);
  assert(slow.peer.isHungUp);
  assertEquals(cmdsOf(third.take()), ["publish"]);
  assertEquals(memory.openConnections, 2);
});

test("QoS 0 to a client that does not read is dropped and counted, other QoS waits", () => {
  const memory = new MemoryBroker({ options: { maxOutboundBufferBytes: 5_000 } });
  const [subscriber, publisher] = [memory.connect({ version: 4, clientId: "s" }), memory.connect()];
  subscriber.subscribe("t", 2);
  memory.runtime.settle();
  subscriber.take();
  subscriber.peer.room = 0;
  const payload = "x".repeat(990);
  for (let id = 1; id <= 20; id++) publisher.publish("t", payload, 1, id);
  for (let n = 0; n < 7; n++) publisher.publish("t", payload, 0);
  memory.runtime.settle();
  const { sessions } = memory.broker.counters;
  assertEquals([sessions.droppedSlow, sessions.inflight + sessions.queuedMessages], [7, 20]);
  assert(sessions.queuedMessages >= 14, "not everything was sent");
  subscriber.peer.giveRoom(Infinity);
  memory.runtime.settle();
  assertEquals(subscriber.take().length, 20);
  assertEquals(sessions.queuedMessages, 0);
});

/** A subscriber at QoS 1 with `count` messages that it was sent and has not acknowledged; their identifiers. */
function unacknowledged(count: number): {
  memory: MemoryBroker;
  subscriber: MemoryClient;
  publisher: MemoryClient;
  packetIds: number[];
} {
  const memory = new MemoryBroker({ options: { maxInflight: count } });
  const subscriber = memory.connect({ clientId: "subscriber", version: 4 });
  subscriber.subscribe("t", 1);
  const publisher = memory.connect({ clientId: "publisher" });
  memory.runtime.settle();
  subscriber.take();
  // Twice as many as may be in flight: the rest waits.
  for (let n = 0; n < count * 2; n++) publisher.publish("t", `${n}`, 1, n + 1);
  memory.runtime.settle();
  const packetIds = messageIdsOf(subscriber.take());
  assertEquals(packetIds.length, count);
  return { memory, subscriber, publisher, packetIds };
}

function messageIdsOf(packets: readonly Packet[]): number[] {
  return packets.map((packet) => packet.cmd === "publish" ? packet.messageId ?? 0 : 0);
}

function pubacks(packetIds: readonly number[]): number[] {
  return packetIds.flatMap((id) => [0x40, 2, id >> 8, id & 0xff]);
}

test("PUBACKs of one chunk make room together, whatever stands around them", () => {
  const { memory, subscriber, packetIds } = unacknowledged(8);
  const before = memory.broker.counters.packetsReceived;
  // Half of one comes late, and an unknown and a doubled one change nothing.
  const bytes = Uint8Array.from([
    ...pubacks([packetIds[0]!, 60_000, packetIds[0]!, packetIds[1]!]),
    0xc0,
    0,
    ...pubacks([packetIds[2]!, packetIds[3]!, 60_000]),
  ]);
  subscriber.send(bytes.subarray(0, bytes.length - 1));
  memory.runtime.settle();
  const first = subscriber.take();
  assertEquals(cmdsOf(first).sort(), ["pingresp", ...Array(4).fill("publish")]);
  subscriber.send(bytes.subarray(bytes.length - 1));
  subscriber.send(pings(1));
  memory.runtime.settle();
  assertEquals(cmdsOf(subscriber.take()), ["pingresp"]);
  assertEquals(memory.broker.counters.packetsReceived - before, 9);
  assertEquals(memory.broker.counters.protocolErrors, 0);
  assertEquals(memory.errors, []);
});

test("a PUBACK with packet identifier 0 among others ends the connection", () => {
  const { memory, subscriber, packetIds } = unacknowledged(4);
  subscriber.send(Uint8Array.from(pubacks([packetIds[0]!, 0, packetIds[1]!])));
  memory.runtime.settle();
  assertEquals(memory.broker.counters.protocolErrors, 1);
  assertEquals(memory.openConnections, 1);
});

test("PUBACKs before CONNECT are no beginning", () => {
  const memory = new MemoryBroker();
  const stranger = memory.open();
  stranger.send(Uint8Array.from(pubacks([1, 2])));
  memory.runtime.settle();
  assertEquals(memory.broker.counters.protocolErrors, 1);
  assertEquals(memory.openConnections, 0);
});

test("what looks like a PUBACK inside a packet that came in pieces is none", () => {
  const { memory, subscriber, packetIds } = unacknowledged(4);
  const [inside, behind] = [pubacks(packetIds.slice(0, 2)), pubacks(packetIds.slice(2, 3))];
  const head = [0x30, 3 + inside.length, 0, 1, 0x78];
  subscriber.send(Uint8Array.from(head));
  memory.runtime.settle();
  subscriber.send(Uint8Array.from([...inside, ...behind]));
  memory.runtime.settle();
  assertEquals(cmdsOf(subscriber.take()), ["publish"]);
  assertEquals(memory.errors, []);
});

test("what PUBACKs of one chunk acknowledge is no longer stored", () => {
  const store = new MemoryStore();
  const removed: number[] = [];
  const removeQueued = store.removeQueued.bind(store);
  store.removeQueued = (key, seq): void => {
    removed.push(seq);
    removeQueued(key, seq);
  };
  const memory = new MemoryBroker({ store });
  const subscriber = memory.connect({ clientId: "subscriber", version: 4, clean: false });
  subscriber.subscribe("t", 1);
  const publisher = memory.connect({ clientId: "publisher" });
  for (let n = 1; n <= 3; n++) publisher.publish("t", `${n}`, 1, n);
  memory.runtime.settle();
  const packetIds = messageIdsOf(subscriber.take().filter(({ cmd }) => cmd === "publish"));
  subscriber.send(Uint8Array.from(pubacks(packetIds)));
  memory.runtime.settle();
  assertEquals(removed, [1, 2, 3]);
});
