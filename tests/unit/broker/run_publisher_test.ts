import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { EventBit, type EventSink } from "../../../src/ports/mod.ts";
import { RUN_FRAMES_MAX, WIDE_RECEIVERS } from "../../../src/session/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { BY_USERNAME, MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";
import { authorizer } from "../auth/acl_rig.ts";
import { frameOf, MESSAGES, numbers, sendTogether, subscribed } from "./run_rig.ts";

function publishTogether(client: MemoryClient, payloads: readonly string[], topic = "t"): void {
  sendTogether(client, payloads.map((payload) => frameOf(client, payload, { topic })));
}

function publishesOf(packets: readonly Packet[]): IPublishPacket[] {
  return packets.filter((packet) => packet.cmd === "publish");
}

function payloadsOf(client: MemoryClient): string[] {
  return publishesOf(client.take()).map(({ payload }) => String(payload));
}

for (const receivers of [1, 2, 5, WIDE_RECEIVERS + 10]) {
  test(`${receivers} receivers get each message of a chunk once and in order`, () => {
    // With it some sockets hand out chunks that stay as they are, as on Bun.
    const memory = new MemoryBroker({ prng: seededPrng("run publisher") });
    const subscribers = Array.from(
      { length: receivers },
      () => subscribed(memory, memory.connect({ version: 4 })),
    );
    for (const [index, each] of subscribers.entries()) each.peer.takesLate = index % 2 === 0;
    const publisher = memory.connect({ version: 4 });
    const before = memory.broker.counters.publishBytesSent;
    publishTogether(publisher, numbers(MESSAGES));
    memory.runtime.settle();
    publishTogether(publisher, numbers(MESSAGES, MESSAGES));
    memory.runtime.settle();
    for (const each of subscribers) assertEquals(payloadsOf(each), numbers(MESSAGES * 2));
    const { counters } = memory.broker;
    const payloadBytes = numbers(MESSAGES * 2).join("").length;
    assertEquals(
      [
        counters.publishReceivedAt(0),
        counters.publishSentAt(0),
        counters.publishBytesSent - before,
      ],
      [MESSAGES * 2, MESSAGES * 2 * receivers, payloadBytes * receivers],
    );
  });
}

test("a frame that comes in two pieces stays in its place", () => {
  for (const receivers of [1, 3, WIDE_RECEIVERS]) {
    const memory = new MemoryBroker();
    const subscribers = Array.from(
      { length: receivers },
      () => subscribed(memory, memory.connect({ version: 4 })),
    );
    const publisher = memory.connect({ version: 4 });
    const bytes = Uint8Array.from(numbers(90).flatMap((text) => [...frameOf(publisher, text)]));
    for (let at = 0; at < bytes.length; at += 41) {
      publisher.send(bytes.slice(at, at + 41));
      memory.runtime.turn();
    }
    memory.runtime.settle();
    for (const each of subscribers) assertEquals(payloadsOf(each), numbers(90));
  }
});

test("receivers that need frames of their own get the same as the others", () => {
  for (const version of [4, 5] as const) {
    const memory = new MemoryBroker();
    const plain = Array.from(
      { length: 20 },
      (_, index) => subscribed(memory, memory.connect({ version: index < 14 ? version : 4 })),
    );
    const other = subscribed(memory, memory.connect({ version: version === 4 ? 5 : 4 }));
    const identified = memory.connect({ version: 5 });
    identified.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "t", qos: 0 }],
      properties: { subscriptionIdentifier: 7 },
    });
    memory.runtime.settle();
    identified.expect("suback");
    const aliased = memory.connect({ version: 5, properties: { topicAliasMaximum: 4 } });
    subscribed(memory, aliased);
    const small = memory.connect({ version: 5, properties: { maximumPacketSize: 100 } });
    subscribed(memory, small);
    const publisher = memory.connect({ version });
    const [few, long] = [numbers(40), "x".repeat(100)];
    for (let round = 0; round < 3; round++) {
      publishTogether(publisher, [...few, long, ...few]);
      memory.runtime.settle();
      for (const each of [...plain, other, aliased]) {
        assertEquals(payloadsOf(each), [...few, long, ...few]);
      }
      const marked = publishesOf(identified.take());
      assertEquals(marked.map(({ payload }) => String(payload)), [...few, long, ...few]);
      assertEquals(
        marked.every(({ properties }) => properties?.subscriptionIdentifier === 7),
        true,
      );
      assertEquals(payloadsOf(small), [...few, ...few]);
    }
    assertEquals(memory.broker.counters.sessions.droppedTooLarge, 3);
  }
});

test("what comes between keeps its place: another topic, another QoS, a retained message, a subscription", () => {
  const memory = new MemoryBroker();
  const subscriber = subscribed(memory, memory.connect({ version: 4 }), "#");
  const publisher = memory.connect({ version: 4 });
  const between: Partial<IPublishPacket>[] = [
    { topic: "u" },
    { qos: 1, messageId: 5 },
    { retain: true },
    { topic: "$other" },
  ];
  for (const fields of between) {
    sendTogether(publisher, [
      ...numbers(5).map((text) => frameOf(publisher, text)),
      frameOf(publisher, "between", fields),
      ...numbers(5, 5).map((text) => frameOf(publisher, text)),
    ]);
    memory.runtime.settle();
    const expected = fields.topic === "$other" ? [] : ["between"];
    assertEquals(payloadsOf(subscriber), [...numbers(5), ...expected, ...numbers(5, 5)]);
  }
  const subscribe = publisher.encode({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 0 }],
  });
  memory.connect({ version: 4 });
  publisher.take();
  sendTogether(publisher, [
    ...numbers(5).map((text) => frameOf(publisher, text)),
    subscribe,
    ...numbers(5, 5).map((text) => frameOf(publisher, text)),
  ]);
  memory.runtime.settle();
  // The first is the retained message of before, which the subscription brings.
  assertEquals(payloadsOf(publisher), ["between", ...numbers(5, 5)]);
});

test("what came before a packet that is not MQTT is delivered", () => {
  const memory = new MemoryBroker();
  const subscriber = subscribed(memory, memory.connect({ version: 4 }));
  const publisher = memory.connect({ version: 4 });
  sendTogether(publisher, [
    ...numbers(5).map((text) => frameOf(publisher, text)),
    Uint8Array.of(0x36, 0),
  ]);
  memory.runtime.settle();
  assertEquals(publisher.peer.isHungUp, true);
  assertEquals(payloadsOf(subscriber), numbers(5));
});

test("a publisher that subscribes with no local gets nothing of its own", () => {
  const memory = new MemoryBroker();
  const [publisher, other] = [memory.connect(), subscribed(memory, memory.connect())];
  publisher.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 0, nl: true }, { topic: "u", qos: 0, nl: true }],
  });
  memory.runtime.settle();
  publisher.expect("suback");
  publishTogether(publisher, numbers(9));
  publishTogether(publisher, numbers(9), "u");
  memory.runtime.settle();
  assertEquals([payloadsOf(publisher), payloadsOf(other)], [[], numbers(9)]);
  assertEquals(memory.broker.counters.publishUnmatched, 9);
});

test("a session that waits for its client gets all, where QoS 0 is kept for it", () => {
  const memory = new MemoryBroker({ options: { queueQos0Offline: true } });
  const fields = { version: 4, clean: false, clientId: "away" } as const;
  const away = subscribed(memory, memory.connect(fields));
  const there = subscribed(memory, memory.connect({ version: 4 }));
  away.peer.end();
  memory.runtime.settle();
  const publisher = memory.connect({ version: 4 });
  publishTogether(publisher, numbers(MESSAGES));
  memory.runtime.settle();
  assertEquals(payloadsOf(there), numbers(MESSAGES));
  const back = memory.client(fields);
  memory.runtime.settle();
  assertEquals(payloadsOf(back), numbers(MESSAGES));
});

test("who does not read loses whole messages, which are counted, and the others lose none", () => {
  const memory = new MemoryBroker({ options: { maxOutboundBufferBytes: 1000 } });
  const slow = subscribed(memory, memory.connect({ version: 4 }));
  const quick = subscribed(memory, memory.connect({ version: 4 }));
  const publisher = memory.connect({ version: 4 });
  slow.peer.room = 0;
  for (let round = 0; round < 40; round++) {
    publishTogether(publisher, numbers(50, round * 50));
    memory.runtime.settle();
  }
  assertEquals(payloadsOf(quick), numbers(2000));
  slow.peer.giveRoom(Infinity);
  memory.runtime.settle();
  const received = payloadsOf(slow);
  const { droppedSlow } = memory.broker.counters.sessions;
  assertEquals(received.length + droppedSlow, 2000);
  assertEquals(droppedSlow > 0, true);
  const inOrder = [...received].sort((a, b) => Number(a) - Number(b));
  assertEquals(received, inOrder);
});

test("messages to a topic that is the broker's own go to nobody", () => {
  const memory = new MemoryBroker();
  const subscriber = subscribed(memory, memory.connect({ version: 4 }), "$SYS/#");
  publishTogether(memory.connect({ version: 4 }), numbers(20), "$SYS/mine");
  memory.runtime.settle();
  assertEquals(payloadsOf(subscriber), []);
});

test("messages to a topic that is forbidden go to nobody", () => {
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    authorizer: {
      authorize: (_identity, action, topic) =>
        action === "publish" && topic === "no" ? "deny" : "allow",
    },
  });
  const subscriber = subscribed(memory, memory.connect({ version: 4, username: "s" }), "#");
  const publisher = memory.connect({ version: 4, username: "p" });
  publishTogether(publisher, numbers(20), "no");
  publishTogether(publisher, numbers(20), "yes");
  memory.runtime.settle();
  assertEquals(payloadsOf(subscriber), numbers(20));
  assertEquals(memory.broker.counters.aclDeniedPublish, 20);
});

test("who may not read a topic gets none of its messages, and each is counted", () => {
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    authorizer: authorizer(
      "allow all # user=p; allow all # user=s; deny subscribe t; allow subscribe #",
    ),
  });
  const allowed = subscribed(memory, memory.connect({ version: 4, username: "s" }), "#");
  const denied = subscribed(memory, memory.connect({ version: 4, username: "d" }), "#");
  publishTogether(memory.connect({ version: 4, username: "p" }), numbers(20));
  memory.runtime.settle();
  assertEquals([payloadsOf(allowed), payloadsOf(denied)], [numbers(20), []]);
  assertEquals(memory.broker.counters.aclDeniedReceive, 20);
});

test("interceptors see each message", () => {
  const seen: string[] = [];
  const memory = new MemoryBroker({
    interceptors: [{
      intercept: (message) => {
        seen.push(new TextDecoder().decode(message.payload));
        return message;
      },
    }],
  });
  const subscriber = subscribed(memory, memory.connect({ version: 4 }));
  publishTogether(memory.connect({ version: 4 }), numbers(20));
  memory.runtime.settle();
  assertEquals([seen, payloadsOf(subscriber)], [numbers(20), numbers(20)]);
});

test("whoever wants to hear of messages hears of each", () => {
  for (const mask of [EventBit.messagePublish, EventBit.messageDeliver]) {
    const heard: string[] = [];
    const hear = (message: { readonly payload: Uint8Array }): void =>
      void heard.push(new TextDecoder().decode(message.payload));
    const sink: Partial<EventSink> = { mask, onPublish: hear, onDeliver: hear };
    const memory = new MemoryBroker({ eventSinks: [sink as EventSink] });
    subscribed(memory, memory.connect({ version: 4 }));
    publishTogether(memory.connect({ version: 4 }), numbers(20));
    memory.runtime.settle();
    assertEquals(heard, numbers(20));
  }
});

test("messages on a topic that nobody wants to hear of are delivered together, others are heard of one by one", () => {
  const [heard, asked]: [string[], string[]] = [[], []];
  const sink: Partial<EventSink> = {
    mask: EventBit.messagePublish,
    wantsPublish: (topic) => asked.push(topic) > 0 && topic === "t",
    onPublish: ({ topic }) => void heard.push(topic),
  };
  const memory = new MemoryBroker({ eventSinks: [sink as EventSink] });
  const publisher = memory.connect({ version: 4 });
  for (const topic of ["t", "u"]) {
    const subscriber = subscribed(memory, memory.connect({ version: 4 }), topic);
    asked.length = 0;
    publishTogether(publisher, numbers(20), topic);
    memory.runtime.settle();
    assertEquals(payloadsOf(subscriber), numbers(20));
  }
  assertEquals(heard, numbers(20).map(() => "t"));
  assertEquals(asked, ["u"]);
});

test("each topic goes to its own subscribers, and to one of a group", () => {
  const memory = new MemoryBroker();
  const [t, u, first, second] = ["t", "u", "$share/g/v", "$share/g/v"].map((filter) =>
    subscribed(memory, memory.connect(), filter)
  ) as [MemoryClient, MemoryClient, MemoryClient, MemoryClient];
  const other = subscribed(memory, memory.connect(), "v");
  const publisher = memory.connect();
  const topicOf = (text: string): string =>
    ["t", "u", "v"][Math.floor(Number(text) / 10) % 3] ?? "";
  const frames = numbers(90).map((text) => frameOf(publisher, text, { topic: topicOf(text) }));
  sendTogether(publisher, frames);
  memory.runtime.settle();
  const expected = (topic: string): string[] =>
    numbers(90).filter((text) => topicOf(text) === topic);
  assertEquals(payloadsOf(t), expected("t"));
  assertEquals(payloadsOf(u), expected("u"));
  assertEquals(payloadsOf(other), expected("v"));
  const ofGroup = [...payloadsOf(first), ...payloadsOf(second)].map(Number).sort((a, b) => a - b);
  assertEquals(ofGroup.map(String), expected("v"));
});

test("behind a mountpoint and outside of it everybody is told the topic that is right there", () => {
  const memory = new MemoryBroker();
  const outside = subscribed(memory, memory.connect(), "#");
  memory.mountpoint = "site/";
  const [inside, publisher] = [subscribed(memory, memory.connect(), "#"), memory.connect()];
  const topicsOf = (client: MemoryClient): string[] => [
    ...new Set(publishesOf(client.take()).map(({ topic }) => topic)),
  ];
  publishTogether(publisher, numbers(20), "t");
  memory.runtime.settle();
  assertEquals([topicsOf(outside), topicsOf(inside)], [["site/t"], ["t"]]);
  publishTogether(outside, numbers(20), "site/u");
  memory.runtime.settle();
  assertEquals([topicsOf(outside), topicsOf(inside)], [["site/u"], ["u"]]);
});

test("the will of a client comes after what the client said", () => {
  const memory = new MemoryBroker();
  const subscriber = subscribed(memory, memory.connect());
  const publisher = memory.connect({
    will: { topic: "t", payload: Buffer.from("will"), qos: 0, retain: false },
  });
  sendTogether(publisher, [
    ...numbers(5).map((text) => frameOf(publisher, text)),
    publisher.encode({ cmd: "disconnect", reasonCode: 4 }),
  ]);
  memory.runtime.settle();
  assertEquals(payloadsOf(subscriber), [...numbers(5), "will"]);
});

for (const [receivers, count] of [[1, RUN_FRAMES_MAX * 20], [400, 1800]] as const) {
  test(`a publisher to ${receivers} gives way after many messages, however many go together`, () => {
    const memory = new MemoryBroker();
    const subscribers = Array.from(
      { length: receivers },
      () => subscribed(memory, memory.connect({ version: 4 })),
    );
    const [subscriber] = subscribers as [MemoryClient];
    const publisher = memory.connect({ version: 4 });
    publishTogether(publisher, numbers(count));
    memory.runtime.turn();
    const received = memory.broker.counters.publishReceivedAt(0);
    assertEquals(received < count, true, `${received} in one turn`);
    memory.runtime.settle();
    assertEquals(payloadsOf(subscriber), numbers(count));
  });
}
