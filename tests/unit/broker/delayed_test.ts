import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { BROKER_IDENTITY, EventBit, type LoadedState } from "../../../src/ports/mod.ts";
import type { Publication } from "../../../src/session/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import {
  BY_USERNAME,
  DEFAULT_LIMITS,
  MemoryBroker,
  type MemoryClient,
} from "../../support/memory_broker.ts";
import { messageOf, withFolder } from "../../support/storage_rig.ts";

/** Timers fire in ticks, and at most two late. */
const LATE_MS = 200;

/** Topic, payload and flags of what has come. */
function received(client: MemoryClient): unknown[] {
  return client.take().flatMap((packet) =>
    packet.cmd === "publish"
      ? [`${packet.topic} ${packet.payload} ${packet.qos}${packet.retain ? " retained" : ""}`]
      : []
  );
}

function subscriber(memory: MemoryBroker, filter = "#", clientId = "s"): MemoryClient {
  const client = memory.connect({ clientId });
  client.subscribe(filter, 2);
  memory.runtime.settle();
  client.take();
  return client;
}

function reasonOf(memory: MemoryBroker, client: MemoryClient): number | undefined {
  memory.runtime.settle();
  const [packet] = client.take();
  return packet !== undefined && "reasonCode" in packet ? packet.reasonCode : undefined;
}

test("a message is published when its time is over, as it came but for the topic", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const p = memory.connect({ clientId: "p" });
  p.send({
    cmd: "publish",
    topic: "$delayed/5/a/b",
    payload: "x",
    qos: 2,
    messageId: 1,
    retain: true,
    dup: false,
    properties: {
      contentType: "text",
      messageExpiryInterval: 30,
      userProperties: { k: "v" },
    },
  });
  assertEquals(reasonOf(memory, p), 0);
  p.send({ cmd: "pubrel", messageId: 1 });
  const { delayedMessages, delayedBytes } = memory.broker.figures;
  assertEquals([delayedMessages, delayedBytes > 0], [1, true]);
  memory.runtime.advance(4900);
  assertEquals([s.take().length, memory.broker.figures.retainedMessages], [0, 0]);
  memory.runtime.advance(LATE_MS);
  const [publish] = s.expect("publish");
  const { topic, payload, qos, properties } = publish;
  assertEquals([topic, String(payload), qos], ["a/b", "x", 2]);
  const { contentType, messageExpiryInterval, userProperties } = properties ?? {};
  assertEquals([contentType, messageExpiryInterval, { ...userProperties }], ["text", 25, {
    k: "v",
  }]);
  assertEquals(memory.broker.figures.retainedMessages, 1);
  assertEquals([memory.broker.figures.delayedMessages, memory.broker.figures.delayedBytes], [0, 0]);
  const { delayed, delayedPublished } = memory.broker.counters;
  assertEquals([delayed, delayedPublished], [1, 1]);
});

test("messages come in the order in which they are due, those of one time as they came", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const p = memory.connect();
  for (const [index, delay] of [3, 1, 2, 1, 3, 0].entries()) {
    p.publish(`$delayed/${delay}/t`, `${delay}.${index}`, 0);
  }
  memory.runtime.settle();
  assertEquals(received(s), ["t 0.5 0"]);
  memory.runtime.advance(3000 + LATE_MS);
  assertEquals(received(s), ["t 1.1 0", "t 1.3 0", "t 2.2 0", "t 3.0 0", "t 3.4 0"]);
});

test("very many that are due together all come, in their order", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const p = memory.connect();
  for (let i = 0; i < 1001; i++) p.publish("$delayed/1/t", String(i));
  memory.runtime.settle();
  memory.runtime.advance(1000 + LATE_MS);
  memory.runtime.settle();
  assertEquals(received(s), Array.from({ length: 1001 }, (_, i) => `t ${i} 0`));
});

test("a topic that asks for nothing that could be done is refused, and nobody gets it", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory, "$delayed/#");
  const five = memory.connect();
  const four = memory.connect({ version: 4 });
  for (const topic of ["$delayed/x/t", "$delayed/4294968/t", "$delayed/5/"]) {
    five.publish(topic, "x", 1, 1);
    assertEquals(reasonOf(memory, five), 0x90, topic);
    five.publish(topic, "x", 2, 2);
    assertEquals(reasonOf(memory, five), 0x90, topic);
    four.publish(topic, "x", 1, 3);
    memory.runtime.settle();
    // Before 5.0 nobody can be told.
    assertEquals(four.take().map(({ cmd }) => cmd), ["puback"]);
    five.publish(topic, "x");
  }
  five.publish("$delayed/5/$SYS/broker/version", "x", 1, 4);
  assertEquals(reasonOf(memory, five), 0x87);
  assertEquals(received(s), []);
  assertEquals([memory.broker.counters.delayedInvalid, five.peer.isClosed], [12, false]);
});

test("access rules are asked about the real topic, when the message comes", () => {
  let allowed = "a";
  const asked: string[] = [];
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    authorizer: {
      authorize: ({ isSuperuser }, action, topic) => {
        if (action === "publish") asked.push(topic);
        return isSuperuser || action === "subscribe" || topic === allowed ? "allow" : "deny";
      },
    },
  });
  const s = subscriber(memory);
  const p = memory.connect();
  p.publish("$delayed/1/a", "x", 1, 1);
  assertEquals(reasonOf(memory, p), 0);
  p.publish("$delayed/1/b", "x", 1, 2);
  assertEquals(reasonOf(memory, p), 0x87);
  p.publish("$delayed/0/b", "x", 1, 3);
  assertEquals(reasonOf(memory, p), 0x87);
  assertEquals(asked.filter((topic) => topic.startsWith("$")), []);
  allowed = "nothing";
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(received(s), ["a x 1"]);
});

test("rules that answer later are waited for", async () => {
  const answers: ((decision: "allow" | "deny") => void)[] = [];
  const memory = new MemoryBroker({
    authorizer: {
      authorize: ({ isSuperuser }, action) =>
        isSuperuser || action === "subscribe"
          ? "allow"
          : new Promise((resolve) => answers.push(resolve)),
    },
  });
  const s = subscriber(memory);
  const p = memory.connect();
  p.publish("$delayed/1/a", "x", 1, 1);
  memory.runtime.settle();
  assertEquals(p.take(), []);
  answers.shift()?.("allow");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals(reasonOf(memory, p), 0);
  memory.runtime.advance(1000 + LATE_MS);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  memory.runtime.settle();
  assertEquals(received(s), ["a x 1"]);
});

test("the topic stays behind the mountpoint, of messages and of wills", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  memory.mountpoint = "m/";
  const will = { topic: "$delayed/2/w", payload: Buffer.from("w"), qos: 0, retain: false } as const;
  const p = memory.connect({ will });
  const other = subscriber(memory, "#", "mounted");
  p.publish("$delayed/1/t", "x", 1, 1);
  p.publish("$delayed/x/t", "x", 1, 2);
  memory.runtime.settle();
  assertEquals(p.take().map((packet) => "reasonCode" in packet && packet.reasonCode), [0, 0x90]);
  p.peer.end();
  memory.runtime.settle();
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals([received(s), received(other)], [["m/t x 1"], ["t x 1"]]);
  memory.runtime.advance(1000);
  assertEquals([received(s), received(other)], [["m/w w 0"], ["w w 0"]]);
});

test("a topic alias may stand for a delayed topic", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const p = memory.connect();
  for (const [topic, payload] of [["$delayed/1/t", "named"], ["", "by alias"]] as const) {
    p.send({
      cmd: "publish",
      topic,
      payload,
      qos: 0,
      retain: false,
      dup: false,
      properties: { topicAlias: 3 },
    });
  }
  memory.runtime.settle();
  assertEquals([received(s), memory.broker.figures.delayedMessages], [[], 2]);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(received(s), ["t named 0", "t by alias 0"]);
});

test("a will that names no delay is refused with its CONNECT", () => {
  const memory = new MemoryBroker();
  const payload = Buffer.from("w");
  for (const [topic, code] of [["$delayed/x/w", 0x90], ["$delayed/1/$SYS/x", 0x87]] as const) {
    const client = memory.client({ will: { topic, payload, qos: 0, retain: false } });
    memory.runtime.settle();
    assertEquals(client.expect("connack")[0].reasonCode, code);
  }
});

test("above a limit messages are refused, and counted", () => {
  const memory = new MemoryBroker({ options: { maxDelayedMessages: 2, maxDelayedBytes: 100 } });
  const p = memory.connect();
  const publish = (payload: string): number | undefined => {
    p.publish("$delayed/1/t", payload, 1, 1);
    return reasonOf(memory, p);
  };
  assertEquals([publish("1"), publish("x".repeat(100)), publish("2"), publish("3")], [
    0,
    0x97,
    0,
    0x97,
  ]);
  assertEquals(memory.broker.counters.delayedRefused, 2);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(publish("4"), 0);
});

test("a message that expires before its time is not published", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const p = memory.connect();
  p.send({
    cmd: "publish",
    topic: "$delayed/5/t",
    payload: "x",
    qos: 0,
    retain: false,
    dup: false,
    properties: { messageExpiryInterval: 4 },
  });
  memory.runtime.settle();
  memory.runtime.advance(5000 + LATE_MS);
  assertEquals([received(s), memory.broker.counters.delayedExpired], [[], 1]);
});

test("switched off, these are topics as any other; what waits is published all the same", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const literal = subscriber(memory, "$delayed/#", "literal");
  const p = memory.connect();
  p.publish("$delayed/1/t", "before");
  memory.runtime.settle();
  const { options } = memory.broker.createController("n");
  memory.broker.reconfigure({ ...options, hasDelayedPublish: false }, DEFAULT_LIMITS);
  p.publish("$delayed/1/t", "after");
  p.publish("$delayed/x", "what", 0);
  memory.runtime.settle();
  assertEquals(received(literal), ["$delayed/1/t after 0", "$delayed/x what 0"]);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(received(s), ["t before 0"]);
});

test("the publisher is told apart when the time comes: no local, and who it was for events", () => {
  const told: unknown[] = [];
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    eventSinks: [{
      mask: EventBit.messagePublish,
      onPublish: ({ topic }: Publication, { clientId, username }) =>
        void told.push([topic, clientId, username]),
      onDeliver: () => {},
      onAcked: () => {},
      onDropped: () => {},
      onClient: () => {},
    }],
  });
  const p = memory.connect({ clientId: "p", username: "u" });
  p.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 0, nl: true }],
  });
  p.publish("$delayed/1/t", "x");
  memory.runtime.settle();
  assertEquals(told, []);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(told, [["t", "p", "u"]]);
  assertEquals(received(p), []);
});

test("what others publish is delayed, too", () => {
  const memory = new MemoryBroker();
  const s = subscriber(memory);
  const { publisher } = memory.broker;
  const publish = (topic: string): unknown =>
    publisher.publishMessage(messageOf(topic, "x"), BROKER_IDENTITY);
  assertEquals([publish("$delayed/1/t"), publish("$delayed/x/t")], [0, 0x90]);
  memory.runtime.settle();
  assertEquals(received(s), []);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(received(s), ["t x 1"]);
});

test("an acknowledged message is on disk, and published after a crash: in time, late, and once", () =>
  withFolder(async (folder) => {
    let broker = await LastingBroker.start(folder);
    const { memory } = broker;
    const s = memory.client({ clientId: "s", properties: { sessionExpiryInterval: 1000 } });
    s.subscribe("#", 2);
    const p = memory.client({ clientId: "p", properties: { sessionExpiryInterval: 1000 } });
    await broker.pass(100);
    p.take();
    p.publish("$delayed/2/early", "x", 2, 1);
    p.publish("$delayed/60/late", "y", 1, 2);
    memory.runtime.settle();
    // Nothing is acknowledged that is not on disk.
    assertEquals(p.take(), []);
    const nothing = await LastingBroker.start(broker.copyAsKilled());
    assertEquals(nothing.memory.broker.figures.delayedMessages, 0);
    await broker.pass(100);
    assertEquals(p.take().map(({ cmd }) => cmd), ["pubrec", "puback"]);
    const before = broker.copyAsKilled();
    await broker.pass(3000);
    const [first] = s.take().filter(({ cmd }) => cmd === "publish");
    assertEquals(first !== undefined && "topic" in first && first.topic, "early");
    await broker.pass(1000);
    const after = broker.copyAsKilled();
    await broker.abandon();
    for (const [copy, left] of [[before, 2], [after, 1]] as const) {
      broker = await LastingBroker.start(copy);
      assertEquals(broker.memory.broker.figures.delayedMessages, left);
      await broker.pass(3000);
      const again = broker.memory.client({
        clientId: "s",
        clean: false,
        properties: { sessionExpiryInterval: 1000 },
      });
      await broker.pass(100);
      const publishes = again.take().filter(({ cmd }) => cmd === "publish");
      assertEquals(publishes.length, 1, "not twice, and not lost");
      assertEquals(broker.memory.broker.figures.delayedMessages, 1);
      await broker.pass(61_000);
      assertEquals(received(again), ["late y 1"]);
      await broker.abandon();
    }
  }));

test("what was due while the broker was down comes first, in the order in which it was due", () => {
  const nowMs = new MemoryBroker().runtime.clock.nowMs();
  const due = [1000, -1000, -3000, 500, -2000];
  class FilledStore extends MemoryStore {
    override load(): LoadedState {
      const delayed = due.map((ms, index) => ({
        key: index + 1,
        delayed: { dueAtMs: nowMs + ms, username: undefined, message: messageOf("t", `${ms}`) },
      }));
      return { ...super.load(), delayed };
    }
  }
  const memory = new MemoryBroker({ store: new FilledStore() });
  const s = subscriber(memory);
  memory.runtime.advance(1000 + LATE_MS);
  assertEquals(received(s), [-3000, -2000, -1000, 500, 1000].map((ms) => `t ${ms} 1`));
});

test("while nothing can be stored a message that would be acknowledged is refused", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const { memory } = broker;
    broker.faults.arm(1, "from then on");
    const first = memory.connect();
    first.publish("$delayed/1/t", "x", 1, 1);
    await broker.pass(500);
    assertEquals(first.take(), []);
    const second = memory.connect();
    second.publish("$delayed/1/t", "y", 1, 1);
    assertEquals(reasonOf(memory, second), 0x97);
    await broker.abandon();
  }));
