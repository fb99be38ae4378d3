import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { Prng } from "../../../src/base/mod.ts";
import type { Action, Authorizer, Identity } from "../../../src/ports/mod.ts";
import { MemoryBroker } from "../../support/memory_broker.ts";
import { seededPrng } from "../../support/seed.ts";

type Decision = "allow" | "deny";

/** Answers when the test says so. */
class SlowAuthorizer implements Pick<Authorizer, "authorize"> {
  readonly waiting: { topic: string; answer: (decision: Decision) => void }[] = [];
  /** Topics about which it answers at once. */
  quickTopics = new Set<string>();

  authorize(_identity: Identity, _action: Action, topic: string): Decision | Promise<Decision> {
    if (this.quickTopics.has(topic)) return "allow";
    return new Promise((resolve) => this.waiting.push({ topic, answer: resolve }));
  }

  /** Answers what was asked first. */
  answer(decision: Decision = "allow"): void {
    const [first] = this.waiting.splice(0, 1);
    if (first === undefined) throw new Error("Nobody waits for an answer");
    first.answer(decision);
  }
}

function cmdsOf(packets: readonly Packet[]): string[] {
  return packets.map(({ cmd }) => cmd);
}

test("a connection waits with what follows a PUBLISH until it is judged, others do not", async () => {
  const authorizer = new SlowAuthorizer();
  const memory = new MemoryBroker({ authorizer });
  const [client, other] = [memory.connect({ clientId: "c" }), memory.connect()];
  client.publish("a", "1", 1, 1);
  client.publish("b", "2", 1, 2);
  client.send({ cmd: "pingreq" });
  other.send({ cmd: "pingreq" });
  await memory.runtime.settled();
  assertEquals(authorizer.waiting.map(({ topic }) => topic), ["a"]);
  assertEquals([client.take(), cmdsOf(other.take())], [[], ["pingresp"]]);
  assert(client.peer.isPaused);
  authorizer.answer();
  await memory.runtime.settled();
  assertEquals(cmdsOf(client.take()), ["puback"]);
  assertEquals(authorizer.waiting.map(({ topic }) => topic), ["b"]);
  authorizer.answer("deny");
  await memory.runtime.settled();
  const packets = client.take();
  assertEquals(cmdsOf(packets), ["puback", "pingresp"]);
  assertEquals((packets[0] as { reasonCode?: number }).reasonCode, 0x87);
  assert(!client.peer.isPaused);
  assertEquals(memory.errors, []);
});

test("a message that has to wait keeps its bytes", async () => {
  const authorizer = new SlowAuthorizer();
  authorizer.quickTopics.add("t/#");
  const memory = new MemoryBroker({ authorizer });
  const [publisher, subscriber] = [memory.connect(), memory.connect()];
  subscriber.subscribe("t/#", 2);
  memory.runtime.settle();
  subscriber.take();
  const payloads = ["small", "x".repeat(10_000)];
  for (const [index, payload] of payloads.entries()) {
    publisher.publish(`t/${index}`, payload, 2, index + 1);
    await memory.runtime.settled();
    // The bytes of the chunk are gone by now.
    publisher.send({ cmd: "pingreq" });
    await memory.runtime.settled();
    authorizer.answer();
    await memory.runtime.settled();
  }
  const packets = subscriber.take() as IPublishPacket[];
  assertEquals(packets.map(({ payload }) => String(payload)), payloads);
});

test("SUBSCRIBE waits for all its filters and is answered once", async () => {
  const authorizer = new SlowAuthorizer();
  const memory = new MemoryBroker({ authorizer });
  const client = memory.connect();
  client.send({
    cmd: "subscribe",
    messageId: 7,
    subscriptions: [{ topic: "a", qos: 1 }, { topic: "b", qos: 0 }, { topic: "c", qos: 2 }],
  });
  await memory.runtime.settled();
  assertEquals(authorizer.waiting.map(({ topic }) => topic), ["a", "b", "c"]);
  authorizer.waiting[1]!.answer("deny");
  authorizer.waiting[2]!.answer("allow");
  await memory.runtime.settled();
  assertEquals(client.take(), []);
  authorizer.waiting[0]!.answer("allow");
  await memory.runtime.settled();
  const [suback] = client.expect("suback");
  assertEquals(suback.granted as unknown, [1, 0x87, 2]);
  assertEquals(memory.broker.figures.subscriptions, 2);
});

for (const answer of ["allow", "deny"] as const) {
  test(`a client may be gone before it is judged: ${answer}`, async () => {
    const authorizer = new SlowAuthorizer();
    authorizer.quickTopics.add("t");
    const memory = new MemoryBroker({ authorizer });
    const subscriber = memory.connect();
    subscriber.subscribe("t", 0);
    memory.runtime.settle();
    subscriber.take();
    authorizer.quickTopics.clear();
    for (const qos of [0, 1, 2] as const) {
      const publisher = memory.connect();
      publisher.publish("t", `qos ${qos}`, qos);
      publisher.publish("t", "not read any more", qos, 2);
      await memory.runtime.settled();
      publisher.peer.reset();
      await memory.runtime.settled();
      authorizer.answer(answer);
      await memory.runtime.settled();
    }
    const expected = answer === "allow" ? ["qos 0", "qos 1", "qos 2"] : [];
    const packets = subscriber.take() as IPublishPacket[];
    assertEquals(packets.map(({ payload }) => String(payload)), expected);
    assertEquals([memory.openConnections, authorizer.waiting.length], [1, 0]);
    assertEquals(memory.errors, []);
  });
}

test("a subscriber may be gone before it is judged", async () => {
  const authorizer = new SlowAuthorizer();
  const memory = new MemoryBroker({ authorizer });
  const client = memory.connect({ clientId: "c", properties: { sessionExpiryInterval: 10 } });
  client.subscribe("t", 0);
  await memory.runtime.settled();
  client.peer.reset();
  await memory.runtime.settled();
  authorizer.answer();
  await memory.runtime.settled();
  assertEquals([memory.broker.figures.sessions, memory.broker.figures.subscriptions], [1, 0]);
  assertEquals(memory.errors, []);
});

test("CONNECT waits for the authenticator, and what follows it waits too", async () => {
  const answers: (() => void)[] = [];
  const memory = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }) =>
        new Promise((resolve) =>
          answers.push(() => resolve({ clientId, username, remoteAddress, method: "config" }))
        ),
    },
  });
  const client = memory.client({ clientId: "c" });
  client.subscribe("t", 1);
  client.publish("t", "to myself", 1, 2);
  await memory.runtime.settled();
  assertEquals(client.take(), []);
  assertEquals(memory.broker.figures.sessions, 0);
  answers[0]!();
  await memory.runtime.settled();
  const packets = client.take();
  assertEquals(cmdsOf(packets), ["connack", "suback", "publish", "puback"]);
  assert(!client.peer.isPaused);
  assertEquals(memory.errors, []);
});

test("a client that is gone before it was let in leaves nothing", async () => {
  const answers: (() => void)[] = [];
  const memory = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }) =>
        new Promise((resolve) =>
          answers.push(() => resolve({ clientId, username, remoteAddress, method: "config" }))
        ),
    },
  });
  const [gone, late] = [memory.client({ clientId: "gone" }), memory.client({ clientId: "late" })];
  await memory.runtime.settled();
  gone.peer.reset();
  memory.runtime.advance(11_000);
  for (const answer of answers) answer();
  await memory.runtime.settled();
  assertEquals([gone.take(), late.take()], [[], []]);
  const { sessions, connected, connections, timers } = memory.broker.figures;
  assertEquals([sessions, connected, connections, timers], [0, 0, 0, 0]);
  assertEquals(memory.errors, []);
});

test("keep alive does not blame a client for an answer that others owe", async () => {
  const authorizer = new SlowAuthorizer();
  const memory = new MemoryBroker({ authorizer });
  const client = memory.connect({ keepalive: 10 });
  client.publish("t", "", 1);
  memory.runtime.advance(60_000);
  assertEquals(memory.broker.counters.keepAliveTimeouts, 0);
  authorizer.answer();
  await memory.runtime.settled();
  assertEquals(cmdsOf(client.take()), ["puback"]);
  memory.runtime.advance(40_000);
  assertEquals(memory.broker.counters.keepAliveTimeouts, 1);
});

const FAILURES: Readonly<Record<string, () => Promise<never>>> = {
  "at once": () => {
    throw new Error("no directory");
  },
  "later": () => Promise.reject(new Error("no directory")),
};

for (const [when, authorize] of Object.entries(FAILURES)) {
  test(`an authorizer that fails ${when} denies what it was asked, and is logged`, async () => {
    const memory = new MemoryBroker({ authorizer: { authorize } });
    const [client, other] = [memory.connect(), memory.connect()];
    client.publish("t", "", 1);
    other.send({ cmd: "pingreq" });
    await memory.runtime.settled();
    assertEquals(client.expect("puback")[0].reasonCode, 0x87);
    client.subscribe("t", 1);
    await memory.runtime.settled();
    assertEquals(client.expect("suback")[0].granted, [0x87]);
    assertEquals(cmdsOf(other.take()), ["pingresp"]);
    assertEquals([memory.errors.length, memory.openConnections], [2, 2]);
    assertEquals(memory.broker.counters.aclErrors, 2);
  });
}

test("an interceptor may change, refuse and delay messages; the order stays", async () => {
  const prng = new Prng(1);
  const pending: (() => void)[] = [];
  const memory = new MemoryBroker({
    interceptors: [
      {
        intercept: (message) => {
          const answer = message.topic === "refused"
            ? "reject" as const
            : { ...message, payload: new TextEncoder().encode(`changed ${message.topic}`) };
          if (prng.nextBoolean()) return answer;
          return new Promise((resolve) => pending.push(() => resolve(answer)));
        },
      },
    ],
  });
  const [publisher, subscriber] = [memory.connect(), memory.connect()];
  subscriber.subscribe("#", 1);
  memory.runtime.settle();
  subscriber.take();
  const topics = Array.from({ length: 20 }, (_, n) => n % 5 === 4 ? "refused" : `t/${n}`);
  for (const [index, topic] of topics.entries()) publisher.publish(topic, "x", 1, index + 1);
  for (let round = 0; round < 40; round++) {
    await memory.runtime.settled();
    pending.shift()?.();
  }
  const answers = publisher.take() as { messageId?: number; reasonCode?: number }[];
  assertEquals(answers.map(({ messageId }) => messageId), topics.map((_, index) => index + 1));
  assertEquals(
    answers.map(({ reasonCode = 0 }) => reasonCode),
    topics.map((topic) => topic === "refused" ? 0x87 : 0),
  );
  const packets = subscriber.take() as IPublishPacket[];
  const allowed = topics.filter((topic) => topic !== "refused");
  assertEquals(packets.map(({ topic }) => topic), allowed);
  assertEquals(
    packets.map(({ payload }) => String(payload)),
    allowed.map((topic) => `changed ${topic}`),
  );
});

test("with answers that come in any order, each client's packets keep theirs", async () => {
  const prng = seededPrng("Slow authorizer");
  const pending: (() => void)[] = [];
  const memory = new MemoryBroker({
    prng,
    authorizer: {
      authorize: () => {
        if (prng.nextBoolean(0.3)) return "allow";
        return new Promise((resolve) => pending.push(() => resolve("allow")));
      },
    },
  });
  const subscriber = memory.connect({ clientId: "s" });
  subscriber.subscribe("t/+", 1);
  while (subscriber.peer.receivedBytes === 0) {
    await memory.runtime.settled();
    pending.shift()?.();
  }
  subscriber.expect("suback");
  const publishers = [0, 1, 2].map((n) => memory.connect({ clientId: `p${n}` }));
  for (let message = 1; message <= 100; message++) {
    const index = prng.nextInt(publishers.length);
    publishers[index]!.publish(`t/${index}`, String(message), prng.pick([0, 1]), message);
    if (prng.nextBoolean()) memory.runtime.turn();
    if (prng.nextBoolean(0.7)) pending.splice(prng.nextInt(pending.length + 1), 1)[0]?.();
    await Promise.resolve();
  }
  do {
    for (const answer of pending.splice(0)) answer();
    await memory.runtime.settled();
  } while (pending.length > 0);
  const packets = subscriber.take() as IPublishPacket[];
  const numbersOf = (topic: string): number[] =>
    packets.filter((packet) => packet.topic === topic).map(({ payload }) => Number(payload));
  for (const topic of ["t/0", "t/1", "t/2"]) {
    const numbers = numbersOf(topic);
    assertEquals(numbers, [...numbers].sort((a, b) => a - b));
  }
  assertEquals(packets.length, 100);
  assertEquals(memory.errors, []);
});
