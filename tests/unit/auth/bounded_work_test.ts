import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { BoundedWork, NotDone } from "../../../src/auth/mod.ts";
import { partyOf } from "../../../src/auth/bounded_work.ts";

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
  const unwanted = bounded.run(work, { party: "a", isWanted: () => false });
  const wanted = bounded.run(work, { party: "a", isWanted: () => true });
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

test("BoundedWork lets parties take turns, and whoever waits for most makes room", async () => {
  const bounded = new BoundedWork({ runningMax: 1, waitingMax: 4 });
  const running = stoppable();
  const first = bounded.run(running.work);
  const done: string[] = [];
  const ask = async (party: string, name: string): Promise<void> => {
    const work = (): Promise<string> => Promise.resolve(done.push(name) > 0 ? "done" : "");
    const result = await bounded.run(work, { party, isWanted: () => true });
    if (result instanceof NotDone) done.push(`${name} ${result.why}`);
  };
  const asked = ["flood 1", "flood 2", "flood 3", "flood 4", "flood 5"].map((name) =>
    ask("f", name)
  );
  await asked[4];
  assertEquals(done, ["flood 5 busy"]);
  const others = [ask("a", "alice 1"), ask("b", "bob"), ask("a", "alice 2")];
  await Promise.all([asked[3], asked[2]]);
  // Nobody has more than she has: the newcomer itself is declined.
  await others[2];
  assertEquals(done.slice(1), ["flood 4 busy", "flood 3 busy", "alice 2 busy"]);
  assertEquals([bounded.figures.waiting, bounded.figures.declined], [4, 4]);
  running.end("first");
  await Promise.all([first, ...asked, ...others]);
  assertEquals(done.slice(4), ["flood 1", "alice 1", "bob", "flood 2"]);
  assertEquals(bounded.figures.waiting, 0);
});

test("partyOf() takes a network of IPv6 for one, and every IPv4 address for itself", () => {
  assertEquals(partyOf("192.0.2.1"), "192.0.2.1");
  assertEquals(partyOf("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
  assertEquals(partyOf("2001:db8:1:2::ffff"), partyOf("2001:db8:1:2:3::4"));
  assertEquals(partyOf(""), "");
});
