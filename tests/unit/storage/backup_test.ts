import { test } from "node:test";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { copyDatabase, DATABASE_NAME } from "../../../src/storage/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import {
  deliveryOf,
  messageOf,
  openInline,
  openThreaded,
  sessionRecord,
  TestTimers,
  withFolder,
} from "../../support/storage_rig.ts";
import { rememberedBy, StoreModel } from "./store_model.ts";

test("backup() holds all that was noted before, and can be restored", () =>
  withFolder(async (folder) => {
    const prng = seededPrng("backup() holds all that was noted before");
    const { store } = await openThreaded(join(folder, "data"), "fsync");
    store.load();
    const model = new StoreModel(prng, store);
    for (let step = 0; step < 300; step++) model.step();
    const expected = model.remembered();
    const file = join(folder, "copy.db");
    const backup = store.backup(file);
    // What happens meanwhile is not waited for; it may be in the copy only as a whole, which this is not.
    await backup;
    for (let step = 0; step < 100; step++) model.step();
    await store.close();
    assertEquals(statSync(file).mode & 0o777, 0o600);
    const { store: restored } = await restore(folder, file);
    assertEquals(rememberedBy(restored, 100), expected);
    await restored.close();
  }));

async function restore(
  folder: string,
  file: string,
): Promise<Awaited<ReturnType<typeof openInline>>> {
  const dataDir = join(folder, "restored");
  const { store } = await openInline(dataDir, new TestTimers());
  await store.close();
  renameSync(file, join(dataDir, DATABASE_NAME));
  return await openInline(dataDir, new TestTimers());
}

test("a backup is taken of one moment while the broker goes on", () =>
  withFolder(async (folder) => {
    const { store } = await openThreaded(join(folder, "data"), "os");
    store.load();
    const key = store.createSession(sessionRecord("c"));
    const push = (count: number): void => {
      for (let i = 0; i < count; i++) store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    };
    push(20_000);
    let isDone = false;
    const file = join(folder, "copy.db");
    const backup = store.backup(file).finally(() => isDone = true);
    let commits = 0;
    // Pairs, so that a moment between commits is seen as an even number.
    while (!isDone) {
      push(2);
      await store.flush();
      commits++;
    }
    await backup;
    await store.close();
    const { store: restored, damage } = await restore(folder, file);
    assertEquals(damage, undefined);
    const count = restored.load().sessions[0]?.queue.count ?? 0;
    assertEquals([commits > 0, count >= 20_000, count % 2], [true, true, 0]);
    await restored.close();
  }));

test("backup() never overwrites", () =>
  withFolder(async (folder) => {
    const { store } = await openThreaded(join(folder, "data"), "os");
    const file = join(folder, "copy.db");
    writeFileSync(file, "precious");
    await assertRejects(() => store.backup(file), Error, `Cannot back up to "${file}": it exists`);
    await assertRejects(() => store.backup(join(folder, "no", "copy.db")));
    await store.close();
  }));

test("copyDatabase() refuses to copy a part for the whole", () =>
  withFolder(async (folder) => {
    const { store } = await openInline(folder, new TestTimers());
    store.load();
    store.putRetained(messageOf("t", "1"));
    await store.close();
    const path = join(folder, DATABASE_NAME);
    const database = new DatabaseSync(path);
    database.exec("UPDATE retained SET body = zeroblob(20)");
    database.close();
    const file = join(folder, "copy.db");
    assertThrows(() => copyDatabase(path, file), Error, "1 rows cannot be read");
    assertEquals([existsSync(file), existsSync(`${file}.part`)], [false, false]);
    assertThrows(() => copyDatabase(join(folder, "none.db"), file), Error, "no such database");
  }));
