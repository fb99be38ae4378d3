import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  createSessionCounters,
  type Delivery,
  MessageQueue,
  NO_BYTES,
  NO_IDENTIFIERS,
  type SessionLimits,
} from "../../../src/session/mod.ts";
import { seededPrng } from "../../support/seed.ts";

type Group = { readonly name: string };

const LIMITS: SessionLimits = {
  queuedMessagesMax: 3,
  queuedBytesMax: 100,
  inflightBytesMax: Infinity,
  whenFull: "drop_oldest",
  queueQos0Offline: false,
};

function delivery(topic: string, bytes: number): Delivery<Group> {
  const message = {
    topic,
    topicBytes: NO_BYTES,
    payload: new Uint8Array(bytes),
    qos: 1,
    retain: false,
    properties: NO_BYTES,
    expiresAtMs: Infinity,
    publisherId: "",
  } as const;
  return { message, qos: 1, retain: false, identifiers: NO_IDENTIFIERS, group: undefined };
}

function topicsIn(queue: MessageQueue<Group>): string[] {
  const counters = createSessionCounters();
  return queue.extract(() => true, counters).map(({ message }) => message.topic);
}

const CASES: ReadonlyArray<
  [name: string, limits: Partial<SessionLimits>, sizes: number[], left: string, dropped: number]
> = [
  ["keeps what is below its limits", {}, [10, 10, 10], "abc", 0],
  ["drops the oldest above its number", {}, [1, 1, 1, 1, 1], "cde", 2],
  ["drops the newest above its number", { whenFull: "drop_newest" }, [1, 1, 1, 1, 1], "abc", 2],
  ["drops the oldest above its bytes", {}, [50, 40, 30], "bc", 1],
  ["drops as many of the oldest as one needs", {}, [40, 40, 90], "c", 2],
  ["drops the newest above its bytes", { whenFull: "drop_newest" }, [50, 40, 30, 10], "abd", 1],
  ["drops a message that is larger than all its room, and no other", {}, [50, 101, 10], "ac", 1],
  ["holds a message that is as large as all its room", {}, [50, 100], "b", 1],
  ["has no limit in number", { queuedMessagesMax: Infinity }, [1, 1, 1, 1, 1], "abcde", 0],
];

for (const [name, limits, sizes, left, dropped] of CASES) {
  test(`MessageQueue ${name}`, () => {
    const queue = new MessageQueue<Group>();
    const counters = createSessionCounters();
    for (const [index, size] of sizes.entries()) {
      queue.push(delivery("abcde"[index]!, size), { ...LIMITS, ...limits }, counters);
    }
    assertEquals(counters.droppedQueueFull, dropped);
    assertEquals([counters.queuedMessages, counters.queuedBytes], [queue.length, queue.bytes]);
    assertEquals(topicsIn(queue).join(""), left);
  });
}

test("MessageQueue.push() says whether the message itself was kept", () => {
  const queue = new MessageQueue<Group>();
  const counters = createSessionCounters();
  const one = { ...LIMITS, queuedMessagesMax: 1 };
  assertEquals(queue.push(delivery("a", 1), one, counters), true);
  assertEquals(queue.push(delivery("b", 1), { ...one, whenFull: "drop_newest" }, counters), false);
  assertEquals(queue.push(delivery("c", 1), one, counters), true);
  assertEquals(queue.push(delivery("d", 101), one, counters), false);
  assertEquals(topicsIn(queue), ["c"]);
});

test("MessageQueue.extract() takes what is wanted and leaves the rest in order", () => {
  const queue = new MessageQueue<Group>();
  const counters = createSessionCounters();
  const limits = { ...LIMITS, queuedMessagesMax: Infinity };
  for (const topic of "abcdef") queue.push(delivery(topic, 1), limits, counters);
  const vowels = queue.extract(({ message }) => "aeiou".includes(message.topic), counters);
  assertEquals(vowels.map(({ message }) => message.topic), ["a", "e"]);
  assertEquals([queue.length, queue.bytes], [4, 4]);
  assertEquals([counters.queuedMessages, counters.queuedBytes], [4, 4]);
  assertEquals(queue.peek(counters)?.message.topic, "b");
  assertEquals(topicsIn(queue), ["b", "c", "d", "f"]);
});

test("MessageQueue leaves its counters at 0 when it is empty", () => {
  const prng = seededPrng("MessageQueue");
  const queue = new MessageQueue<Group>();
  const counters = createSessionCounters();
  for (let step = 0; step < 20_000; step++) {
    const whenFull = prng.pick(["drop_oldest", "drop_newest"] as const);
    const limits = { ...LIMITS, whenFull, queuedMessagesMax: prng.pick([1, 5, 50]) };
    if (prng.nextBoolean(0.6)) queue.push(delivery("t", prng.nextInt(60)), limits, counters);
    else if (prng.nextBoolean(0.9)) queue.shift(counters);
    else queue.extract(() => prng.nextBoolean(), counters);
    assertEquals([counters.queuedMessages, counters.queuedBytes], [queue.length, queue.bytes]);
  }
  while (queue.shift(counters) !== undefined);
  assertEquals([counters.queuedMessages, counters.queuedBytes, queue.bytes], [0, 0, 0]);
  assertEquals(queue.peek(counters), undefined);
});
