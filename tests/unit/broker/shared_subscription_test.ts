import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

const FILTER = "$share/g/t";
const STAYS = { sessionExpiryInterval: 100 };

interface Setting {
  readonly memory: MemoryBroker;
  readonly publisher: MemoryClient;
  /** `a` is the first that gets a message, then it is `b`'s turn. */
  readonly a: MemoryClient;
  readonly b: MemoryClient;
}

function twoMembers(
  memory: MemoryBroker,
  properties: { sessionExpiryInterval: number; receiveMaximum?: number },
): [a: MemoryClient, b: MemoryClient] {
  return [
    memory.connect({ clientId: "a", properties }),
    memory.connect({ clientId: "b", properties }),
  ];
}

function withMembers(properties: { sessionExpiryInterval: number } = STAYS): Setting {
  const memory = new MemoryBroker();
  const [a, b] = twoMembers(memory, properties);
  for (const member of [a, b]) {
    member.subscribe(FILTER, 2);
    memory.runtime.settle();
    member.expect("suback");
  }
  return { memory, publisher: memory.connect(), a, b };
}

function publish({ memory, publisher }: Setting, qos: 0 | 1 | 2, ...payloads: string[]): void {
  for (const [index, payload] of payloads.entries()) {
    publisher.publish("t", payload, qos, index + 1);
  }
  memory.runtime.settle();
}

function payloadsTo({ memory }: Setting, member: MemoryClient): string[] {
  memory.runtime.settle();
  return (member.take() as IPublishPacket[]).filter(({ cmd }) => cmd === "publish")
    .map(({ payload }) => String(payload));
}

/** Connects again with the session that is still there. */
function back({ memory }: Setting, clientId: string): MemoryClient {
  return memory.client({ clientId, clean: false, properties: STAYS });
}

function assertNothingLeft({ memory, publisher, a, b }: Setting): void {
  for (const client of [publisher, a, b]) if (!client.peer.isHungUp) client.peer.reset();
  memory.runtime.advance(200_000);
  const { figures, counters: { sessions } } = memory.broker;
  assertEquals(Object.values(figures), new Array(Object.keys(figures).length).fill(0));
  assertEquals([sessions.inflight, sessions.queuedMessages, sessions.queuedBytes], [0, 0, 0]);
  assertEquals(memory.errors, []);
}

test("messages of a group go to its members in turn, each to one", () => {
  const setting = withMembers();
  publish(setting, 1, "1", "2", "3", "4");
  assertEquals(payloadsTo(setting, setting.a), ["1", "3"]);
  assertEquals(payloadsTo(setting, setting.b), ["2", "4"]);
  assertNothingLeft(setting);
});

for (const expiry of [0, 100]) {
  test(`what a member did not acknowledge goes to another: QoS 1, session expiry ${expiry}`, () => {
    const setting = withMembers({ sessionExpiryInterval: expiry });
    publish(setting, 1, "1", "2", "3");
    assertEquals(payloadsTo(setting, setting.b), ["2"]);
    setting.a.peer.reset();
    assertEquals(payloadsTo(setting, setting.b), ["1", "3"]);
    const again = back(setting, "a");
    assertEquals(payloadsTo(setting, again), []);
    again.peer.reset();
    assertNothingLeft(setting);
  });
}

test("what a member acknowledged does not go to another", () => {
  const setting = withMembers();
  publish(setting, 1, "1", "2", "3");
  setting.a.send({ cmd: "puback", messageId: 1 });
  setting.memory.runtime.settle();
  payloadsTo(setting, setting.b);
  setting.a.peer.reset();
  assertEquals(payloadsTo(setting, setting.b), ["3"]);
  assertNothingLeft(setting);
});

test("QoS 2 that was sent stays with its member [MQTT-4.8.2-4]", () => {
  const setting = withMembers();
  publish(setting, 2, "1");
  setting.a.peer.reset();
  assertEquals(payloadsTo(setting, setting.b), []);
  const again = back(setting, "a");
  assertEquals(payloadsTo(setting, again), ["1"]);
  again.peer.reset();
  assertNothingLeft(setting);
});

test("without another member that is there, messages wait with the one that is not", () => {
  const setting = withMembers();
  setting.b.peer.reset();
  publish(setting, 1, "1", "2");
  setting.a.peer.reset();
  publish(setting, 1, "3");
  const again = back(setting, "a");
  const payloads = payloadsTo(setting, again);
  const other = back(setting, "b");
  assertEquals([...payloads, ...payloadsTo(setting, other)].sort(), ["1", "2", "3"]);
  assertEquals(payloads.slice(0, 2), ["1", "2"]);
  again.peer.reset();
  other.peer.reset();
  assertNothingLeft(setting);
});

test("when the session of a member ends, what waits with it goes to the others", () => {
  const setting = withMembers();
  setting.b.peer.reset();
  setting.memory.runtime.advance(50_000);
  setting.a.peer.reset();
  publish(setting, 1, "1", "2", "3");
  // The session of b ends before that of a.
  setting.memory.runtime.advance(60_000);
  assertEquals(setting.memory.broker.figures.sessions, 2);
  const again = back(setting, "a");
  assertEquals(payloadsTo(setting, again).sort(), ["1", "2", "3"]);
  again.peer.reset();
  assertNothingLeft(setting);
});

test("a member that leaves the group keeps what it was sent", () => {
  const setting = withMembers();
  publish(setting, 1, "1");
  setting.a.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: [FILTER] });
  publish(setting, 1, "2", "3");
  assertEquals(payloadsTo(setting, setting.b), ["2", "3"]);
  setting.a.send({ cmd: "puback", messageId: 1 });
  setting.memory.runtime.settle();
  assertEquals(setting.memory.broker.counters.sessions.inflight, 2);
  assertNothingLeft(setting);
});

test("a member that can take no more is passed over", () => {
  const memory = new MemoryBroker({
    options: { maxQueuedMessages: 1, queueFull: "drop_newest" },
  });
  const [a, b] = twoMembers(memory, { receiveMaximum: 1, ...STAYS });
  for (const member of [a, b]) member.subscribe(FILTER, 1);
  const setting = { memory, publisher: memory.connect(), a, b };
  // Each has one in flight and one that waits; the last has no place.
  publish(setting, 1, "1", "2", "3", "4", "5");
  assertEquals(memory.broker.counters.sessions.queuedMessages, 2);
  a.send({ cmd: "puback", messageId: 1 });
  memory.runtime.settle();
  publish(setting, 1, "6");
  assertEquals(memory.broker.counters.sessions.queuedMessages, 2);
  const toA = payloadsTo(setting, a);
  a.send({ cmd: "puback", messageId: 2 });
  memory.runtime.settle();
  assertEquals([...toA, ...payloadsTo(setting, a)], ["1", "3", "6"]);
  assertNothingLeft(setting);
});
