import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

const MESSAGES = 800;

const MAX_INFLIGHT = 4;
const MAX_QUEUED = 40;

/** A subscriber of QoS 1 whose queue is short, and a publisher. */
function begin(): { memory: MemoryBroker; subscriber: MemoryClient; publisher: MemoryClient } {
  const options = { maxInflight: MAX_INFLIGHT, maxQueuedMessages: MAX_QUEUED };
  const memory = new MemoryBroker({ options });
  const subscriber = memory.connect({ clientId: "subscriber", version: 4 });
  subscriber.subscribe("t", 1);
  memory.runtime.settle();
  subscriber.take();
  return { memory, subscriber, publisher: memory.connect({ clientId: "publisher", version: 4 }) };
}

/** Sends so many numbered messages in one chunk. */
function publishMany(publisher: MemoryClient, count: number): void {
  const base = { cmd: "publish", topic: "t", qos: 1, retain: false, dup: false } as const;
  const frames = Array.from(
    { length: count },
    (_, index) => publisher.encode({ ...base, payload: `${index}`, messageId: index + 1 }),
  );
  publisher.send(Uint8Array.from(frames.flatMap((frame) => [...frame])));
}

/** Payloads of what has come; all of it is acknowledged. */
function takeAll(subscriber: MemoryClient): string[] {
  return subscriber.take().map((packet) => {
    if (packet.cmd !== "publish") throw new Error(`There came ${packet.cmd}`);
    subscriber.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    return `${packet.payload}`;
  });
}

test("a publisher gives way to a subscriber that takes messages as fast as it can", () => {
  const { memory, subscriber, publisher } = begin();
  publishMany(publisher, MESSAGES);
  const received: string[] = [];
  while (memory.runtime.turn()) received.push(...takeAll(subscriber));
  assertEquals(memory.broker.counters.sessions.droppedQueueFull, 0);
  assertEquals(received, Array.from({ length: MESSAGES }, (_, index) => `${index}`));
});

test("a publisher does not give way to a subscriber that acknowledges nothing", () => {
  const { memory, subscriber, publisher } = begin();
  publishMany(publisher, MAX_INFLIGHT + MAX_QUEUED);
  memory.runtime.settle();
  assertEquals(publisher.take().length, MAX_INFLIGHT + MAX_QUEUED);
  memory.runtime.advance(10);
  publishMany(publisher, MESSAGES);
  let turns = 0;
  while (memory.runtime.turn()) turns++;
  assert(turns < 10, `${turns} turns`);
  assertEquals(publisher.take().length, MESSAGES);
  assertEquals(subscriber.take().length, MAX_INFLIGHT);
  assertEquals(memory.broker.counters.sessions.droppedQueueFull, MESSAGES);
});
