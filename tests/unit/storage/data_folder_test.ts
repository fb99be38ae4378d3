import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DATABASE_NAME, DataFolderError } from "../../../src/storage/mod.ts";
import { openInline, openThreaded, TestTimers, withFolder } from "../../support/storage_rig.ts";

test("openSqliteStore() makes the folder for its owner alone, and the database in it", () =>
  withFolder(async (folder) => {
    const dataDir = join(folder, "a", "b");
    const { store } = await openInline(dataDir, new TestTimers());
    assertEquals(statSync(dataDir).mode & 0o777, 0o700);
    for (const name of [DATABASE_NAME, `${DATABASE_NAME}-wal`, "broker.lock"]) {
      assertEquals([name, statSync(join(dataDir, name)).mode & 0o777], [name, 0o600]);
    }
    await store.close();
  }));

test("two brokers cannot use one folder; the second can when the first has ended", () =>
  withFolder(async (folder) => {
    const { store } = await openThreaded(folder, "os");
    const error = await assertRejects(() => openThreaded(folder, "os"), DataFolderError);
    assertEquals(
      error.message,
      `Cannot use node.data_dir "${folder}": another broker is using it`,
    );
    await store.close();
    const { store: second } = await openThreaded(folder, "os");
    await second.close();
  }));

test("a lock file with something in it locks all the same", () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, "broker.lock"), "not empty");
    const { store } = await openInline(folder, new TestTimers());
    await assertRejects(() => openInline(folder, new TestTimers()), DataFolderError);
    await store.close();
  }));

const UNUSABLE: ReadonlyArray<[what: string, make: (folder: string) => string, reason: RegExp]> = [
  ["a file", (folder) => {
    writeFileSync(join(folder, "file"), "");
    return join(folder, "file");
  }, /it is not a directory/],
  ["a path below a file", (folder) => {
    writeFileSync(join(folder, "file"), "");
    return join(folder, "file", "data");
  }, /not a directory/],
  ["a folder that may not be written to", (folder) => {
    mkdirSync(join(folder, "data"));
    chmodSync(join(folder, "data"), 0o500);
    return join(folder, "data");
  }, /no permission/],
];

for (const [what, make, reason] of UNUSABLE) {
  test(`openSqliteStore() says why it cannot use ${what}`, () =>
    withFolder(async (folder) => {
      // Nothing is forbidden to root.
      if (what.includes("written") && process.getuid?.() === 0) return;
      const dataDir = make(folder);
      const error = await assertRejects(
        () => openInline(dataDir, new TestTimers()),
        DataFolderError,
      );
      assertEquals(error.message.startsWith(`Cannot use node.data_dir "${dataDir}": `), true);
      assertEquals(reason.test(error.message), true, error.message);
    }));
}

test("a start keeps room for the next one, which gives it up when it finds none", () =>
  withFolder(async (folder) => {
    const ballast = join(folder, "broker.ballast");
    const { store } = await openInline(folder, new TestTimers());
    await store.close();
    assertEquals(statSync(ballast).size, 512 * 1024);
    // As where there is no room for SQLite's own files.
    mkdirSync(join(folder, `${DATABASE_NAME}-wal`, "x"), { recursive: true });
    const error = await assertRejects(() => openInline(folder, new TestTimers()), DataFolderError);
    assert(/Cannot use node.data_dir/.test(error.message), error.message);
    assertEquals(existsSync(ballast), false);
    rmSync(join(folder, `${DATABASE_NAME}-wal`), { recursive: true });
    const { store: again, damage } = await openInline(folder, new TestTimers());
    assertEquals(damage, undefined);
    await again.close();
    assertEquals(statSync(ballast).size, 512 * 1024);
  }));
