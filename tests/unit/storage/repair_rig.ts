/** What the tests of a database that is written anew share. */
import { readdirSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import type { Store, StoreFailure, StoreRepair } from "../../../src/ports/mod.ts";
import { NO_EVENTS } from "../../../src/storage/mod.ts";
import { openInline, TestTimers, withFolder } from "../../support/storage_rig.ts";
import { copyAsKilled, type Remembered, rememberedBy } from "./store_model.ts";

/** What a store says while it is used. */
export class Heard {
  readonly failures: (StoreFailure | undefined)[] = [];
  readonly repairs: StoreRepair[] = [];
  readonly problems: string[] = [];

  constructor(store: Store) {
    store.events = {
      ...NO_EVENTS,
      onStateChange: (failure) => void this.failures.push(failure),
      onRepaired: (repair) => void this.repairs.push(repair),
      onProblem: (problem) => void this.problems.push(problem),
    };
  }
}

/** Lets time pass, and the writer's answers come, until `isDone`. */
export async function wait(timers: TestTimers, isDone: () => boolean, stepMs = 100): Promise<void> {
  for (let step = 0; !isDone(); step++) {
    assert(step < 5000, "it comes to an end");
    timers.pass(stepMs);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

/** Long enough for housekeeping. */
export async function rest(timers: TestTimers): Promise<void> {
  const endMs = timers.nowMs() + 3000;
  await wait(timers, () => timers.nowMs() >= endMs);
}

export async function rememberedIn(folder: string): Promise<Remembered> {
  const { store, damage } = await openInline(folder, new TestTimers());
  assertEquals(damage, undefined);
  const remembered = rememberedBy(store, 100);
  assertEquals(store.unreadable, 0);
  await store.close();
  return remembered;
}

/** What a kill at this moment would leave. */
export async function rememberedAfterKill(folder: string): Promise<Remembered> {
  let remembered: Remembered | undefined;
  await withFolder(async (killed) => {
    copyAsKilled(folder, killed);
    remembered = await rememberedIn(killed);
  });
  return remembered as Remembered;
}

export function asideIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^broker-damaged.*\.db$/.test(name));
}
