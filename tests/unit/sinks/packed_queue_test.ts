import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import {
  PackedQueue,
  type Packing,
  SinkBudget,
  SinkBuffer,
  SinkError,
  type SinkItem,
} from "../../../src/sinks/mod.ts";
import { MemoryRuntime } from "../../support/memory_socket.ts";

interface Item extends SinkItem {
  readonly content: Uint8Array;
}

const PACKING: Packing<Item> = {
  contentOf: ({ content }) => content,
  itemOf: (content, onSettled) => ({ content, bytes: content.length, onSettled }),
};

function item(length: number, fill: number, onSettled?: SinkItem["onSettled"]): Item {
  return { content: new Uint8Array(length).fill(fill), bytes: length, onSettled };
}

function same(found: Item | undefined, wanted: Item | undefined): void {
  assertEquals(found, wanted);
  assertStrictEquals(found?.onSettled, wanted?.onSettled);
}

test("PackedQueue hands out what it was given, in order, whatever is done to it", () => {
  const prng = new Prng(1);
  const settlers = Array.from({ length: 5 }, () => () => {});
  const queue = new PackedQueue(PACKING);
  const wanted: Item[] = [];
  for (let step = 0; step < 20_000; step++) {
    const kind = prng.nextInt(100);
    // Longer and shorter by turns.
    const isFilling = step % 4000 < 2500;
    if (kind < (isFilling ? 60 : 25)) {
      const length = prng.nextInt(200) === 0 ? 70_000 : prng.nextInt(700);
      const each = item(length, step & 255, settlers[prng.nextInt(7)]);
      queue.push(each);
      wanted.push(each);
    } else if (kind < 97) same(queue.shift(), wanted.shift());
    else {
      const each = item(prng.nextInt(50), step & 255, settlers[prng.nextInt(7)]);
      queue.unshift(each);
      wanted.unshift(each);
    }
    assertEquals(queue.length, wanted.length);
  }
  while (wanted.length > 0) same(queue.shift(), wanted.shift());
  assertEquals([queue.shift(), queue.length, queue.heldBytes], [undefined, 0, 0]);
});

test("PackedQueue packs what waits behind the first ones, and gives the memory back", () => {
  const queue = new PackedQueue(PACKING);
  const first = Array.from({ length: 64 }, (_, index) => item(100, index));
  for (const each of first) queue.push(each);
  assertEquals(queue.heldBytes, 0);
  for (let index = 0; index < 10_000; index++) queue.push(item(300, 1));
  const packedBytes = 10_000 * 308;
  assert(queue.heldBytes >= packedBytes && queue.heldBytes < packedBytes * 1.1);
  for (const each of first) assertStrictEquals(queue.shift(), each);
  const early = queue.shift();
  for (let index = 1; index < 9000; index++) queue.shift();
  for (let index = 0; index < 100; index++) queue.push(item(300, 2));
  assert(queue.heldBytes < packedBytes / 5);
  assertEquals(early, { ...item(300, 1), onSettled: undefined });
  // A copy: one that is on its way for long does not hold on to its neighbours.
  assertEquals(early?.content.buffer.byteLength, 300);
});

test("PackedQueue knows whose each item is, however many they are", () => {
  const queue = new PackedQueue(PACKING);
  const names: string[] = [];
  for (let index = 0; index < 300; index++) {
    queue.push(item(1, 0, () => names.push(`${index}`)));
    if (index > 150) queue.shift()?.onSettled?.(true);
  }
  for (let each = queue.shift(); each !== undefined; each = queue.shift()) each.onSettled?.(true);
  assertEquals(names, Array.from({ length: 300 }, (_, index) => `${index}`));
});

test("SinkBuffer counts and settles what it packs like everything else", async () => {
  const runtime = new MemoryRuntime();
  const delivered: number[] = [];
  const lost: number[] = [];
  let isUp = false;
  const buffer = new SinkBuffer<Item>({
    sink: {
      batchMax: 7,
      packing: PACKING,
      deliver: (batch) => {
        if (!isUp) return Promise.reject(new SinkError("down", { isRetryable: true }));
        for (const { content } of batch) {
          delivered.push((content[0] ?? 0) * 256 + content.length - 1);
        }
        return Promise.resolve();
      },
    },
    options: {
      whenFull: "drop-oldest",
      parallelMax: 1,
      timeoutMs: 1000,
      retriesMax: 1000,
      retryDelayMs: 100,
      retryDelayMaxMs: 100,
    },
    budget: new SinkBudget(500, 1_000_000),
    runtime,
    prng: new Prng(1),
  });
  const offer = (number: number): void => {
    const onSettled = (isDelivered: boolean): void => {
      if (!isDelivered) lost.push(number);
    };
    buffer.offer({ ...item((number & 255) + 1, number >> 8), onSettled });
  };
  for (let number = 0; number < 507; number++) offer(number);
  await runtime.settled();
  // The first seven are under way; of the others the oldest make room.
  for (let number = 507; number < 600; number++) offer(number);
  isUp = true;
  for (let times = 0; times < 200 && buffer.counters.queued > 0; times++) {
    runtime.advance(100);
    await runtime.settled();
  }
  const all = Array.from({ length: 600 }, (_, number) => number);
  assertEquals([...lost, ...delivered].toSorted((a, b) => a - b), all);
  assertEquals(delivered, delivered.toSorted((a, b) => a - b));
  assertEquals(lost, lost.toSorted((a, b) => a - b));
  const { queued, queuedBytes, dropped } = buffer.counters;
  assertEquals([queued, queuedBytes, dropped, lost.length], [0, 0, 100, 100]);
});
