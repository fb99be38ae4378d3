import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import {
  DEFAULT_LIMITS,
  DEFAULT_OPTIONS,
  MemoryBroker,
  type MemoryClient,
} from "../../support/memory_broker.ts";

function messagesTo(client: MemoryClient): Map<string, string> {
  const packets = client.take() as IPublishPacket[];
  return new Map(
    packets.filter(({ cmd }) => cmd === "publish").map((
      { topic, payload },
    ) => [topic, `${payload}`]),
  );
}

test("Broker.stop() says goodbye to everybody and waits until they are gone", async () => {
  const memory = new MemoryBroker();
  const will = { topic: "w", payload: Buffer.from("x"), qos: 0, retain: true } as const;
  const five = memory.connect({ clientId: "five", will });
  const four = memory.connect({ clientId: "four", version: 4 });
  const silent = memory.open();
  const done = memory.broker.stop();
  memory.runtime.settle();
  await done;
  assertEquals(five.expect("disconnect")[0].reasonCode, 0x8b);
  assertEquals(four.take(), []);
  assert(five.peer.isHungUp && four.peer.isHungUp && silent.isHungUp);
  assertEquals([memory.openConnections, memory.runtime.intervalCount], [0, 0]);
  assertEquals(memory.broker.figures.retainedMessages, 1, "the will, which a store may keep");
});

test("Broker.stop() does not wait for ever for who does not read", async () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c" });
  client.peer.room = 0;
  const done = memory.broker.stop();
  memory.runtime.advance(2_900);
  assertEquals(memory.openConnections, 1);
  memory.runtime.advance(200);
  await done;
  memory.runtime.settle();
  assertEquals([memory.openConnections, memory.runtime.intervalCount], [0, 0]);
});

test("Broker.stop() without connections is done at once", async () => {
  const memory = new MemoryBroker();
  await memory.broker.stop();
  assertEquals(memory.runtime.intervalCount, 0);
});

test("$SYS topics are retained, go to who asks for them, and again when they change", () => {
  const memory = new MemoryBroker({ options: { sysIntervalMs: 10_000 } });
  const client = memory.connect({ version: 4, clientId: "c" });
  client.subscribe("#", 0, 1);
  client.subscribe("$SYS/broker/#", 0, 2);
  memory.runtime.settle();
  const first = messagesTo(client);
  assertEquals(first.get("$SYS/broker/version"), "0.0.0");
  assertEquals(first.get("$SYS/broker/clients/connected"), "0");
  assertEquals([...first.keys()].filter((topic) => !topic.startsWith("$SYS/broker/")), []);
  memory.connect();
  memory.runtime.advance(10_100);
  const second = messagesTo(client);
  assertEquals(second.get("$SYS/broker/clients/connected"), "2");
  assertEquals(second.get("$SYS/broker/uptime"), "10 seconds");
  assertEquals(second.get("$SYS/broker/subscriptions/count"), "2");
  assertEquals(second.has("$SYS/broker/version"), false, "it has not changed");
  memory.broker.reconfigure({ ...DEFAULT_OPTIONS, sysIntervalMs: 0 }, DEFAULT_LIMITS);
  client.take();
  memory.runtime.advance(60_000);
  assertEquals(messagesTo(client).size, 0);
  assertEquals(memory.errors, []);
});

test("nobody but the broker publishes to $SYS", () => {
  const memory = new MemoryBroker();
  const [client, watcher] = [memory.connect(), memory.connect()];
  watcher.subscribe("$SYS/#", 0);
  memory.runtime.settle();
  watcher.expect("suback");
  client.publish("$SYS/broker/version", "mine", 1);
  memory.runtime.settle();
  assertEquals(client.expect("puback")[0].reasonCode, 0x87);
  assertEquals(watcher.take(), []);
});

test("Broker.reconfigure() holds for what comes from now on", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ clientId: "c", properties: { sessionExpiryInterval: 100 } });
  client.subscribe("t", 1);
  memory.runtime.settle();
  client.peer.reset();
  memory.runtime.settle();
  memory.broker.reconfigure(
    { ...DEFAULT_OPTIONS, maxQueuedMessages: 2, maxQos: 1 },
    DEFAULT_LIMITS,
  );
  const publisher = memory.connect();
  assertEquals(publisher.connack.properties?.maximumQoS, 1);
  for (let id = 1; id <= 5; id++) publisher.publish("t", String(id), 1, id);
  memory.runtime.settle();
  const { queuedMessages, droppedQueueFull } = memory.broker.counters.sessions;
  assertEquals([queuedMessages, droppedQueueFull], [2, 3]);
});

test("Broker.figures and counters follow what happens", () => {
  const memory = new MemoryBroker();
  const a = memory.connect({ clientId: "a", properties: { sessionExpiryInterval: 10 } });
  a.subscribe("t", 1, 1);
  a.subscribe("$share/g/t", 1, 2);
  memory.open();
  memory.runtime.settle();
  const before = memory.broker.figures;
  assertEquals(before, { ...before, sessions: 1, connected: 1, connections: 2, subscriptions: 2 });
  assertEquals([before.sharedSubscriptions, before.timers], [1, 1]);
  a.peer.reset();
  memory.runtime.settle();
  const away = memory.broker.figures;
  assertEquals(away, { ...away, sessions: 1, connected: 0, connections: 1, subscriptions: 2 });
  memory.runtime.advance(20_000);
  const after = memory.broker.figures;
  assertEquals(Object.values(after), new Array(Object.keys(after).length).fill(0));
  assertEquals(memory.broker.counters.sessionsExpired, 1);
  assertEquals(memory.broker.counters.connectionsAccepted, 2);
});
