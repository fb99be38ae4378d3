import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { JsonValue, RecordStore } from "../../../src/ports/mod.ts";
import {
  copyDatabase,
  DATABASE_NAME,
  DataFolderError,
  MemoryStore,
  openRecords,
} from "../../../src/storage/mod.ts";
import { InflightState } from "../../../src/session/mod.ts";
import { DiskFaults, openFailingStore } from "../../support/failing_store.ts";
import { InlineWriter } from "../../support/inline_writer.ts";
import { fillVersion, OLD_VERSIONS } from "../../support/old_versions.ts";
import { seededPrng } from "../../support/seed.ts";
import {
  openInline,
  openThreaded,
  REAL_TIMERS,
  sessionRecord,
  TestTimers,
  withFolder,
} from "../../support/storage_rig.ts";
import { reasonOf, recordContract } from "./record_contract.ts";

recordContract("MemoryStore.records", async (use) => {
  const store = new MemoryStore();
  await use(store.records);
  await store.close();
});

recordContract("SqliteStore.records, inline", (use) =>
  withFolder(async (folder) => {
    const { store } = await openInline(folder, REAL_TIMERS);
    await use(store.records);
    await store.close();
  }));

for (const durability of ["fsync", "off"] as const) {
  recordContract(
    `SqliteStore.records, thread, ${durability}`,
    (use) =>
      withFolder(async (folder) => {
        const { store } = await openThreaded(folder, durability);
        await use(store.records);
        await store.close();
      }),
  );
}

recordContract("openRecords()", (use) =>
  withFolder(async (folder) => {
    const { records, close } = openRecords(folder, 0);
    await use(records);
    close();
  }));

/** What is on disk in a folder that nobody uses. */
function storedIn(folder: string, kind: string): [string, JsonValue][] {
  const { records, close, damage } = openRecords(folder, 0);
  assertEquals(damage, undefined);
  const stored = [...records.list(kind)];
  close();
  return stored;
}

/** A store with a disk that fails when the test says so; `use` may leave it open. */
async function withFaults(
  use: (records: RecordStore, faults: DiskFaults, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const faults = new DiskFaults();
    const { store } = await openFailingStore(folder, { timers: new TestTimers(), faults });
    await use(store.records, faults, folder);
    faults.heal();
    await store.close();
  });
}

test("records are there after a restart, in the order of their insertion", () =>
  withFolder(async (folder) => {
    const { store } = await openInline(folder, new TestTimers());
    const { records } = store;
    for (const key of ["c", "a", "b"]) await records.put("user", key, { name: key });
    await records.put("user", "c", { name: "new" });
    await records.put("user", "d", 1);
    await records.remove("user", "d");
    void records.put("user", "last", "as the store closes");
    await store.close();
    const expected: [string, JsonValue][] = [
      ["c", { name: "new" }],
      ["a", { name: "a" }],
      ["b", { name: "b" }],
      ["last", "as the store closes"],
    ];
    const { store: again } = await openInline(folder, new TestTimers());
    assertEquals([...again.records.list("user")], expected);
    await again.close();
  }));

test("a put has resolved only when another reader of the file finds it", () =>
  withFolder(async (folder) => {
    const { store } = await openThreaded(folder, "fsync");
    for (let i = 0; i < 20; i++) {
      await store.records.put("user", `u${i}`, i);
      const reader = new DatabaseSync(join(folder, DATABASE_NAME), { readOnly: true });
      const row = reader.prepare("SELECT count(*) AS n FROM record").get() as { n: number };
      reader.close();
      assertEquals(row.n, i + 1);
    }
    await store.close();
  }));

test("changes of one turn share a commit", () =>
  withFolder(async (folder) => {
    const { store } = await openInline(folder, new TestTimers());
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.records.put("user", `u${i}`, i)));
    assertEquals([store.counters.commits, store.counters.rows], [1, 50]);
    await store.close();
  }));

test("a change that the disk refuses is undone, in its old place, and is not on disk later", () =>
  withFaults(async (records, faults, folder) => {
    for (const key of ["a", "b", "c"]) await records.put("user", key, 1);
    faults.arm(1, "from then on");
    const changes = [
      records.put("user", "a", 2),
      records.remove("user", "b"),
      records.put("user", "new", 1),
      records.remove("user", "a"),
      records.put("user", "a", 3),
    ];
    assertEquals([...records.list("user")], [["c", 1], ["new", 1], ["a", 3]]);
    for (const change of changes) assertEquals(await reasonOf(change), "unavailable");
    const before: [string, JsonValue][] = [["a", 1], ["b", 1], ["c", 1]];
    assertEquals([...records.list("user")], before);
    faults.heal();
    await records.put("app", "other", 1);
    const { store } = await openCopy(folder);
    assertEquals([...store.records.list("user")], before);
    await store.close();
  }));

/** What a kill would leave, opened. */
async function openCopy(folder: string): ReturnType<typeof openInline> {
  const copy = join(folder, "killed");
  const { mkdirSync, copyFileSync } = await import("node:fs");
  mkdirSync(copy);
  for (const side of ["", "-wal"]) {
    copyFileSync(join(folder, DATABASE_NAME + side), join(copy, DATABASE_NAME + side));
  }
  return openInline(copy, new TestTimers());
}

test("a change that waits behind one that fails is tried by itself", () =>
  withFaults(async (records, faults) => {
    await records.put("user", "a", 1);
    faults.arm(1, "once");
    const first = records.put("user", "a", 2);
    const gone = records.remove("user", "a");
    // The group is on its way.
    await Promise.resolve();
    const second = records.put("user", "a", 3);
    const other = records.put("user", "b", 1);
    const again = records.remove("user", "b");
    assertEquals(await reasonOf(first), "unavailable");
    assertEquals(await reasonOf(gone), "unavailable");
    await second;
    await other;
    assertEquals(await again, true);
    assertEquals([...records.list("user")], [["a", 3]]);
  }));

test("two failures behind each other undo to what is on disk", () =>
  withFaults(async (records, faults) => {
    await records.put("user", "a", 1);
    faults.arm(1, "from then on");
    const first = records.put("user", "a", 2);
    await Promise.resolve();
    const second = records.put("user", "a", 3);
    await Promise.allSettled([first, second]);
    assertEquals(records.get("user", "a"), 1);
  }));

test("a disk that fails at the n-th call, for every n: each change is there or was refused", async () => {
  const prng = seededPrng("records, a disk that fails at the n-th call");
  for (const how of ["once", "from then on"] as const) {
    for (let n = 1; n <= 30; n++) {
      await withFolder(async (folder) => {
        const faults = new DiskFaults();
        const timers = new TestTimers();
        const { store } = await openFailingStore(folder, { timers, faults });
        const { records } = store;
        const expected = new Map<string, JsonValue>();
        faults.arm(n, how);
        for (let step = 0; step < 15; step++) {
          const key = prng.pick(["a", "b", "c"]);
          // Batches of messages share the connection with them.
          if (step % 4 === 0) {
            store.createSession(sessionRecord(`c${step}`));
            store.ticket();
            timers.pass(2);
          }
          const isPut = prng.nextBoolean(0.7);
          const work = isPut ? records.put("user", key, step) : records.remove("user", key);
          const error = await work.then(() => undefined, (thrown: unknown) => thrown);
          if (error !== undefined) continue;
          if (isPut) expected.set(key, step);
          else expected.delete(key);
        }
        assertEquals([...records.list("user")], [...expected]);
        faults.heal();
        timers.pass(10_000);
        await store.flush();
        await store.close();
        assertEquals(storedIn(folder, "user"), [...expected]);
      });
    }
  }
});

test("while the store's batches fail, changes of records say so, and succeed when it is well again", () =>
  withFaults(async (records, faults) => {
    faults.arm(1, "from then on");
    const error = await assertRejects(() => records.put("ban", "x", 1), Error);
    assertEquals(error.message, 'Cannot keep ban "x": database or disk is full');
    faults.heal();
    await records.put("ban", "x", 1);
  }));

test("a writer that goes away and has no successor refuses what waits and all that comes", () =>
  withFolder(async (folder) => {
    const writer = new InlineWriter(queueMicrotask);
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers, { createWriter: () => writer });
    const { send } = writer;
    writer.send = () => {};
    // What would be lost with it cannot be begun anew.
    writer.onReply({ kind: "drafted", reason: "damaged" });
    const first = store.records.put("user", "a", 1);
    await Promise.resolve();
    const second = store.records.put("user", "b", 1);
    writer.onReply({ kind: "gone", error: "out of memory" });
    assertEquals([await reasonOf(first), await reasonOf(second)], ["unavailable", "unavailable"]);
    assertEquals(await reasonOf(store.records.put("user", "c", 1)), "unavailable");
    assertEquals(store.records.list("user").size, 0);
    writer.send = send;
    await store.close();
  }));

test("reload() finds what another process wrote, and leaves what is under way", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers);
    const { records } = store;
    for (const key of ["a", "b", "c"]) await records.put("user", key, 1);
    await records.put("client", "x", 1);
    const other = openRecords(folder, 0);
    assert(other.isInUse);
    assertEquals([...other.records.list("user").keys()], ["a", "b", "c"]);
    await other.records.put("user", "a", 2);
    await other.records.remove("user", "b");
    await other.records.put("user", "d", 4);
    await other.records.put("client", "x", 2);
    assertEquals(records.get("user", "a"), 1);
    const ours = Promise.all([records.put("user", "c", 9), records.put("user", "f", 6)]);
    assertEquals(await records.reload(["user", "scram"]), 3);
    assertEquals([...records.list("user")], [["a", 2], ["c", 9], ["f", 6], ["d", 4]]);
    assertEquals(records.get("client", "x"), 1);
    await ours;
    assertEquals(await records.reload(["user", "client"]), 1);
    await records.put("user", "e", 5);
    assertEquals(await other.records.reload(["user", "client"]), 3);
    assertEquals([...other.records.list("user").keys()], ["a", "c", "d", "f", "e"]);
    other.close();
    await store.close();
  }));

test("reload() of many records goes in pieces, and what changes meanwhile is kept", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers);
    const { records } = store;
    const other = openRecords(folder, 0);
    await Promise.all(
      Array.from({ length: 1200 }, (_, i) => other.records.put("user", `u${i}`, i)),
    );
    const reloaded = records.reload(["user"]);
    await Promise.resolve();
    const put = records.put("user", "u0", "ours");
    const added = records.put("user", "new", 1);
    for (let turn = 0; turn < 20; turn++) {
      timers.pass(0);
      await Promise.resolve();
    }
    await Promise.all([put, added]);
    assertEquals(await reloaded, 1199);
    assertEquals([records.get("user", "u0"), records.get("user", "u1199")], ["ours", 1199]);
    assertEquals(records.list("user").size, 1201);
    other.close();
    await store.close();
  }));

test("openRecords() makes the folder, says what was damaged, and refuses what is no folder", async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "new", "data");
    const { records, close, isInUse } = openRecords(dataDir, 0);
    assertEquals(isInUse, false);
    await records.put("user", "a", 1);
    close();
    assertEquals(storedIn(dataDir, "user"), [["a", 1]]);
    writeFileSync(join(dataDir, DATABASE_NAME), "no database");
    const damaged = openRecords(dataDir, 0);
    assert(damaged.damage !== undefined);
    damaged.close();
    writeFileSync(join(folder, "file"), "");
    await assertRejects(
      () => Promise.resolve().then(() => openRecords(join(folder, "file"), 0)),
      DataFolderError,
      "not a directory",
    );
  });
});

for (const version of OLD_VERSIONS) {
  test(`a database of version ${version} is taken over with what is in flight, and takes records`, () =>
    withFolder(async (folder) => {
      await fillVersion(folder, version);
      for (let round = 0; round < 2; round++) {
        const { store, damage } = await openInline(folder, new TestTimers());
        assertEquals(damage, undefined);
        const { sessions, retained } = store.load();
        assertEquals([sessions[0]?.queue.count, retained.length], [2000, 1]);
        const inflight = sessions[0]!.inflight.map((
          { seq, packetId, state },
        ) => [seq, packetId, state]);
        assertEquals(inflight, [[1, 77, InflightState.awaitsPubrec]]);
        assertEquals(store.records.list("user").size, round);
        await store.records.put("user", "a", 1);
        await store.close();
      }
    }));
}

const DAMAGES: ReadonlyArray<[what: string, harm: (bytes: Uint8Array) => void]> = [
  ["its first page zeroed", (bytes) => bytes.fill(0, 0, 4096)],
  ["its table of tables damaged", (bytes) => bytes.fill(0xff, 100, 1000)],
  ["a page in its midst damaged", (bytes) => bytes.fill(0xa5, 20 * 4096, 21 * 4096)],
];

for (const version of OLD_VERSIONS) {
  for (const [what, harm] of DAMAGES) {
    test(`a damaged database of version ${version} is carried over: ${what}`, () =>
      withFolder(async (folder) => {
        await fillVersion(folder, version);
        const path = join(folder, DATABASE_NAME);
        const bytes = readFileSync(path);
        harm(bytes);
        writeFileSync(path, bytes);
        const { store, damage } = await openInline(folder, new TestTimers());
        assert(damage !== undefined);
        assertEquals([damage!.kept.sessions, damage!.kept.retained], [1, 1]);
        assert(damage!.kept.queued > 1500, `${damage!.kept.queued} messages are left`);
        assertEquals(damage!.kept.records, 0);
        // Where the version can be read, nothing is taken for what it cannot have.
        if (bytes[0] !== 0) assertEquals(damage!.lost.records, 0);
        await store.records.put("user", "a", 1);
        await store.close();
      }));
  }
}

async function fillRecords(folder: string, count: number): Promise<[string, JsonValue][]> {
  const { store } = await openInline(folder, new TestTimers());
  const puts: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    puts.push(store.records.put("user", `u${i}`, { text: "x".repeat(100), i }));
  }
  await Promise.all(puts);
  await store.close();
  return [...store.records.list("user")];
}

test("records of a damaged database are carried over, in their order, and counted", () =>
  withFolder(async (folder) => {
    const all = await fillRecords(folder, 2000);
    const path = join(folder, DATABASE_NAME);
    const bytes = readFileSync(path);
    const start = Math.floor(bytes.length / 3 / 4096) * 4096;
    bytes.fill(0xa5, start, start + 2 * 4096);
    writeFileSync(path, bytes);
    const { store, damage } = await openInline(folder, new TestTimers());
    assert(damage !== undefined);
    const left = [...store.records.list("user")];
    const names = new Set(left.map(([key]) => key));
    assertEquals(left, all.filter(([key]) => names.has(key)));
    assertEquals(damage!.kept.records, left.length);
    assert(left.length > 1800, `${left.length} are left`);
    await store.close();
  }));

test("flipped bits never make a record another one", async () => {
  const prng = seededPrng("flipped bits never make a record another one");
  let noticed = 0;
  for (let round = 0; round < 12; round++) {
    await withFolder(async (folder) => {
      const all = new Map(await fillRecords(folder, 200));
      const path = join(folder, DATABASE_NAME);
      const bytes = readFileSync(path);
      for (let i = 0; i < 20; i++) {
        const at = prng.nextInt(bytes.length);
        bytes[at] = bytes[at]! ^ 1 << prng.nextInt(8);
      }
      writeFileSync(path, bytes);
      if (round % 3 === 0) truncateSync(path, Math.floor(bytes.length * 0.8));
      const { store, damage } = await openInline(folder, new TestTimers());
      for (const [key, value] of store.records.list("user")) assertEquals(value, all.get(key));
      if (damage !== undefined) noticed++;
      await store.close();
    });
  }
  assert(noticed > 6, `only ${noticed} of 12 were noticed`);
});

test("a backup has the records", () =>
  withFolder(async (folder) => {
    const all = await fillRecords(folder, 10);
    await withFolder((other) => {
      copyDatabase(join(folder, DATABASE_NAME), join(other, DATABASE_NAME));
      assertEquals(storedIn(other, "user"), all);
    });
  }));
