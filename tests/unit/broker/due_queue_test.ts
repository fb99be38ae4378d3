import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Due, DueQueue } from "../../../src/broker/due_queue.ts";
import { seededPrng } from "../../support/seed.ts";

test("DueQueue gives the earliest first, and of the same time the one with the smallest key", () => {
  const prng = seededPrng("DueQueue gives the earliest first");
  const queue = new DueQueue<Due>();
  let model: Due[] = [];
  for (let key = 0; key < 5000; key++) {
    if (prng.nextBoolean(key < 3000 ? 0.7 : 0.3)) {
      const item = { dueMs: prng.nextInt(200), key };
      queue.push(item);
      model.push(item);
    } else {
      const [first] = model.sort((a, b) => a.dueMs - b.dueMs || a.key - b.key);
      model = model.slice(1);
      assertEquals(queue.first, first);
      assertEquals(queue.shift(), first);
    }
    assertEquals(queue.length, model.length);
  }
});
