import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, CallbackTimer, Timer, TimerWheel } from "../../../src/base/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { seededPrng } from "../../support/seed.ts";

const DAY_MS = 86_400_000;

class Rig {
  readonly clock = new ManualClock({ monotonicMs: 12_345.678 });
  readonly wheel = new TimerWheel(this.clock);
  readonly fired: string[] = [];

  timer(name: string): Timer {
    return new CallbackTimer(() => this.fired.push(name));
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.wheel.advance(this.clock.monotonicMs());
  }
}

const DELAYS_MS = [
  0,
  1,
  100,
  101,
  6_300,
  6_400,
  6_500,
  409_600,
  409_700,
  DAY_MS,
  60 * DAY_MS,
  3 * 365 * DAY_MS,
];

for (const delayMs of DELAYS_MS) {
  test(`TimerWheel fires after ${delayMs} ms, not before and two ticks later at most`, () => {
    const rig = new Rig();
    rig.pass(777);
    const timer = rig.timer("a");
    rig.wheel.schedule(timer, delayMs);
    if (delayMs > 0) {
      rig.pass(delayMs - 0.5);
      assertEquals([rig.fired.length, timer.isScheduled], [0, true]);
    }
    rig.pass(200.5);
    assertEquals([rig.fired, timer.isScheduled, rig.wheel.count], [["a"], false, 0]);
    rig.pass(delayMs + 1000);
    assertEquals(rig.fired, ["a"]);
  });
}

test("TimerWheel keeps a delay that is longer than it spans", () => {
  const rig = new Rig();
  const spanMs = 64 ** 5 * 100;
  rig.wheel.schedule(rig.timer("far"), 3.3 * spanMs);
  for (let i = 0; i < 33; i++) rig.pass(spanMs / 10 - 1);
  assertEquals(rig.fired, []);
  rig.pass(300);
  assertEquals(rig.fired, ["far"]);
});

test("TimerWheel.cancel() tells whether there was something to cancel", () => {
  const rig = new Rig();
  const timer = rig.timer("a");
  rig.wheel.schedule(timer, 500);
  assertEquals(rig.wheel.cancel(timer), true);
  assertEquals(rig.wheel.cancel(timer), false);
  rig.pass(1000);
  assertEquals([rig.fired, rig.wheel.count], [[], 0]);
});

test("TimerWheel.schedule() moves a timer that is scheduled", () => {
  const rig = new Rig();
  const timer = rig.timer("a");
  rig.wheel.schedule(timer, 500);
  rig.wheel.schedule(timer, 5000);
  assertEquals(rig.wheel.count, 1);
  rig.pass(4999);
  assertEquals(rig.fired, []);
  rig.pass(200);
  assertEquals(rig.fired, ["a"]);
});

test("TimerWheel.schedule() counts from now and not from the last advance()", () => {
  const rig = new Rig();
  rig.clock.advance(60_000);
  rig.wheel.schedule(rig.timer("a"), 1000);
  rig.pass(999);
  assertEquals(rig.fired, []);
  rig.pass(200);
  assertEquals(rig.fired, ["a"]);
});

test("a timer may schedule itself, and without a delay it fires once per tick", () => {
  const rig = new Rig();
  let count = 0;
  const timer: Timer = new CallbackTimer(() => {
    count++;
    rig.wheel.schedule(timer, 0);
  });
  rig.wheel.schedule(timer, 0);
  rig.pass(1000);
  // The clock stands still inside advance(), so what is scheduled is due at its end.
  assert(count >= 1 && count <= 10, `${count}`);
  const before = count;
  rig.pass(100);
  assertEquals(count, before + 1);
});

test("a timer may cancel one that is due in the same tick", () => {
  const rig = new Rig();
  const timers = [0, 1].map((i): Timer =>
    new CallbackTimer(() => {
      rig.fired.push(`${i}`);
      rig.wheel.cancel(timers[1 - i]!);
    })
  );
  for (const timer of timers) rig.wheel.schedule(timer, 300);
  rig.pass(1000);
  assertEquals([rig.fired.length, rig.wheel.count], [1, 0]);
});

test("a timer may move one that is due in the same tick", () => {
  const rig = new Rig();
  const timers = [0, 1].map((i): Timer =>
    new CallbackTimer(() => {
      rig.fired.push(`${i}`);
      if (timers[1 - i]!.isScheduled) rig.wheel.schedule(timers[1 - i]!, 2000);
    })
  );
  for (const timer of timers) rig.wheel.schedule(timer, 300);
  rig.pass(500);
  assertEquals([rig.fired.length, rig.wheel.count], [1, 1]);
  rig.pass(2200);
  assertEquals([rig.fired.length, rig.wheel.count], [2, 0]);
});

test("what a timer throws reaches the caller, and no other timer is lost", () => {
  const rig = new Rig();
  rig.wheel.schedule(rig.timer("a"), 300);
  rig.wheel.schedule(
    new CallbackTimer(() => {
      throw new RangeError("bad timer");
    }),
    300,
  );
  rig.wheel.schedule(rig.timer("b"), 300);
  // Just the tick in which they are due: the rest is not left to the next one.
  rig.clock.advance(350);
  assertThrows(() => rig.wheel.advance(rig.clock.monotonicMs()), RangeError, "bad timer");
  rig.wheel.advance(rig.clock.monotonicMs());
  assertEquals([rig.fired.toSorted(), rig.wheel.count], [["a", "b"], 0]);
});

test("TimerWheel.advance() must not be called by a timer", () => {
  const rig = new Rig();
  rig.wheel.schedule(new CallbackTimer(() => rig.wheel.advance(1e9)), 0);
  assertThrows(() => rig.pass(500), AssertionError);
});

for (const delayMs of [-1, NaN, Infinity]) {
  test(`TimerWheel.schedule() refuses a delay of ${delayMs} ms`, () => {
    const rig = new Rig();
    assertThrows(() => rig.wheel.schedule(rig.timer("a"), delayMs), AssertionError);
  });
}

class ModelTimer extends Timer {
  dueMs = Infinity;
  readonly #onFire: (timer: ModelTimer) => void;

  constructor(onFire: (timer: ModelTimer) => void) {
    super();
    this.#onFire = onFire;
  }

  override fire(): void {
    this.#onFire(this);
  }
}

test("TimerWheel agrees with a list of deadlines, whatever is scheduled and cancelled", () => {
  const prng = seededPrng("TimerWheel");
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const timers: ModelTimer[] = [];

  function randomDelay(): number {
    return prng.nextInt([50, 1000, 30_000, 3_600_000, DAY_MS][prng.nextInt(5)]!);
  }
  function schedule(timer: ModelTimer): void {
    const delayMs = randomDelay();
    timer.dueMs = clock.monotonicMs() + delayMs;
    wheel.schedule(timer, delayMs);
  }
  function cancel(timer: ModelTimer): void {
    assertEquals(wheel.cancel(timer), timer.dueMs !== Infinity);
    timer.dueMs = Infinity;
  }
  function onFire(timer: ModelTimer): void {
    assert(timer.dueMs <= clock.monotonicMs(), "not early");
    timer.dueMs = Infinity;
    if (prng.nextInt(3) === 0) schedule(timer);
    if (prng.nextInt(4) === 0) schedule(prng.pick(timers));
    if (prng.nextInt(4) === 0) cancel(prng.pick(timers));
  }

  for (let i = 0; i < 300; i++) timers.push(new ModelTimer(onFire));
  for (let step = 0; step < 20_000; step++) {
    const timer = prng.pick(timers);
    if (prng.nextInt(3) === 0) cancel(timer);
    else schedule(timer);
    // Mostly a tick, sometimes a fraction of one, sometimes a machine that slept.
    clock.advance([0, 17, 100, 100, 900, 40_000][prng.nextInt(6)]!);
    wheel.advance(clock.monotonicMs());
    const scheduled = timers.filter(({ dueMs }) => dueMs !== Infinity);
    assertEquals(wheel.count, scheduled.length);
    for (const { dueMs } of scheduled) {
      assert(dueMs > clock.monotonicMs() - 200, `${dueMs} is late at ${clock.monotonicMs()}`);
    }
  }
});
