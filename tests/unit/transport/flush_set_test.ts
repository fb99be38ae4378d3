import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { type Flushable, FlushSet } from "../../../src/transport/mod.ts";

class Target implements Flushable {
  isTouched = false;
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

test("FlushSet flushes each touched target once, at the end of the turn", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer, turns.yieldTurn);
  const [a, b] = [new Target("a", flushed), new Target("b", flushed)];
  for (const target of [a, b, a, a, b]) set.add(target);
  assertEquals(turns.deferred.length, 1, "asked for one call, not one each");
  assertEquals(flushed, []);
  turns.end();
  assertEquals(flushed, ["a", "b"]);
  turns.end();
  assertEquals(flushed, ["a", "b"]);
});

test("FlushSet flushes what is touched meanwhile in the next turn", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer, turns.yieldTurn);
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
  assertEquals(flushed, ["a", "a", "b"]);
  turns.end();
  assertEquals(flushed, ["a", "a", "b"]);
  assertEquals([a.isTouched, b.isTouched], [false, false]);
});

test("FlushSet takes a target again after it was flushed", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer, turns.yieldTurn);
  const a = new Target("a", flushed);
  for (let turn = 0; turn < 3; turn++) {
    set.add(a);
    turns.end();
  }
  assertEquals(flushed, ["a", "a", "a"]);
});

test("FlushSet lets others have their turn in the middle of many targets", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer, turns.yieldTurn);
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
  assertEquals(flushed, [...targets.map(({ name }) => name), "0"]);
  assertEquals([turns.yielded.length, turns.deferred.length], [0, 0]);
  assertEquals(targets.some(({ isTouched }) => isTouched), false);
});

test("FlushSet goes on after a target that throws", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer, turns.yieldTurn);
  const [a, b, c] = ["a", "b", "c"].map((name) => new Target(name, flushed));
  b!.onFlush = () => {
    throw new Error("broken");
  };
  for (const target of [a!, b!, c!]) set.add(target);
  assertThrows(() => turns.end(), Error, "broken");
  assertEquals(flushed, ["a", "b"]);
  set.add(a!);
  turns.comeBack();
  turns.end();
  assertEquals(flushed, ["a", "b", "c", "a"]);
  set.add(c!);
  turns.end();
  assertEquals(flushed.at(-1), "c");
});
