import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { BoundedWork, NotDone } from "../../../src/auth/mod.ts";

/** Work that ends when it is told to. */
function stoppable(): {
  readonly work: () => Promise<string>;
  readonly end: (text: string) => void;
} {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { work: () => promise, end: resolve };
}

test("BoundedWork runs so much at a time, lets so much wait, in order, and declines the rest", async () => {
  const bounded = new BoundedWork({ runningMax: 2, waitingMax: 2 });
  const [first, second, third, fourth] = [stoppable(), stoppable(), stoppable(), stoppable()];
  const ended: string[] = [];
  const results = [first, second, third, fourth].map(async (each) => {
    const result = await bounded.run(each.work);
    ended.push(String(result));
    return result;
  });
  const fifth = await bounded.run(stoppable().work);
  assertEquals(fifth, new NotDone("busy"));
  assertEquals(bounded.figures, {
    running: 2,
    waiting: 2,
    finished: 0,
    declined: 1,
    abandoned: 0,
  });
  second.end("second");
  assertEquals(await results[1], "second");
  assertEquals([bounded.figures.running, bounded.figures.waiting], [2, 1]);
  third.end("third");
  await results[2];
  fourth.end("fourth");
  await results[3];
  first.end("first");
  await results[0];
  assertEquals(ended, ["second", "third", "fourth", "first"]);
  assertEquals([bounded.figures.running, bounded.figures.finished], [0, 4]);
});

test("BoundedWork does not begin what nobody wants any more", async () => {
  const bounded = new BoundedWork({ runningMax: 1, waitingMax: 3 });
  const running = stoppable();
  const first = bounded.run(running.work);
  let begun = 0;
  const work = (): Promise<string> => {
    begun++;
    return Promise.resolve("done");
  };
  const unwanted = bounded.run(work, () => false);
  const wanted = bounded.run(work, () => true);
  running.end("first");
  assertEquals(await first, "first");
  assertEquals(await unwanted, new NotDone("left"));
  assertEquals(await wanted, "done");
  assertEquals(begun, 1);
  assertEquals(bounded.figures.abandoned, 1);
});

test("BoundedWork goes on after work that fails", async () => {
  const bounded = new BoundedWork({ runningMax: 1, waitingMax: 1 });
  const failing = bounded.run(() => Promise.reject(new Error("broken")));
  const next = bounded.run(() => Promise.resolve(1));
  await assertRejects(() => failing, Error, "broken");
  assertEquals(await next, 1);
});
