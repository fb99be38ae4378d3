import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import {
  SinkBudget,
  SinkBuffer,
  type SinkBufferOptions,
  SinkError,
  type SinkItem,
} from "../../../src/sinks/mod.ts";
import { MemoryRuntime } from "../../support/memory_socket.ts";

interface Item extends SinkItem {
  readonly name: string;
}

interface Call {
  readonly names: string;
  resolve(): void;
  reject(isRetryable?: boolean): void;
}

const OPTIONS: SinkBufferOptions = {
  whenFull: "drop-newest",
  parallelMax: 1,
  timeoutMs: 5000,
  retriesMax: 3,
  retryDelayMs: 100,
  retryDelayMaxMs: 10_000,
};

interface RigOptions extends Partial<SinkBufferOptions> {
  readonly itemsMax?: number;
  readonly bytesMax?: number;
}

/** A buffer in front of a sink that does what the test says. */
class Rig {
  readonly runtime = new MemoryRuntime();
  readonly calls: Call[] = [];
  readonly settled: string[] = [];
  readonly outcomes: string[] = [];
  readonly buffer: SinkBuffer<Item>;

  constructor(
    { itemsMax = 100, bytesMax = 10_000, ...options }: RigOptions = {},
    batchMax = 1,
    readonly budget = new SinkBudget(itemsMax, bytesMax),
  ) {
    this.buffer = new SinkBuffer<Item>({
      sink: { batchMax, deliver: (batch) => this.#deliver(batch) },
      options: { ...OPTIONS, ...options },
      budget,
      runtime: this.runtime,
      prng: new Prng(1),
      onOutcome: (failure) => this.outcomes.push(failure?.message ?? "fine"),
    });
  }

  offer(name: string, bytes = 10): boolean {
    return this.buffer.offer({
      name,
      bytes,
      onSettled: (isDelivered) => this.settled.push(`${name} ${isDelivered ? "ok" : "lost"}`),
    });
  }

  /** The calls that are not answered, and forgets them. */
  async take(): Promise<Call[]> {
    await this.runtime.settled();
    return this.calls.splice(0);
  }

  async takeOne(): Promise<Call> {
    const calls = await this.take();
    assertEquals(calls.length, 1, calls.map(({ names }) => names).join("|"));
    return calls[0] as Call;
  }

  get figures(): string {
    const { offered, delivered, failed, dropped, retried, queued, queuedBytes } =
      this.buffer.counters;
    return `${offered} offered, ${delivered} delivered, ${failed} failed, ${dropped} dropped, ` +
      `${retried} retried, ${queued} queued, ${queuedBytes} bytes`;
  }

  #deliver(batch: readonly Item[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        names: batch.map(({ name }) => name).join(""),
        resolve,
        reject: (isRetryable = true) => reject(new SinkError("no", { isRetryable })),
      });
    });
  }
}

test("SinkBuffer delivers one after the other, in later turns", async () => {
  const rig = new Rig();
  for (const name of "abc") rig.offer(name);
  assertEquals(rig.calls.length, 0);
  for (const name of "abc") {
    const call = await rig.takeOne();
    assertEquals(call.names, name);
    call.resolve();
  }
  await rig.take();
  assertEquals(rig.settled, ["a ok", "b ok", "c ok"]);
  assertEquals(rig.outcomes, ["fine", "fine", "fine"]);
  assertEquals(
    rig.figures,
    "3 offered, 3 delivered, 0 failed, 0 dropped, 0 retried, 0 queued, 0 bytes",
  );
});

test("SinkBuffer makes batches of what waits, as large as the sink wants them", async () => {
  const rig = new Rig({}, 3);
  for (const name of "abcde") rig.offer(name);
  (await rig.takeOne()).resolve();
  const second = await rig.takeOne();
  assertEquals(second.names, "de");
});

test("SinkBuffer has no more batches under way than it may", async () => {
  const rig = new Rig({ parallelMax: 6 });
  for (const name of "abcdefgh") rig.offer(name);
  const calls = await rig.take();
  assertEquals(calls.map(({ names }) => names).join(""), "abcdef");
  calls[3]?.resolve();
  assertEquals((await rig.takeOne()).names, "g");
});

test("SinkBuffer begins one batch in a turn, so that the traffic has its turn between them", () => {
  const rig = new Rig({ parallelMax: 3 });
  for (const name of "abcd") rig.offer(name);
  const begun: number[] = [];
  while (rig.runtime.turn()) begun.push(rig.calls.length);
  assertEquals(begun, [1, 2, 3]);
});

test("SinkBuffer drops the newest when it is full", async () => {
  const rig = new Rig({ itemsMax: 3 });
  assertEquals([..."abcde"].map((name) => rig.offer(name)), [true, true, true, false, false]);
  assertEquals(rig.settled, []);
  assertEquals((await rig.takeOne()).names, "a");
  assertEquals(
    rig.figures,
    "5 offered, 0 delivered, 0 failed, 2 dropped, 0 retried, 3 queued, 30 bytes",
  );
});

test("SinkBuffer drops the oldest when it is to, but not what is under way", async () => {
  const rig = new Rig({ itemsMax: 3, whenFull: "drop-oldest" });
  rig.offer("a");
  const first = await rig.takeOne();
  assertEquals([..."bcde"].map((name) => rig.offer(name)), [true, true, true, true]);
  assertEquals(rig.settled, ["b lost", "c lost"]);
  first.resolve();
  assertEquals((await rig.takeOne()).names, "d");
});

test("SinkBuffer is bounded in bytes, too", () => {
  const rig = new Rig({ bytesMax: 100 });
  assertEquals(rig.offer("a", 101), false);
  assertEquals(rig.offer("b", 60), true);
  assertEquals(rig.offer("c", 41), false);
  assertEquals(rig.offer("d", 40), true);
});

test("SinkBuffer tries again, ever later, and then gives up", async () => {
  const rig = new Rig();
  rig.offer("a");
  rig.offer("b");
  const delays: number[] = [];
  for (let tries = 0; tries < 3; tries++) {
    (await rig.takeOne()).reject();
    await rig.runtime.settled();
    const failedMs = rig.runtime.clock.monotonicMs();
    while (rig.calls.length === 0) rig.runtime.advance(1);
    delays.push(rig.runtime.clock.monotonicMs() - failedMs);
  }
  for (const [index, delay] of delays.entries()) {
    const most = 100 * 2 ** index;
    assertEquals(delay >= most / 2 && delay <= most + 1, true, `${delays}`);
  }
  assertEquals(rig.settled, []);
  (await rig.takeOne()).reject();
  await rig.runtime.settled();
  assertEquals(rig.settled, ["a lost"]);
  // Nothing says that the next one would fare better.
  rig.runtime.advance(399);
  assertEquals(await rig.take(), []);
  rig.runtime.advance(402);
  assertEquals((await rig.takeOne()).names, "b");
  assertEquals(
    rig.figures,
    "2 offered, 0 delivered, 1 failed, 0 dropped, 3 retried, 1 queued, 10 bytes",
  );
});

test("SinkBuffer never waits longer than the longest delay", async () => {
  const rig = new Rig({ retriesMax: 40, retryDelayMaxMs: 1000 });
  rig.offer("a");
  for (let tries = 0; tries < 40; tries++) {
    (await rig.takeOne()).reject();
    await rig.runtime.settled();
    rig.runtime.advance(1001);
  }
  assertEquals(rig.buffer.counters.retried, 40);
});

/** Fails everything that is tried, for so long; answers how often that was, and with how many at a time. */
async function failFor(rig: Rig, ms: number): Promise<{ tries: number; atATime: number }> {
  let [tries, atATime] = [0, 0];
  const endMs = rig.runtime.clock.monotonicMs() + ms;
  while (rig.runtime.clock.monotonicMs() < endMs) {
    const calls = await rig.take();
    tries += calls.length;
    atATime = Math.max(atATime, calls.length);
    for (const call of calls) call.reject();
    await rig.runtime.settled();
    rig.runtime.advance(10);
  }
  return { tries, atATime };
}

test("SinkBuffer tries once in a while where nothing works, and all at once when it works again", async () => {
  const rig = new Rig({ parallelMax: 4, retryDelayMaxMs: 5000 });
  for (const name of "abcdefgh") rig.offer(name);
  const first = await rig.take();
  assertEquals(first.map(({ names }) => names).join(""), "abcd");
  for (const call of first) call.reject();
  await rig.runtime.settled();
  const { tries, atATime } = await failFor(rig, 20_000);
  assertEquals(atATime, 1);
  // 100, 200, … 3200 ms, and then 5 s, each less up to a half.
  assertEquals(tries >= 8 && tries <= 14, true, `${tries} tries`);
  rig.runtime.advance(5001);
  (await rig.takeOne()).resolve();
  assertEquals((await rig.take()).length, 4);
  assertEquals(rig.runtime.intervalCount, 4, "nothing waits but for answers");
});

test("SinkBuffer gives each batch as many tries as any, whatever happens to the others", async () => {
  const rig = new Rig({ parallelMax: 2, retriesMax: 2 });
  for (const name of "abc") rig.offer(name);
  await failFor(rig, 60_000);
  assertEquals(rig.settled.toSorted(), ["a lost", "b lost", "c lost"]);
  assertEquals(
    rig.figures,
    "3 offered, 0 delivered, 3 failed, 0 dropped, 6 retried, 0 queued, 0 bytes",
  );
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffer lets a batch that failed have its own time as long as others get through", async () => {
  const rig = new Rig({ parallelMax: 2 });
  for (const name of "abc") rig.offer(name);
  const [a, b] = await rig.take();
  a?.reject();
  b?.resolve();
  assertEquals((await rig.takeOne()).names, "c");
  rig.runtime.advance(101);
  assertEquals((await rig.takeOne()).names, "a");
});

test("SinkBuffer tries at once when somebody says that it works again", async () => {
  const rig = new Rig();
  rig.offer("a");
  (await rig.takeOne()).reject();
  await rig.runtime.settled();
  rig.buffer.tryNow();
  (await rig.takeOne()).resolve();
  await rig.runtime.settled();
  rig.buffer.tryNow();
  assertEquals([await rig.take(), rig.settled], [[], ["a ok"]]);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffer that is closed while it waits for the next try has that at once", async () => {
  const rig = new Rig();
  rig.offer("a");
  (await rig.takeOne()).reject();
  await rig.runtime.settled();
  const closed = rig.buffer.close(1000);
  (await rig.takeOne()).resolve();
  await closed;
  assertEquals(rig.settled, ["a ok"]);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffer drops what it was to try again when its time to close is over", async () => {
  const rig = new Rig({ parallelMax: 2 });
  for (const name of "abcd") rig.offer(name);
  for (const call of await rig.take()) call.reject();
  await rig.runtime.settled();
  const closed = rig.buffer.close(50);
  rig.runtime.advance(51);
  await closed;
  assertEquals(rig.settled.toSorted(), ["a lost", "b lost", "c lost", "d lost"]);
  assertEquals(rig.buffer.counters.dropped, 4);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffer loses patience with a sink that does not answer", async () => {
  const rig = new Rig({ retriesMax: 0 });
  rig.offer("a");
  const call = await rig.takeOne();
  rig.runtime.advance(4999);
  assertEquals(rig.settled, []);
  rig.runtime.advance(2);
  assertEquals(rig.settled, ["a lost"]);
  assertEquals(rig.outcomes, ["Cannot deliver: no answer in 5000 ms"]);
  call.resolve();
  await rig.runtime.settled();
  assertEquals(rig.buffer.counters.delivered, 0);
});

test("SinkBuffer delivers the items of a refused batch each by itself", async () => {
  const rig = new Rig({}, 4);
  for (const name of "abcdef") rig.offer(name);
  (await rig.takeOne()).reject(false);
  for (const name of "abcd") {
    const call = await rig.takeOne();
    assertEquals(call.names, name);
    if (name === "b") call.reject(false);
    else call.resolve();
  }
  assertEquals((await rig.takeOne()).names, "ef");
  assertEquals(rig.settled, ["a ok", "b lost", "c ok", "d ok"]);
});

test("SinkBuffer delivers what it has when it is closed, and takes nothing more", async () => {
  const rig = new Rig();
  rig.offer("a");
  rig.offer("b");
  const closed = rig.buffer.close(1000);
  assertEquals(rig.offer("c"), false);
  (await rig.takeOne()).resolve();
  (await rig.takeOne()).resolve();
  await closed;
  assertEquals(rig.settled, ["a ok", "b ok"]);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffer drops what is left when its time to close is over", async () => {
  const rig = new Rig();
  rig.offer("a");
  rig.offer("b");
  const closed = rig.buffer.close(1000);
  const call = await rig.takeOne();
  rig.runtime.advance(1001);
  await closed;
  assertEquals(rig.settled, ["a lost", "b lost"]);
  call.resolve();
  await rig.runtime.settled();
  assertEquals(
    rig.figures,
    "2 offered, 0 delivered, 0 failed, 2 dropped, 0 retried, 0 queued, 0 bytes",
  );
  assertEquals(rig.runtime.intervalCount, 0);
});

test("SinkBuffers may share what may wait", async () => {
  const budget = new SinkBudget(3, 100);
  const [first, second] = [new Rig({}, 1, budget), new Rig({ whenFull: "drop-oldest" }, 1, budget)];
  assertEquals([first.offer("a"), first.offer("b"), second.offer("c")], [true, true, true]);
  assertEquals([first.offer("d"), first.buffer.isFull, second.buffer.isFull], [false, true, false]);
  assertEquals(second.offer("e"), true);
  assertEquals([second.settled, budget.items, budget.bytes], [["c lost"], 3, 30]);
  (await first.takeOne()).resolve();
  await first.runtime.settled();
  assertEquals([first.buffer.isFull, first.offer("f"), budget.items], [false, true, 3]);
});
