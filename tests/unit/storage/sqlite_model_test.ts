import { join } from "node:path";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { DATABASE_NAME, openForWriting, type WriterRequest } from "../../../src/storage/mod.ts";
import { InlineWriter } from "../../support/inline_writer.ts";
import { seededPrng } from "../../support/seed.ts";
import { openInline, TestTimers, withFolder } from "../../support/storage_rig.ts";
import { copyAsKilled, type Remembered, rememberedIn, StoreModel } from "./store_model.ts";

const STEPS = 1500;
const TABLES = [
  "session",
  "subscription",
  "queued",
  "message",
  "inflight",
  "exchange",
  "received",
  "retained",
  "delayed",
];

/** Tells when a batch leaves for the disk. */
class WatchedWriter extends InlineWriter {
  readonly #onCommit: () => void;

  constructor(onCommit: () => void) {
    super(queueMicrotask);
    this.#onCommit = onCommit;
  }

  override send(request: WriterRequest): void {
    if (request.kind === "commit") this.#onCommit();
    super.send(request);
  }
}

test("a store remembers what was committed, killed or closed at any moment", async () => {
  const prng = seededPrng("a store remembers what was committed");
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    let sealed: Remembered = { sessions: {}, retained: {}, delayed: [] };
    const createWriter = (): WatchedWriter => new WatchedWriter(() => sealed = model.remembered());
    let { store } = await openInline(folder, timers, { createWriter });
    store.load();
    const model = new StoreModel(prng, store);
    for (let step = 0; step < STEPS; step++) {
      model.step();
      if (prng.nextBoolean(0.1)) {
        if (prng.nextBoolean()) store.ticket();
        timers.pass(prng.pick([0, 2, 100, 2000]));
        // Sometimes the answer comes before the next note, sometimes later.
        if (prng.nextBoolean(0.7)) await Promise.resolve();
      }
      if (prng.nextBoolean(0.02)) {
        const expected = sealed;
        await withFolder(async (killed) => {
          copyAsKilled(folder, killed);
          assertEquals(await rememberedIn(killed, prng), expected);
        });
      }
      if (prng.nextBoolean(0.01)) {
        await store.close();
        assertEquals(await rememberedIn(folder, prng), model.remembered());
        store = (await openInline(folder, timers, { createWriter })).store;
        model.moveTo(store);
      }
    }
    await store.close();
    assertEquals(await rememberedIn(folder, prng), model.remembered());
  });
});

test("nothing is left on disk when everything has been removed", async () => {
  const prng = seededPrng("nothing is left on disk when everything has been removed");
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers);
    store.load();
    const model = new StoreModel(prng, store);
    for (let step = 0; step < 600; step++) {
      model.step();
      if (prng.nextBoolean(0.1)) await store.flush();
    }
    model.removeAll();
    await store.flush();
    // Ended sessions are cleared away when there is time.
    for (let turn = 0; turn < 20; turn++) {
      timers.pass(1000);
      await Promise.resolve();
    }
    await store.close();
    const database = openForWriting(join(folder, DATABASE_NAME), "os");
    for (const table of TABLES) {
      const [row] = database.prepare(`SELECT count(*) AS rows FROM ${table}`).all();
      assertEquals({ table, ...row }, { table, rows: 0 });
    }
    database.close();
  });
});
