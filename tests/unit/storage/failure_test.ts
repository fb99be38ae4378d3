import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import type { Store, StoreFailure } from "../../../src/ports/mod.ts";
import {
  DATABASE_NAME,
  NO_EVENTS,
  openForWriting,
  type WriterRequest,
} from "../../../src/storage/mod.ts";
import { DiskFaults, openFailingStore } from "../../support/failing_store.ts";
import { InlineWriter } from "../../support/inline_writer.ts";
import { seededPrng } from "../../support/seed.ts";
import {
  deliveryOf,
  messageOf,
  openInline,
  sessionRecord,
  TestTimers,
  withFolder,
} from "../../support/storage_rig.ts";
import { copyAsKilled, type Remembered, rememberedBy, StoreModel } from "./store_model.ts";

const NOTHING: Remembered = { sessions: {}, retained: {}, delayed: [] };
const BATCHES = 3;
const STEPS_PER_BATCH = 20;

async function rememberedIn(folder: string): Promise<Remembered> {
  const { store, damage } = await openInline(folder, new TestTimers());
  assertEquals(damage, undefined);
  const remembered = rememberedBy(store, 100);
  await store.close();
  return remembered;
}

/** Lets the writer's answers come. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

/** Some batches, the same for the same seed. `byTicket`: what each ticket promises. */
async function runBatches(
  run: { store: Store; timers: TestTimers; seed: number; byTicket: Map<number, Remembered> },
  afterBatch: () => Promise<void>,
): Promise<void> {
  const { store, timers, seed, byTicket } = run;
  const model = new StoreModel(new Prng(seed), store);
  byTicket.set(0, NOTHING);
  for (let batch = 0; batch < BATCHES; batch++) {
    for (let step = 0; step < STEPS_PER_BATCH; step++) model.step();
    byTicket.set(store.ticket(), model.remembered());
    timers.pass(2);
    await settle();
    await afterBatch();
  }
}

interface Outcome {
  /** Calls to the database until the disk was well again. */
  readonly calls: number;
  /** A commit failed; not so where it was housekeeping that did. */
  readonly hasFailed: boolean;
}

/** Runs the batches with faults and looks what a kill after each would leave; then the disk is well again. */
async function failAt(n: number, how: "once" | "from then on", seed: number): Promise<Outcome> {
  const faults = new DiskFaults();
  let hasFailed = false;
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openFailingStore(folder, { timers, faults, durability: "os" });
    store.load();
    const failures: (StoreFailure | undefined)[] = [];
    store.events = { ...NO_EVENTS, onStateChange: (failure) => void failures.push(failure) };
    const byTicket = new Map<number, Remembered>();
    faults.arm(n, how);
    await runBatches({ store, timers, seed, byTicket }, async () => {
      if (n % 5 !== 0) return;
      await withFolder(async (killed) => {
        copyAsKilled(folder, killed);
        assertEquals(await rememberedIn(killed), byTicket.get(store.committedTicket));
      });
    });
    faults.heal();
    timers.pass(10_000);
    await settle();
    await store.flush();
    assertEquals(store.failure, undefined);
    assertEquals(failures.length % 2, 0, "each failure has its end");
    hasFailed = failures[0]?.error === faults.error;
    await store.close();
    assertEquals(await rememberedIn(folder), [...byTicket.values()].at(-1));
  });
  return { calls: faults.calls, hasFailed };
}

for (const how of ["once", "from then on"] as const) {
  test(`a disk that fails at the n-th call, ${how}, for every n: nothing is lost`, async () => {
    const prng = seededPrng(`a disk that fails at the n-th call, ${how}`);
    let seed = 0;
    let calls = 0;
    // Some sequences remove nearly all that they bring.
    while (calls < 60 || calls > 100) {
      ({ calls } = await failAt(Infinity, how, seed = prng.nextUint32()));
    }
    let failed = 0;
    for (let n = 1; n <= calls; n++) if ((await failAt(n, how, seed)).hasFailed) failed++;
    assert(failed > calls / 2, `only ${failed} of ${calls} faults were noticed`);
  });
}

/** A store that is full from its first commit on. */
async function withFullDisk(
  use: (store: Store, timers: TestTimers, faults: DiskFaults) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const faults = new DiskFaults();
    const timers = new TestTimers();
    const { store } = await openFailingStore(folder, { timers, faults, durability: "os" });
    store.load();
    faults.arm(1, "from then on");
    await use(store, timers, faults);
  });
}

test("while the disk is full nothing counts as committed, and all can be read", () =>
  withFullDisk(async (store, timers, faults) => {
    const key = store.createSession(sessionRecord("c"));
    store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    const ticket = store.ticket();
    timers.pass(2);
    await settle();
    assertEquals(store.failure, {
      sinceMs: timers.nowMs(),
      error: "database or disk is full",
      isDamaged: false,
    });
    store.pushQueued(key, deliveryOf(messageOf("t", "2")));
    for (let i = 0; i < 100; i++) {
      timers.pass(1000);
      await settle();
    }
    assert(store.counters.failures > 5, "it tries again");
    assert(store.counters.failures < 50, "and less often with time");
    assertEquals([ticket, store.committedTicket], [1, 0]);
    assertEquals(store.waitingChanges, 3);
    assertEquals(store.readQueued(key, 0, 10, Infinity).map(({ seq }) => seq), [1, 2]);
    faults.heal();
    await store.flush();
    assertEquals(store.committedTicket, 2);
    await store.close();
  }));

test("flush() and close() reject while the disk is full", () =>
  withFullDisk(async (store, timers) => {
    store.createSession(sessionRecord("c"));
    await assertRejects(() => store.flush(), Error, "database or disk is full");
    timers.pass(10);
    await assertRejects(() => store.close(), Error, "database or disk is full");
  }));

test("housekeeping that fails is told, and costs no commit", () =>
  withFolder(async (folder) => {
    const faults = new DiskFaults("disk I/O error");
    const timers = new TestTimers();
    const { store } = await openFailingStore(folder, { timers, faults, durability: "os" });
    store.load();
    const problems: string[] = [];
    store.events = { ...NO_EVENTS, onProblem: (problem) => void problems.push(problem) };
    store.createSession(sessionRecord("c"));
    await store.flush();
    faults.arm(1, "from then on");
    timers.pass(1000);
    await settle();
    assertEquals(problems, ["disk I/O error"]);
    assertEquals([store.failure, store.committedTicket], [undefined, 1]);
    faults.heal();
    await store.close();
  }));

/** A writer that goes away when it is told to. */
class MortalWriter extends InlineWriter {
  isAlive = true;

  constructor() {
    super(queueMicrotask);
  }

  override send(request: WriterRequest): void {
    if (this.isAlive) super.send(request);
  }

  /** As if a draft of another database were begun, which would go with it: so nothing takes its place. */
  beginDraft(): void {
    this.onReply({ kind: "drafted", reason: "damaged" });
  }

  die(): void {
    this.isAlive = false;
    this.onReply({ kind: "gone", error: "out of memory" });
  }
}

for (const when of ["between commits", "in the midst of one"] as const) {
  test(`a writer that goes away ${when} and has no successor is a failure for good, and nobody waits for ever`, () =>
    withFolder(async (folder) => {
      const timers = new TestTimers();
      const writer = new MortalWriter();
      const { store } = await openInline(folder, timers, { createWriter: () => writer });
      store.load();
      const key = store.createSession(sessionRecord("c"));
      const ticket = store.ticket();
      writer.beginDraft();
      let flushed: Promise<void> | undefined;
      if (when === "in the midst of one") {
        writer.isAlive = false;
        flushed = store.flush();
      }
      writer.die();
      assertEquals(store.failure?.error, "out of memory");
      if (flushed !== undefined) await assertRejects(() => flushed, Error, "out of memory");
      store.pushQueued(key, deliveryOf(messageOf("t", "1")));
      timers.pass(100_000);
      await assertRejects(() => store.flush(), Error, "out of memory");
      assert(ticket > store.committedTicket);
      assertEquals(store.readQueued(key, 0, 10, Infinity).length, 1);
      await assertRejects(() => store.close(), Error, "out of memory");
    }));
}

test("a database that SQLite itself calls full goes on when it has room", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    let database: DatabaseSync | undefined;
    const openDatabase: typeof openForWriting = (path, durability) => {
      database = openForWriting(path, durability);
      database.exec("PRAGMA max_page_count = 60");
      return database;
    };
    const { store } = await openInline(folder, timers, {
      createWriter: () => new InlineWriter(queueMicrotask, openDatabase),
    });
    store.load();
    const key = store.createSession(sessionRecord("c"));
    let pushed = 0;
    while (store.failure === undefined) {
      for (let i = 0; i < 10; i++, pushed++) {
        store.pushQueued(key, deliveryOf(messageOf("t", "x".repeat(1000))));
      }
      store.ticket();
      timers.pass(2);
      await settle();
    }
    assert(/full/.test(store.failure.error), store.failure.error);
    assertEquals(store.readQueued(key, 0, 1000, Infinity).length, pushed);
    database?.exec("PRAGMA max_page_count = 6000");
    timers.pass(10_000);
    await settle();
    await store.flush();
    assertEquals(store.failure, undefined);
    await store.close();
    const { store: again } = await openInline(folder, timers);
    assertEquals(again.load().sessions[0]?.queue.count, pushed);
    await again.close();
  }));

test("a database whose damage a commit finds says so, refuses, and is set right by a restart", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    const path = join(folder, DATABASE_NAME);
    const filled = await openInline(folder, timers);
    filled.store.load();
    const key = filled.store.createSession(sessionRecord("c"));
    for (let i = 0; i < 5000; i++) {
      filled.store.pushQueued(key, deliveryOf(messageOf("t", `${i}`.padEnd(100))));
    }
    await filled.store.flush();
    await filled.store.close();
    const { store } = await openInline(folder, timers);
    store.load();
    const bytes = readFileSync(path);
    // Every page but the first ones, so that the writer cannot but meet it.
    bytes.fill(0xa5, 20 * 4096);
    writeFileSync(path, bytes);
    for (let seq = 1; seq <= 5000; seq++) store.removeQueued(key, seq);
    await assertRejects(() => store.flush(), Error);
    assertEquals(store.failure?.isDamaged, true, store.failure?.error);
    await assertRejects(() => store.close(), Error);
    const again = await openInline(folder, timers);
    assertEquals(again.damage?.kept.sessions, 1);
    await again.store.close();
  }));
