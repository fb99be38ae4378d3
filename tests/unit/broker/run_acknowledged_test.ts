import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import { WIDE_RECEIVERS } from "../../../src/session/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";
import * as rig from "./run_rig.ts";
import { MESSAGES, numbers, sendTogether } from "./run_rig.ts";

function frameOf(
  client: MemoryClient,
  payload: string,
  fields: Partial<IPublishPacket> = {},
): Uint8Array {
  return rig.frameOf(client, payload, {
    qos: 1,
    messageId: Number(payload) % 65535 + 1,
    ...fields,
  });
}

function publishTogether(
  client: MemoryClient,
  payloads: readonly string[],
  fields: Partial<IPublishPacket> = {},
): void {
  sendTogether(client, payloads.map((payload) => frameOf(client, payload, fields)));
}

function subscribed(memory: MemoryBroker, client: MemoryClient, qos: 0 | 1 | 2 = 2): MemoryClient {
  return rig.subscribed(memory, client, "t", qos);
}

/** What has come, and the answers to it: all that is to be answered. */
function answer(client: MemoryClient): IPublishPacket[] {
  const publishes: IPublishPacket[] = [];
  for (const packet of client.take()) {
    if (packet.cmd === "publish") {
      publishes.push(packet);
      const messageId = packet.messageId ?? 0;
      if (packet.qos === 1) client.send({ cmd: "puback", messageId });
      if (packet.qos === 2) client.send({ cmd: "pubrec", messageId });
    } else if (packet.cmd === "pubrel") {
      client.send({ cmd: "pubcomp", messageId: packet.messageId ?? 0 });
    }
  }
  return publishes;
}

/** Everybody answers until nothing more comes; what each got. */
function drain(memory: MemoryBroker, clients: readonly MemoryClient[]): IPublishPacket[][] {
  const got = clients.map((): IPublishPacket[] => []);
  for (let before = -1; before !== got.flat().length;) {
    before = got.flat().length;
    for (let turn = 0; turn < 6; turn++) {
      memory.runtime.settle();
      clients.forEach((client, index) => got[index]!.push(...answer(client)));
    }
  }
  return got;
}

function payloadsOf(publishes: readonly IPublishPacket[]): string[] {
  return publishes.map(({ payload }) => String(payload));
}

for (const qos of [1, 2] as const) {
  for (const receivers of [1, 2, 5, WIDE_RECEIVERS + 10]) {
    test(`${receivers} receivers get each message of a chunk at QoS ${qos} once and in order, beyond their window`, () => {
      const memory = new MemoryBroker({ prng: seededPrng("acknowledged runs") });
      const subscribers = Array.from(
        { length: receivers },
        () => subscribed(memory, memory.connect({ version: 4 })),
      );
      for (const [index, each] of subscribers.entries()) each.peer.takesLate = index % 2 === 0;
      const publisher = memory.connect({ version: 4 });
      publishTogether(publisher, numbers(MESSAGES), { qos });
      for (const got of drain(memory, subscribers)) {
        assertEquals(payloadsOf(got), numbers(MESSAGES));
        assertEquals(got.every((publish) => publish.qos === qos && !publish.dup), true);
      }
      const answers = publisher.take();
      assertEquals(
        answers.map(({ cmd, messageId }) => [cmd, messageId]),
        numbers(MESSAGES).map((text) => [qos === 1 ? "puback" : "pubrec", Number(text) + 1]),
      );
      const { counters } = memory.broker;
      const { inflight, queuedMessages, queuedBytes } = counters.sessions;
      assertEquals(
        [counters.publishReceivedAt(qos), counters.publishSentAt(qos)],
        [MESSAGES, MESSAGES * receivers],
      );
      assertEquals([inflight, queuedMessages, queuedBytes], [0, 0, 0]);
    });
  }
}

test("a receiver has no more in flight than its window", () => {
  const memory = new MemoryBroker({ options: { maxInflight: 7 } });
  const [one, other] = [memory.connect({ version: 4 }), memory.connect({ version: 4 })].map(
    (client) => subscribed(memory, client),
  ) as [MemoryClient, MemoryClient];
  publishTogether(memory.connect({ version: 4 }), numbers(50));
  memory.runtime.settle();
  assertEquals(payloadsOf(answer(one)), numbers(7));
  memory.runtime.settle();
  assertEquals(payloadsOf(answer(one)), numbers(7, 7));
  assertEquals(other.take().length, 7);
});

test("receivers that need frames of their own, or another QoS, get the same as the others", () => {
  for (const [version, clean] of [[4, false], [4, true], [5, false], [5, true]] as const) {
    const memory = new MemoryBroker();
    const plain = numbers(9).map(() => subscribed(memory, memory.connect({ version })));
    const lower = subscribed(memory, memory.connect({ version }), 0);
    const otherVersion = subscribed(memory, memory.connect({ version: version === 4 ? 5 : 4 }));
    const lasting = subscribed(memory, memory.connect({ version: 4, clean, clientId: "l" }));
    const small = subscribed(
      memory,
      memory.connect({ version: 5, properties: { maximumPacketSize: 100 } }),
    );
    const publisher = memory.connect({ version });
    const [few, long] = [numbers(40), "1".repeat(100)];
    for (let round = 0; round < 3; round++) {
      publishTogether(publisher, [...few, long, ...few]);
      const [one, two, three, ...others] = drain(memory, [
        small,
        lower,
        lasting,
        otherVersion,
        ...plain,
      ]);
      assertEquals(payloadsOf(one!), [...few, ...few]);
      assertEquals(payloadsOf(two!), [...few, long, ...few]);
      assertEquals(two!.every(({ qos }) => qos === 0), true);
      assertEquals(payloadsOf(three!), [...few, long, ...few]);
      for (const got of others) assertEquals(payloadsOf(got), [...few, long, ...few]);
      assertEquals(publisher.take().length, 81);
    }
  }
});

test("a message of QoS 2 that comes twice in a chunk is delivered once and acknowledged twice", () => {
  const memory = new MemoryBroker();
  const subscribers = [1, 2, 3].map(() => subscribed(memory, memory.connect({ version: 4 })));
  const publisher = memory.connect({ version: 4 });
  sendTogether(publisher, [
    ...numbers(5).map((text) => frameOf(publisher, text, { qos: 2 })),
    frameOf(publisher, "3", { qos: 2 }),
    frameOf(publisher, "2", { qos: 2, dup: true }),
    ...numbers(5, 5).map((text) => frameOf(publisher, text, { qos: 2 })),
  ]);
  for (const got of drain(memory, subscribers)) assertEquals(payloadsOf(got), numbers(10));
  assertEquals(
    publisher.take().map(({ cmd, messageId }) => [cmd, messageId]),
    [1, 2, 3, 4, 5, 4, 3, 6, 7, 8, 9, 10].map((id) => ["pubrec", id]),
  );
});

test("what comes between keeps its place: another QoS, a repetition, a retained message, a ping", () => {
  const memory = new MemoryBroker();
  const subscriber = subscribed(memory, memory.connect({ version: 4 }));
  const publisher = memory.connect({ version: 4 });
  const between: Partial<IPublishPacket>[] = [{ qos: 0 }, { qos: 2 }, { dup: true }, {
    retain: true,
  }];
  for (const fields of between) {
    sendTogether(publisher, [
      ...numbers(5).map((text) => frameOf(publisher, text)),
      frameOf(publisher, "77", fields),
      publisher.encode({ cmd: "pingreq" }),
      ...numbers(5, 5).map((text) => frameOf(publisher, text)),
    ]);
    const [got] = drain(memory, [subscriber]);
    assertEquals(payloadsOf(got!), [...numbers(5), "77", ...numbers(5, 5)]);
    assertEquals(got!.some(({ dup, retain }) => dup || retain), false);
    const answers = publisher.take().map((packet) => packet.messageId ?? packet.cmd);
    const own = fields.qos === 0 ? [] : [78];
    assertEquals(answers, [1, 2, 3, 4, 5, ...own, "pingresp", 6, 7, 8, 9, 10]);
    publisher.send({ cmd: "pubrel", messageId: 78 });
    memory.runtime.settle();
    publisher.take();
  }
});

test("where a queue is full the oldest go, and each is counted", () => {
  const memory = new MemoryBroker({ options: { maxInflight: 2, maxQueuedMessages: 10 } });
  const subscribers = [1, 2, 3].map(() => subscribed(memory, memory.connect({ version: 4 })));
  const publisher = memory.connect({ version: 4 });
  publishTogether(publisher, numbers(50));
  memory.runtime.settle();
  for (let round = 1; round < 5; round++) {
    memory.runtime.advance(10);
    publishTogether(publisher, numbers(50, round * 50));
    memory.runtime.settle();
  }
  const { droppedQueueFull } = memory.broker.counters.sessions;
  assertEquals(droppedQueueFull, 3 * (250 - 12));
  for (const got of drain(memory, subscribers)) {
    assertEquals(payloadsOf(got), [...numbers(2), ...numbers(10, 240)]);
  }
});

test("a publisher that nobody but itself listens to is told so, message by message", () => {
  const memory = new MemoryBroker();
  const publisher = memory.connect({ version: 5 });
  publisher.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 1, nl: true }],
  });
  memory.runtime.settle();
  publisher.expect("suback");
  publishTogether(publisher, numbers(9));
  memory.runtime.settle();
  const answers = publisher.take();
  assertEquals(answers.length, 9);
  assert(answers.every((packet) => packet.cmd === "puback" && packet.reasonCode === 0x10));
  assertEquals(memory.broker.counters.publishUnmatched, 9);
});

test("who has more QoS 2 messages open than was allowed is disconnected, and what came before is delivered", () => {
  const memory = new MemoryBroker({ options: { receiveMaximum: 20 } });
  const subscriber = subscribed(memory, memory.connect({ version: 5 }));
  const publisher = memory.connect({ version: 5 });
  publishTogether(publisher, numbers(30), { qos: 2 });
  const [got] = drain(memory, [subscriber]);
  assertEquals(payloadsOf(got!), numbers(20));
  const last = publisher.take().at(-1);
  assert(last?.cmd === "disconnect" && last.reasonCode === 0x93);
});
