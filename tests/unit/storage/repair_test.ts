import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import type { LiveSession, Store } from "../../../src/ports/mod.ts";
import { DATABASE_NAME, type WriterRequest } from "../../../src/storage/mod.ts";
import { clockPasses } from "../../support/deadline.ts";
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
import { asideIn, Heard, rememberedAfterKill, rememberedIn, rest, wait } from "./repair_rig.ts";
import { StoreModel } from "./store_model.ts";

/** As what goes wrong with a disk writes: in place, behind everybody's back. */
function overwrite(path: string, from: number, to: number): void {
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(to - from).fill(0xa5), 0, to - from, from);
  closeSync(file);
}

interface Damage {
  readonly what: string;
  /** What can be read is read: messages that are only in the file are kept. */
  readonly keepsFile: boolean;
  readonly reason: RegExp;
  /** There must be something in the log. */
  readonly isOfLog?: boolean;
  do(path: string): void;
}

const UNREADABLE = /malformed|not a database|another program|in database main/;

const DAMAGES: readonly Damage[] = [
  {
    what: "the file is removed",
    keepsFile: true,
    reason: /file of the database is gone/,
    do: (path) => rmSync(path),
  },
  {
    what: "file and log are removed",
    keepsFile: true,
    reason: /file of the database is gone/,
    do: (path) => ["", "-wal", "-shm"].forEach((side) => rmSync(path + side)),
  },
  {
    what: "the log is removed",
    keepsFile: true,
    reason: /log of the database was removed/,
    do: (path) => rmSync(`${path}-wal`),
  },
  {
    what: "another file has its name",
    keepsFile: true,
    reason: /file of the database was replaced/,
    do: (path) => {
      renameSync(path, `${path}.old`);
      writeFileSync(path, "no database");
    },
  },
  {
    what: "all of it is overwritten",
    keepsFile: false,
    reason: UNREADABLE,
    do: (path) => overwrite(path, 0, statSync(path).size),
  },
  {
    what: "its log is overwritten",
    keepsFile: false,
    isOfLog: true,
    reason: /log of the database was overwritten/,
    do: (path) => overwrite(`${path}-wal`, 0, statSync(`${path}-wal`).size),
  },
  {
    what: "a part of its log is overwritten",
    keepsFile: false,
    isOfLog: true,
    reason: /log of the database was overwritten/,
    do: (path) => overwrite(`${path}-wal`, 4100, 4400),
  },
  {
    what: "file and log are overwritten",
    keepsFile: false,
    reason: UNREADABLE,
    do: (path) => {
      overwrite(path, 0, statSync(path).size);
      overwrite(`${path}-wal`, 0, statSync(`${path}-wal`).size);
    },
  },
];

for (const damage of DAMAGES) {
  test(`while a store runs ${damage.what}: it is written anew, and nothing is lost`, async () => {
    const prng = seededPrng(`while a store runs ${damage.what}`);
    for (let round = 0; round < 6; round++) {
      await withFolder(async (folder) => {
        const timers = new TestTimers();
        const { store } = await openInline(folder, timers);
        store.load();
        const heard = new Heard(store);
        const model = new StoreModel(new Prng(prng.nextUint32()), store);
        store.live = model.live(damage.keepsFile ? prng.nextInt(4) : Infinity);
        for (let step = 0; step < 200; step++) model.step();
        await store.records.put("user", "a", { hash: "1" });
        await store.records.put("user", "b", { hash: "2" });
        await store.flush();
        // What is overwritten must be in use: not a page that the log has, too.
        if (!damage.keepsFile || prng.nextBoolean(0.5)) await rest(timers);
        // A log says where each of its pages begins: that is found to be gone, so it needs two of them.
        const commits = damage.isOfLog === true ? 2 : damage.keepsFile ? 1 : 0;
        for (let done = 0; done < commits;) {
          const { rows } = store.counters;
          for (let step = 0; step < 15 + prng.nextInt(30); step++) model.step();
          await store.flush();
          if (store.counters.rows > rows) done++;
        }
        // The times of files are as coarse as the system's ticks.
        await clockPasses(Date.now() + 20);
        damage.do(join(folder, DATABASE_NAME));
        model.change();
        await wait(timers, () => heard.failures.length > 0);
        // Everything goes on while it is written anew.
        await wait(timers, () => {
          model.step();
          return heard.failures.length > 1;
        }, 1);
        assertEquals(heard.failures.map((failure) => failure?.isDamaged), [true, undefined]);
        assert(damage.reason.test(heard.repairs[0]!.reason), heard.repairs[0]!.reason);
        assertEquals(heard.repairs.map(({ lost }) => lost), [0]);
        assertEquals([store.counters.repairs, store.counters.lostMessages], [1, 0]);
        model.change();
        await store.flush();
        assertEquals(await rememberedAfterKill(folder), model.remembered());
        assertEquals(store.records.get("user", "b"), { hash: "2" });
        await store.close();
        assertEquals(await rememberedIn(folder), model.remembered());
        const { setAside } = heard.repairs[0]!;
        assertEquals(asideIn(folder).length, setAside === undefined ? 0 : 1);
      });
    }
  });
}

/** Runs batches while the n-th call to the database says that it is damaged; then it says so no more. */
async function damagedAt(n: number, how: "once" | "from then on", seed: number): Promise<number> {
  const faults = new DiskFaults("database disk image is malformed");
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openFailingStore(folder, { timers, faults, durability: "os" });
    store.load();
    const heard = new Heard(store);
    const model = new StoreModel(new Prng(seed), store);
    store.live = model.live(n % 2 === 0 ? 1 : Infinity);
    faults.arm(n, how);
    for (let batch = 0; batch < 3; batch++) {
      model.change();
      store.ticket();
      await wait(timers, () => true);
      timers.pass(2);
      await wait(timers, () => true);
    }
    await rest(timers);
    faults.heal();
    await wait(timers, () => store.failure === undefined, 1000);
    await store.flush();
    assertEquals(await rememberedAfterKill(folder), model.remembered());
    assertEquals(heard.repairs.map(({ lost }) => lost), heard.repairs.map(() => 0));
    await store.close();
    assertEquals(await rememberedIn(folder), model.remembered());
  });
  return faults.calls;
}

for (const how of ["once", "from then on"] as const) {
  test(`a database that is called damaged at the n-th call, ${how}, for every n: nothing is lost`, async () => {
    const prng = seededPrng(`a database that is called damaged at the n-th call, ${how}`);
    let [seed, calls] = [0, 0];
    while (calls < 40 || calls > 60) {
      calls = await damagedAt(Infinity, how, seed = prng.nextUint32());
    }
    for (let n = 1; n <= calls; n++) await damagedAt(n, how, seed);
  });
}

/** A store with some state whose disk fails at every write until the test heals it. */
async function withFaults(
  error: string,
  use: (parts: {
    store: Store;
    timers: TestTimers;
    heard: Heard;
    faults: DiskFaults;
    model: StoreModel;
    folder: string;
  }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const faults = new DiskFaults(error, true);
    const timers = new TestTimers();
    const { store } = await openFailingStore(folder, { timers, faults, durability: "os" });
    store.load();
    const heard = new Heard(store);
    const model = new StoreModel(seededPrng(`a disk that says "${error}"`), store);
    store.live = model.live(1);
    for (let step = 0; step < 100; step++) model.step();
    await store.flush();
    faults.arm(1, "from then on");
    model.change();
    await use({ store, timers, heard, faults, model, folder });
    await store.close();
    assertEquals(await rememberedIn(folder), model.remembered());
  });
}

test("errors of the disk that stay are taken for damage, those that pass are not", () =>
  withFaults("disk I/O error", async ({ store, timers, heard, faults, model, folder }) => {
    await wait(timers, () => store.counters.failures === 3);
    faults.heal();
    await wait(timers, () => store.failure === undefined);
    assertEquals([heard.repairs, asideIn(folder)], [[], []]);
    faults.arm(1, "from then on");
    model.change();
    await wait(timers, () => heard.repairs.length === 1);
    assertEquals([heard.repairs[0]?.reason, heard.repairs[0]?.lost], ["disk I/O error", 0]);
    faults.heal();
    await store.flush();
  }));

for (const step of ["retained", "countQueued", "the draft"] as const) {
  test(`a database that cannot be written anew because of ${step} is tried again, and nothing is lost`, () =>
    withFolder(async (folder) => {
      const timers = new TestTimers();
      const { store } = await openInline(folder, timers);
      store.load();
      const heard = new Heard(store);
      const model = new StoreModel(seededPrng(`cannot be written anew because of ${step}`), store);
      const live = store.live = model.live(1);
      for (let turn = 0; turn < 150; turn++) model.step();
      await store.flush();
      const path = join(folder, DATABASE_NAME);
      const fail = (): never => {
        throw new Error(`no ${step}`);
      };
      if (step === "the draft") mkdirSync(`${path}.part`);
      else store.live = { ...live, [step]: fail };
      rmSync(path);
      model.change(1);
      await wait(timers, () => {
        model.step();
        return heard.problems.length === 3;
      });
      assert(heard.problems.at(-1)?.startsWith("Cannot write the database anew"));
      model.change(1);
      await assertRejects(() => store.flush(), Error, "Cannot write");
      assertEquals(readdirSync(folder).filter((name) => /\.(new|part-wal)$/.test(name)), []);
      if (step === "the draft") rmdirSync(`${path}.part`);
      else store.live = live;
      await wait(timers, () => {
        model.step();
        return store.failure === undefined;
      }, 10);
      assertEquals(heard.repairs.map(({ lost }) => lost), [0]);
      await store.flush();
      assertEquals(await rememberedAfterKill(folder), model.remembered());
      await store.close();
    }));
}

for (const error of ["database or disk is full", "attempt to write a readonly database"]) {
  test(`a database is never written anew because "${error}", however long that stays`, () =>
    withFaults(error, async ({ store, timers, heard, faults, folder }) => {
      const endMs = timers.nowMs() + 300_000;
      await wait(timers, () => timers.nowMs() >= endMs);
      assertEquals(store.failure?.isDamaged, false);
      faults.heal();
      await wait(timers, () => store.failure === undefined);
      assertEquals([heard.repairs, asideIn(folder)], [[], []]);
    }));
}

/** One session with a long queue, of which the first ten are in memory. */
async function withLongQueue(
  use: (
    parts: { store: Store; timers: TestTimers; heard: Heard; folder: string; key: number },
  ) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    const record = sessionRecord("c");
    const filled = await openInline(folder, timers);
    filled.store.load();
    const key = filled.store.createSession(record);
    for (let i = 0; i < 20_000; i++) {
      filled.store.pushQueued(key, deliveryOf(messageOf("t", `${i}`.padEnd(100))));
    }
    await filled.store.close();
    // The writer remembers no page of it now.
    const { store } = await openInline(folder, timers);
    store.load();
    const heard = new Heard(store);
    const held = store.readQueued(key, 0, 10, Infinity);
    store.live = {
      *sessions(): IterableIterator<LiveSession> {
        const subscriptions = new Map();
        yield { key, record, subscriptions, received: [], inflight: [], held, notedAfter: 10 };
      },
      retained: () => [][Symbol.iterator](),
      delayed: () => [][Symbol.iterator](),
      countQueued: () => 20_000,
    };
    await use({ store, timers, heard, folder, key });
  });
}

/** How many messages can be read. */
function countReadable(store: Store, key: number): number {
  let count = 0;
  for (let last = 0;;) {
    const read = store.readQueued(key, last, 500, Infinity);
    if (read.length === 0) return count;
    count += read.length;
    last = read.at(-1)!.seq;
  }
}

test("messages that were only on damaged pages are lost, counted and told of; the others are not", () =>
  withLongQueue(async ({ store, timers, heard, folder, key }) => {
    const path = join(folder, DATABASE_NAME);
    const middle = Math.floor(statSync(path).size / 2 / 4096) * 4096;
    await clockPasses(Date.now() + 20);
    overwrite(path, middle, middle + 20 * 4096);
    store.putSession(key, sessionRecord("c"));
    await wait(timers, () => heard.failures.length === 2);
    const { lost, queued, setAside } = heard.repairs[0]!;
    assert(lost > 100 && lost < 2000, `${lost} are lost`);
    assertEquals(queued, 20_000 - lost);
    assertEquals(store.counters.lostMessages, lost);
    assertEquals(countReadable(store, key), queued);
    assertEquals(setAside, join(folder, asideIn(folder)[0]!));
    await store.flush();
    await store.close();
  }));

test("a database that is damaged again at once waits, and is never written anew in a loop", () =>
  withLongQueue(async ({ store, timers, heard, folder, key }) => {
    const path = join(folder, DATABASE_NAME);
    const damage = async (): Promise<void> => {
      await clockPasses(Date.now() + 20);
      overwrite(path, 4096, statSync(path).size);
      store.putSession(key, sessionRecord("c"));
    };
    await damage();
    await wait(timers, () => heard.repairs.length === 1);
    await rest(timers);
    const sinceMs = timers.nowMs();
    await damage();
    await wait(timers, () => heard.failures.length === 3);
    await assertRejects(() => store.flush(), Error, "Cannot write");
    await wait(timers, () => heard.repairs.length === 2);
    assert(timers.nowMs() - sinceMs > 5000, `after ${timers.nowMs() - sinceMs} ms`);
    await store.close();
  }));

test("a database that is away with its folder is waited for, and goes on as it was", () =>
  withFolder(async (folder) => {
    const home = join(folder, "data");
    const timers = new TestTimers();
    const { store } = await openInline(home, timers);
    store.load();
    const heard = new Heard(store);
    const model = new StoreModel(seededPrng("a database that is away with its folder"), store);
    store.live = model.live(1);
    for (let step = 0; step < 100; step++) model.step();
    await store.flush();
    renameSync(home, join(folder, "away"));
    model.change(1);
    await wait(timers, () => store.failure !== undefined);
    model.change();
    await wait(timers, () => heard.problems.length > 2);
    assert(
      /Cannot write the database anew: ENOENT/.test(heard.problems.at(-1)!),
      heard.problems.at(-1),
    );
    renameSync(join(folder, "away"), home);
    await wait(timers, () => store.failure === undefined);
    await store.flush();
    assertEquals([heard.repairs, asideIn(home)], [[], []]);
    assertEquals(await rememberedAfterKill(home), model.remembered());
    await store.close();
  }));

test("a database that comes back when its draft is just begun goes on as it was", () =>
  withFolder(async (folder) => {
    const path = join(folder, DATABASE_NAME);
    const away = `${path}.away`;
    /** Brings it back between the look at the file and the end of the draft's making. */
    class LateWriter extends InlineWriter {
      override send(request: WriterRequest): void {
        if (request.kind !== "repair") return super.send(request);
        const { keys, reused } = request.sessions;
        const sessions = {
          reused,
          get keys() {
            if (existsSync(away)) renameSync(away, path);
            return keys;
          },
        };
        super.send({ ...request, sessions });
      }
    }
    const timers = new TestTimers();
    const createWriter = (): InlineWriter => new LateWriter(queueMicrotask);
    const { store } = await openInline(folder, timers, { createWriter });
    store.load();
    const heard = new Heard(store);
    const model = new StoreModel(seededPrng("a database that comes back"), store);
    store.live = model.live(1);
    for (let step = 0; step < 100; step++) model.step();
    await store.flush();
    renameSync(path, away);
    model.change();
    await wait(timers, () => heard.failures.length === 2);
    await store.flush();
    assertEquals([existsSync(away), heard.repairs, asideIn(folder)], [false, [], []]);
    assertEquals(readdirSync(folder).filter((name) => name.includes(".part")), []);
    assertEquals(await rememberedAfterKill(folder), model.remembered());
    await store.close();
  }));

test("a folder that another one has taken the place of gets a new database, and the lock of a broker", () =>
  withFolder(async (folder) => {
    const home = join(folder, "data");
    const timers = new TestTimers();
    const { store } = await openInline(home, timers);
    store.load();
    const heard = new Heard(store);
    const model = new StoreModel(
      seededPrng("a folder that another one has taken the place of"),
      store,
    );
    store.live = model.live(1);
    for (let step = 0; step < 100; step++) model.step();
    await store.flush();
    renameSync(home, join(folder, "away"));
    mkdirSync(home);
    model.change(1);
    await wait(timers, () => heard.repairs.length === 1);
    await store.flush();
    assertEquals(await rememberedAfterKill(home), model.remembered());
    await assertRejects(() => openInline(home, timers), Error, "another broker is using it");
    await store.close();
  }));
