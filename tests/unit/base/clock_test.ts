import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { SystemClock } from "../../../src/base/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

test("SystemClock.monotonicMs() never goes back", () => {
  const clock = new SystemClock();
  let last = clock.monotonicMs();
  for (let i = 0; i < 10_000; i++) {
    const now = clock.monotonicMs();
    assert(now >= last, `${now} after ${last}`);
    last = now;
  }
});

test("SystemClock.nowMs() lies between two readings of the system's time", () => {
  const clock = new SystemClock();
  const before = Date.now();
  const now = clock.nowMs();
  assert(before <= now && now <= Date.now());
});

test("ManualClock moves when it is told to, and the wall clock can be set alone", () => {
  const clock = new ManualClock({ nowMs: 1000, monotonicMs: 5 });
  clock.advance(20);
  assertEquals([clock.nowMs(), clock.monotonicMs()], [1020, 25]);
  clock.setWallClock(7);
  assertEquals([clock.nowMs(), clock.monotonicMs()], [7, 25]);
});
