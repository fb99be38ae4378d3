import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Histogram } from "../../../src/base/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { type Flushable, FlushSet, Touch } from "../../../src/transport/mod.ts";

class Target implements Flushable {
  touch: Touch = Touch.none;
  pendingBytes = 10;
  readonly name: string;
  readonly flushed: string[];
  onFlush: () => void = () => {};

  constructor(name: string, flushed: string[]) {
    this.name = name;
    this.flushed = flushed;
  }

  flush(): void {
    this.flushed.push(this.name);
    this.onFlush();
  }
}

/** The end of the turn comes when a test says so. */
class Turns {
  readonly deferred: (() => void)[] = [];
  readonly yielded: (() => void)[] = [];
  readonly deliverySeconds = new Histogram([0.01, 1]);
  nowMs = 0;
  isMore = false;
  readonly monotonicMs = (): number => this.nowMs;
  readonly isMoreComing = (): boolean => this.isMore;
  readonly defer = (fn: () => void): void => void this.deferred.push(fn);
  readonly yieldTurn = (fn: () => void): void => void this.yielded.push(fn);

  end(): void {
    for (const fn of this.deferred.splice(0)) fn();
  }

  /** The other sockets have had their turn. */
  comeBack(): void {
    for (const fn of this.yielded.splice(0)) fn();
  }
}

test("FlushSet flushes each touched target once, at the end of the turn, the last one first", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const [a, b] = [new Target("a", flushed), new Target("b", flushed)];
  for (const target of [a, b, a, a, b]) set.add(target);
  assertEquals(turns.deferred.length, 1, "asked for one call, not one each");
  assertEquals(flushed, []);
  turns.end();
  assertEquals(flushed, ["b", "a"]);
  turns.end();
  assertEquals(flushed, ["b", "a"]);
});

test("FlushSet flushes whoever has much to send before the others", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const targets = [..."aBcDefG"].map((name) => new Target(name, flushed));
  for (const target of targets) {
    if (target.name < "a") target.pendingBytes = 2000;
    set.add(target);
  }
  turns.end();
  assertEquals(flushed.join(""), "GDBfeca");
  assertEquals(targets.some(({ touch }) => touch !== Touch.none), false);
});

test("FlushSet leaves out nobody, whoever throws", () => {
  const prng = seededPrng("flushing with errors");
  for (let round = 0; round < 300; round++) {
    const [turns, flushed] = [new Turns(), [] as string[]];
    const set = new FlushSet(turns);
    const count = prng.nextInt(prng.pick([5, 1200])) + 1;
    const targets = Array.from({ length: count }, (_, index) => new Target(String(index), flushed));
    for (const target of targets) {
      if (prng.nextBoolean()) target.pendingBytes = 2000;
      if (prng.nextBoolean(2 / count)) {
        target.onFlush = () => {
          throw new Error("broken");
        };
      }
      set.add(target);
    }
    for (let calls = 0; turns.deferred.length + turns.yielded.length > 0; calls++) {
      assert(calls < count + 4, "it comes to an end");
      for (const fn of [...turns.deferred.splice(0), ...turns.yielded.splice(0)]) {
        try {
          fn();
        } catch (error) {
          assertEquals((error as Error).message, "broken");
        }
      }
    }
    const all = targets.map(({ name }) => name);
    assertEquals([...flushed].sort(), all.sort());
  }
});

test("FlushSet flushes what is touched meanwhile in the next turn", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const [a, b] = [new Target("a", flushed), new Target("b", flushed)];
  a.onFlush = () => {
    set.add(a);
    set.add(b);
  };
  set.add(a);
  turns.end();
  assertEquals(flushed, ["a"]);
  a.onFlush = () => {};
  turns.end();
  assertEquals(flushed, ["a", "b", "a"]);
  turns.end();
  assertEquals(flushed, ["a", "b", "a"]);
  assertEquals([a.touch, b.touch], [Touch.none, Touch.none]);
});

test("FlushSet takes a target again after it was flushed", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const a = new Target("a", flushed);
  for (let turn = 0; turn < 3; turn++) {
    set.add(a);
    turns.end();
  }
  assertEquals(flushed, ["a", "a", "a"]);
});

test("FlushSet lets others have their turn in the middle of many targets", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const targets = Array.from({ length: 1201 }, (_, index) => new Target(String(index), flushed));
  for (const target of targets) set.add(target);
  turns.end();
  assertEquals([flushed.length, turns.yielded.length, turns.deferred.length], [500, 1, 0]);
  // Written to again: one that waits still, and one that has been flushed.
  set.add(targets[1200] as Target);
  set.add(targets[0] as Target);
  turns.comeBack();
  assertEquals([flushed.length, turns.yielded.length, turns.deferred.length], [1000, 1, 0]);
  turns.comeBack();
  const names = targets.map(({ name }) => name);
  // Nobody waits longer than those who were touched later, but for the others of its turn.
  assertEquals(flushed, [
    ...names.slice(0, 500).reverse(),
    ...names.slice(500, 1000).reverse(),
    ...[...names.slice(1000), "0"].reverse(),
  ]);
  assertEquals([turns.yielded.length, turns.deferred.length], [0, 0]);
  assertEquals(targets.some(({ touch }) => touch !== Touch.none), false);
});

test("FlushSet goes on after a target that throws", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const [a, b, c] = ["a", "b", "c"].map((name) => new Target(name, flushed));
  b!.onFlush = () => {
    throw new Error("broken");
  };
  for (const target of [a!, b!, c!]) set.add(target);
  assertThrows(() => turns.end(), Error, "broken");
  assertEquals(flushed, ["c", "b"]);
  set.add(c!);
  turns.comeBack();
  turns.end();
  assertEquals(flushed, ["c", "b", "c", "a"]);
  set.add(b!);
  b!.onFlush = () => {};
  turns.end();
  assertEquals(flushed.at(-1), "b");
});

/** A wide fan-out to `count` targets, flushed once, which took `drainMs`. */
function afterOneDrain(count: number, drainMs: number): {
  turns: Turns;
  flushed: string[];
  set: FlushSet;
  targets: Target[];
} {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const targets = Array.from({ length: count }, (_, index) => new Target(String(index), flushed));
  for (const target of targets) set.addLater(target, 10);
  turns.end();
  turns.nowMs += drainMs;
  while (turns.yielded.length > 0) turns.comeBack();
  assertEquals(flushed.splice(0), targets.map(({ name }) => name));
  return { turns, flushed, set, targets };
}

test("FlushSet flushes a wide fan-out at the end of the turn when nothing more is coming", () => {
  const { turns, flushed, set, targets } = afterOneDrain(3, 8);
  set.addLater(targets[1]!, 10);
  set.addLater(targets[1]!, 10);
  turns.end();
  assertEquals(flushed, ["1"]);
});

test("FlushSet lets a wide fan-out wait for more, as long as its flushing took, but no others", () => {
  const { turns, flushed, set, targets } = afterOneDrain(3, 8);
  turns.isMore = true;
  for (const target of targets) set.addLater(target, 10);
  turns.end();
  turns.nowMs += 7;
  turns.comeBack();
  assertEquals(flushed, []);
  // A message for few is not held back by that, and takes with it what waits.
  set.add(targets[1]!);
  turns.end();
  assertEquals(flushed, ["1"]);
  turns.nowMs += 1;
  turns.comeBack();
  assertEquals(flushed, ["1", "0", "2"]);
  while (turns.yielded.length > 0) turns.comeBack();
  assertEquals([flushed.length, turns.deferred.length], [3, 0]);
});

test("FlushSet ends the waiting when too much is held, and after a tenth of a second", () => {
  const heavy = afterOneDrain(1, 50);
  heavy.turns.isMore = true;
  heavy.set.addLater(heavy.targets[0]!, 10);
  heavy.turns.end();
  heavy.set.addLater(heavy.targets[0]!, 40_000_000);
  heavy.turns.comeBack();
  assertEquals(heavy.flushed, ["0"]);

  const slow = afterOneDrain(1, 5000);
  slow.turns.isMore = true;
  slow.set.addLater(slow.targets[0]!, 10);
  slow.turns.end();
  slow.turns.nowMs += 99;
  slow.turns.comeBack();
  assertEquals(slow.flushed, []);
  slow.turns.nowMs += 1;
  slow.turns.comeBack();
  assertEquals(slow.flushed, ["0"]);
});

test("FlushSet drains a wide fan-out in slices, and begins anew with what comes meanwhile", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  const targets = Array.from({ length: 1001 }, (_, index) => new Target(String(index), flushed));
  for (const target of targets) set.addLater(target, 10);
  turns.end();
  assertEquals([flushed.length, turns.yielded.length], [500, 1]);
  set.addLater(targets[0]!, 10);
  set.addLater(targets[700]!, 10);
  turns.comeBack();
  turns.comeBack();
  assertEquals(flushed, targets.map(({ name }) => name));
  turns.comeBack();
  assertEquals(flushed.slice(1001), ["0"]);
  while (turns.yielded.length > 0) turns.comeBack();
  assertEquals([turns.yielded.length, turns.deferred.length], [0, 0]);
  set.addLater(targets[5]!, 10);
  turns.end();
  assertEquals(flushed.at(-1), "5");
});

test("FlushSet goes on with a wide fan-out after a target that throws", () => {
  const { turns, flushed, set, targets } = afterOneDrain(3, 1);
  targets[1]!.onFlush = () => {
    throw new Error("broken");
  };
  for (const target of targets) set.addLater(target, 10);
  assertThrows(() => turns.end(), Error, "broken");
  while (turns.yielded.length > 0) turns.comeBack();
  assertEquals(flushed, ["0", "1", "2"]);
});

test("FlushSet observes once for each turn how long the first chunk waited, and nothing without a chunk", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  turns.nowMs = 100;
  set.beginChunk(100);
  set.add(new Target("a", flushed));
  set.endChunk();
  set.beginChunk(105);
  set.add(new Target("b", flushed));
  set.endChunk();
  turns.nowMs = 120;
  turns.end();
  // A timer's.
  set.add(new Target("c", flushed));
  turns.nowMs = 5000;
  turns.end();
  // A chunk that nothing follows from.
  set.beginChunk(5000);
  set.endChunk();
  turns.end();
  const { count, sum } = turns.deliverySeconds;
  assertEquals([flushed.join(""), count, sum], ["bac", 1, 0.02]);
});

test("FlushSet observes a wide fan-out when the last of its receivers has been flushed", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns);
  turns.nowMs = 100;
  set.beginChunk(100);
  set.addLater(new Target("a", flushed), 10);
  set.addLater(new Target("b", flushed), 10);
  set.endChunk();
  turns.end();
  assertEquals([flushed.join(""), turns.deliverySeconds.count], ["ab", 0]);
  turns.nowMs = 150;
  turns.comeBack();
  assertEquals([turns.deliverySeconds.count, turns.deliverySeconds.sum], [1, 0.05]);
});
