/** What a hostile client may send, and what must become of it: each was a hole or would be one without its limit. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IConnectPacket, IPublishPacket, Packet } from "mqtt-packet";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

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

/** Turns until a PINGREQ is answered. */
function turnsToAnswer(memory: MemoryBroker, bystander: MemoryClient): number {
  bystander.send({ cmd: "pingreq" });
  for (let turns = 1; turns < 100; turns++) {
    memory.runtime.turn();
    if (bystander.take().some(({ cmd }) => cmd === "pingresp")) return turns;
  }
  return Infinity;
}

/** Longest turn until the client has an answer of this type, in milliseconds, and all that it got. */
async function answered(
  memory: MemoryBroker,
  client: MemoryClient,
  cmd: string,
): Promise<{ longestMs: number; turns: number; packets: Packet[] }> {
  const packets: Packet[] = [];
  let [longestMs, turns] = [0, 0];
  while (!packets.some((packet) => packet.cmd === cmd)) {
    const startMs = performance.now();
    memory.runtime.turn();
    longestMs = Math.max(longestMs, performance.now() - startMs);
    turns++;
    await Promise.resolve();
    packets.push(...client.take());
  }
  return { longestMs, turns, packets };
}

function withRetained(count: number): MemoryBroker {
  const memory = new MemoryBroker();
  const publisher = memory.connect({ version: 4, clientId: "p" });
  for (let n = 0; n < count; n++) {
    publisher.send({
      cmd: "publish",
      topic: `a/${n % 100}/b/${n}`,
      payload: "x",
      qos: 1,
      messageId: 1,
      retain: true,
      dup: false,
    });
    if (n % 1000 === 0) memory.runtime.settle();
  }
  memory.runtime.settle();
  publisher.take();
  return memory;
}

for (
  const [what, filterOf] of [
    ["different ones", (n: number) => `f/${n}/+`],
    ["such as find every retained message", (n: number) => `+/+/+/+${"/#".repeat(n % 2)}`],
    ["such as look everywhere and find nothing", (n: number) => `+/+/+/none-${n}`],
  ] as const
) {
  test(`10,000 filters in one SUBSCRIBE do not keep others waiting: ${what}`, async () => {
    const memory = withRetained(2000);
    const [client, bystander] = [
      memory.connect({ version: 4, clientId: "c" }),
      memory.connect({ version: 4, clientId: "b" }),
    ];
    const topics = Array.from({ length: 10_000 }, (_, n) => filterOf(n));
    const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
    client.send({ cmd: "subscribe", messageId: 7, subscriptions });
    assert(turnsToAnswer(memory, bystander) <= 2);
    const { turns, packets } = await answered(memory, client, "suback");
    assert(turns > 35, `all was done in ${turns} turns`);
    const suback = packets.find((packet) => packet.cmd === "suback");
    assertEquals(suback?.cmd === "suback" && suback.granted.length, 10_000);
    client.send({ cmd: "unsubscribe", messageId: 8, unsubscriptions: topics });
    assert(turnsToAnswer(memory, bystander) <= 2);
    const late = await answered(memory, client, "unsuback");
    assert(late.turns > 10, `all was done in ${late.turns} turns`);
    assertEquals(memory.broker.figures.subscriptions, 0);
    assertEquals(memory.errors, []);
  });
}

test("a chunk of many SUBSCRIBEs that look everywhere does not keep others waiting", async () => {
  const memory = withRetained(2000);
  const [client, bystander] = [
    memory.connect({ version: 4, clientId: "c" }),
    memory.connect({ version: 4, clientId: "b" }),
  ];
  const packets = Array.from({ length: 1000 }, (_, n) =>
    client.encode({
      cmd: "subscribe",
      messageId: n + 1,
      subscriptions: [{ topic: "+/+/+/none", qos: 0 }],
    }));
  client.send(new Uint8Array(Buffer.concat(packets)));
  assert(turnsToAnswer(memory, bystander) <= 2);
  let [turns, answers] = [0, 0];
  for (; answers < 1000; turns++) {
    memory.runtime.turn();
    answers += client.take().length;
    await Promise.resolve();
  }
  // Each looks at some 300 places, and a turn is for 10,000.
  assert(turns > 25, `all was done in ${turns} turns`);
});

test("retained messages that wait for one session are bounded, whatever it subscribes to", async () => {
  const memory = withRetained(2000);
  const client = memory.connect({ clientId: "c", properties: { receiveMaximum: 1 } });
  const codes: number[] = [];
  for (let n = 1; n <= 500; n++) {
    client.subscribe("a/#", 1, n);
    await memory.runtime.settled();
    for (const packet of client.take()) {
      if (packet.cmd === "suback") codes.push(packet.granted[0] as number);
    }
  }
  assertEquals(codes.length, 500);
  const accepted = codes.filter((code) => code === 1).length;
  assert(accepted >= 240 && accepted <= 260, `${accepted} of 500 were accepted`);
  assertEquals(codes.at(-1), 0x97);
});

test("a client that leaves in the middle of a long SUBSCRIBE leaves nothing", async () => {
  const memory = withRetained(2000);
  const client = memory.connect({ version: 4, clientId: "c" });
  const subscriptions = Array.from(
    { length: 10_000 },
    (_, n) => ({ topic: `f/${n}`, qos: 1 as const }),
  );
  client.send({ cmd: "subscribe", messageId: 7, subscriptions });
  memory.runtime.turn();
  assert(memory.broker.figures.subscriptions < 10_000);
  const again = memory.client({ version: 4, clientId: "c", clean: false });
  await memory.runtime.settled();
  assert(client.peer.isHungUp);
  again.expect("connack");
  assert(memory.broker.figures.subscriptions < 10_000);
  again.peer.reset();
  await memory.runtime.settled();
  assertEquals(memory.errors, []);
});

const MANY = { key: Array.from({ length: 11 }, () => "v") };
const LONG = { key: "v".repeat(98) };
const FINE = { key: Array.from({ length: 10 }, () => "1234567") };

for (const [what, userProperties] of [["too many", MANY], ["too long", LONG]] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`a message with user properties that are ${what} goes to nobody and is not kept, QoS ${qos}`, () => {
      const limits = { maxUserProperties: 10, maxUserPropertyBytes: 100 };
      const memory = new MemoryBroker({ limits });
      const [publisher, subscriber] = [memory.connect(), memory.connect()];
      subscriber.subscribe("t", 2);
      memory.runtime.settle();
      subscriber.take();
      const publish = (properties: Record<string, string | string[]>, payload: string): void =>
        publisher.send({
          cmd: "publish",
          topic: "t",
          payload,
          qos,
          messageId: 7,
          retain: true,
          dup: false,
          properties: { userProperties: properties },
        });
      publish(userProperties, "no");
      memory.runtime.settle();
      const codes = publisher.take().map((packet) => "reasonCode" in packet && packet.reasonCode);
      assertEquals(codes, qos === 0 ? [] : [0x97]);
      assertEquals(subscriber.take(), []);
      assertEquals(memory.broker.figures.retainedMessages, 0);
      assertEquals(memory.broker.counters.userPropertiesRefused, 1);
      publish(FINE, "yes");
      publisher.publish("t", "without", 0);
      memory.runtime.settle();
      assertEquals(subscriber.take().filter(({ cmd }) => cmd === "publish").length, 2);
    });
  }

  test(`a will with user properties that are ${what} is refused`, () => {
    const limits = { maxUserProperties: 10, maxUserPropertyBytes: 100 };
    const memory = new MemoryBroker({ limits });
    const willOf = (
      properties: Record<string, string | string[]>,
    ): NonNullable<IConnectPacket["will"]> => ({
      topic: "w",
      payload: Buffer.from("x"),
      qos: 0,
      retain: false,
      properties: { userProperties: properties, contentType: "text" },
    });
    const client = memory.client({ clientId: "c", will: willOf(userProperties) });
    memory.runtime.settle();
    assertEquals(client.expect("connack")[0].reasonCode, 0x97);
    memory.connect({ clientId: "c", will: willOf(FINE) });
  });
}

for (const qos of [1, 2] as const) {
  test(`a client that takes messages and never acknowledges them holds no more than may wait for it, QoS ${qos}`, () => {
    const memory = new MemoryBroker({ options: { maxQueuedBytes: 1_000_000 } });
    const properties = { sessionExpiryInterval: 100, receiveMaximum: 65_535 };
    const client = memory.connect({ clientId: "c", properties });
    client.subscribe("t", qos);
    memory.runtime.settle();
    client.take();
    const publisher = memory.connect({ version: 4, clientId: "p" });
    for (let n = 1; n <= 500; n++) publisher.publish("t", "x".repeat(10_000), qos, n);
    memory.runtime.settle();
    const sent = client.take() as IPublishPacket[];
    assert(sent.length >= 99 && sent.length <= 101, `${sent.length} were sent`);
    const { queuedBytes, inflight } = memory.broker.counters.sessions;
    assert(queuedBytes <= 1_000_000 && inflight === sent.length, `${queuedBytes} ${inflight}`);
    for (const { messageId = 0 } of sent) {
      client.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
      if (qos === 2) client.send({ cmd: "pubcomp", messageId });
    }
    memory.runtime.settle();
    const more = client.take().filter(({ cmd }) => cmd === "publish");
    assert(more.length >= 98, `${more.length} more were sent`);
    assertEquals(memory.errors, []);
  });
}

test("a 5.0 client that never releases its QoS 2 identifiers is stopped at the receive maximum", () => {
  const memory = new MemoryBroker({ options: { receiveMaximum: 10 } });
  const client = memory.connect({ clientId: "c", properties: { sessionExpiryInterval: 100 } });
  for (let id = 1; id <= 11; id++) client.publish("t", "", 2, id);
  memory.runtime.settle();
  const packets = client.take();
  assertEquals(packets.slice(0, -1).map(({ cmd }) => cmd), new Array(10).fill("pubrec"));
  const last = packets.at(-1);
  assertEquals(last?.cmd === "disconnect" && last.reasonCode, 0x93);
});

test("a 3.1.1 client that never releases any identifier is still served, and others with it", () => {
  const memory = new MemoryBroker();
  const client = memory.connect({ version: 4, clientId: "c", clean: false });
  const bystander = memory.connect();
  for (let id = 1; id <= 65_535; id++) {
    client.publish("t", "", 2, id);
    if (id % 1000 === 0) memory.runtime.settle();
  }
  client.publish("t", "", 2, 1);
  memory.runtime.settle();
  assertEquals(client.take().length, 65_536);
  assertEquals(turnsToAnswer(memory, bystander), 1);
  client.peer.reset();
  memory.runtime.settle();
  const again = memory.client({ version: 4, clientId: "c", clean: false });
  again.send({ cmd: "pubrel", messageId: 65_535 });
  memory.runtime.settle();
  assertEquals(again.take().map(({ cmd }) => cmd), ["connack", "pubcomp"]);
});

test("a session of very many subscriptions ends in pieces, and drops what comes meanwhile", async () => {
  const memory = new MemoryBroker();
  const fields = { version: 4, clientId: "c", clean: false } as const;
  const [client, bystander, publisher] = [
    memory.connect(fields),
    memory.connect(),
    memory.connect({ version: 4, clientId: "p" }),
  ];
  for (let packet = 0; packet < 20; packet++) {
    const subscriptions = Array.from(
      { length: 1000 },
      (_, n) => ({ topic: n === 0 ? `$share/g/s/${packet}` : `f/${packet}/${n}`, qos: 1 as const }),
    );
    client.send({ cmd: "subscribe", messageId: packet + 1, subscriptions });
    await memory.runtime.settled();
  }
  assertEquals(memory.broker.figures.subscriptions, 20_000);
  client.peer.reset();
  memory.runtime.settle();
  const clean = memory.client({ ...fields, clean: true });
  memory.runtime.turn();
  assert(memory.broker.figures.subscriptions > 15_000);
  publisher.publish("f/0/1", "x", 1);
  publisher.publish("s/0", "x", 1, 2);
  assertEquals(turnsToAnswer(memory, bystander), 1);
  await memory.runtime.settled();
  assertEquals(clean.take().map(({ cmd }) => cmd), ["connack"]);
  assertEquals(publisher.take().map(({ cmd }) => cmd), ["puback", "puback"]);
  const { subscriptions, sharedSubscriptions } = memory.broker.figures;
  assertEquals([subscriptions, sharedSubscriptions], [0, 0]);
  assertEquals(memory.broker.counters.sessions.queuedMessages, 0);
  assertEquals(memory.errors, []);
});
