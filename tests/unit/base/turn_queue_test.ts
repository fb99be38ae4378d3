import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { TurnQueue } from "../../../src/base/mod.ts";

test("TurnQueue does one piece of work after the other, in order", async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = queue.run(async () => {
    await promise;
    done.push("first");
    return 1;
  });
  const second = queue.run(() => {
    done.push("second");
    return Promise.resolve(2);
  });
  resolve();
  assertEquals([await second, await first, ...done], [2, 1, "first", "second"]);
});

test("TurnQueue tells of a failure whom it concerns, and goes on", async () => {
  const queue = new TurnQueue();
  const failing = queue.run(() => Promise.reject(new Error("broken")));
  const next = queue.run(() => Promise.resolve("next"));
  await assertRejects(() => failing, Error, "broken");
  assertEquals(await next, "next");
});
