import { test } from "node:test";
import { assertEquals } from "@std/assert";
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
  readonly defer = (fn: () => void): void => void this.deferred.push(fn);

  end(): void {
    for (const fn of this.deferred.splice(0)) fn();
  }
}

test("FlushSet flushes each touched target once, at the end of the turn", () => {
  const [turns, flushed] = [new Turns(), [] as string[]];
  const set = new FlushSet(turns.defer);
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
  const set = new FlushSet(turns.defer);
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
  const set = new FlushSet(turns.defer);
  const a = new Target("a", flushed);
  for (let turn = 0; turn < 3; turn++) {
    set.add(a);
    turns.end();
  }
  assertEquals(flushed, ["a", "a", "a"]);
});
