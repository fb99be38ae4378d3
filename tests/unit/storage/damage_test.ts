import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Prng } from "../../../src/base/mod.ts";
import { type DamageReport, DATABASE_NAME, NO_EVENTS } from "../../../src/storage/mod.ts";
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

interface Opened {
  readonly remembered: Remembered;
  readonly damage: DamageReport | undefined;
  readonly unreadable: number;
}

async function open(folder: string): Promise<Opened> {
  const { store, damage } = await openInline(folder, new TestTimers());
  const remembered = rememberedBy(store, 50);
  const { unreadable } = store;
  await store.close();
  return { remembered, damage, unreadable };
}

/** Fills a folder with random sessions, and lets it be used as if the broker had been killed, or stopped. */
async function fill(folder: string, prng: Prng, isKilled: boolean): Promise<Remembered> {
  let expected: Remembered | undefined;
  await withFolder(async (origin) => {
    const { store } = await openInline(origin, new TestTimers());
    store.load();
    const model = new StoreModel(prng, store);
    for (let step = 0; step < 300; step++) {
      model.step();
      if (prng.nextBoolean(0.05)) await store.flush();
    }
    await store.flush();
    expected = model.remembered();
    if (isKilled) copyAsKilled(origin, folder);
    await store.close();
    if (!isKilled) copyAsKilled(origin, folder);
  });
  return expected as Remembered;
}

type Sessions = Record<
  string,
  { queue: { seq: number; qos: number }[] } & Record<string, unknown>
>;

/** Nothing is there that was not stored, and nothing is different from how it was stored. */
function assertPartOf(found: Remembered, stored: Remembered): void {
  for (const [topic, message] of Object.entries(found.retained)) {
    assertEquals(message, stored.retained[topic]);
  }
  const delayed = new Map(stored.delayed as [number, unknown][]);
  for (const [key, message] of found.delayed as [number, unknown][]) {
    assertEquals(message, delayed.get(key));
  }
  for (const [clientId, session] of Object.entries(found.sessions as Sessions)) {
    const original = (stored.sessions as Sessions)[clientId];
    assert(original !== undefined, `"${clientId}" was never stored`);
    assertEquals(session["record"], original!["record"]);
    const queue = new Map(original!.queue.map((delivery) => [delivery.seq, delivery]));
    for (const delivery of session.queue) {
      // Whether a message of QoS 0 may have been sent is not known any more.
      if (delivery.qos === 0 && !queue.has(delivery.seq)) continue;
      assertEquals(delivery, queue.get(delivery.seq));
    }
    const subscriptions = original!["subscriptions"] as Record<string, unknown>;
    for (const [filter, one] of Object.entries(session["subscriptions"] as typeof subscriptions)) {
      assertEquals(one, subscriptions[filter]);
    }
  }
}

function flipBits(path: string, prng: Prng, count: number): void {
  const bytes = readFileSync(path);
  for (let i = 0; i < count; i++) {
    const at = prng.nextInt(bytes.length);
    bytes[at] = (bytes[at] as number) ^ 1 << prng.nextInt(8);
  }
  writeFileSync(path, bytes);
}

test("a database with flipped bits opens, and nothing in it is wrong", async () => {
  const prng = seededPrng("a database with flipped bits opens, and nothing in it is wrong");
  let noticed = 0;
  for (let round = 0; round < 20; round++) {
    await withFolder(async (folder) => {
      const stored = await fill(folder, prng, prng.nextBoolean(0.3));
      flipBits(join(folder, DATABASE_NAME), prng, prng.pick([3, 30, 100]));
      const { remembered, damage, unreadable } = await open(folder);
      assertPartOf(remembered, stored);
      if (damage !== undefined || unreadable > 0) noticed++;
      // From then on all is well.
      const again = await open(folder);
      assertEquals([again.damage, again.unreadable], [undefined, 0]);
      if (unreadable === 0) assertEquals(again.remembered, remembered);
      if (damage !== undefined) assert(existsSync(damage.setAside));
    });
  }
  assert(noticed > 3, `only ${noticed} of 20 were noticed`);
});

test("a database that ends early opens with what is left of it", async () => {
  const prng = seededPrng("a database that ends early opens with what is left of it");
  let noticed = 0;
  for (let round = 0; round < 15; round++) {
    await withFolder(async (folder) => {
      const stored = await fill(folder, prng, false);
      const path = join(folder, DATABASE_NAME);
      const { length } = readFileSync(path);
      truncateSync(path, round < 3 ? [0, 1, 4095][round] : prng.nextInt(length));
      const { remembered, damage, unreadable } = await open(folder);
      assertPartOf(remembered, stored);
      // What was cut off may have been free, or a part of one message.
      if (damage === undefined && unreadable === 0) assertEquals(remembered, stored);
      else noticed++;
      assertEquals((await open(folder)).damage, undefined);
    });
  }
  assert(noticed > 8, `only ${noticed} of 15 were noticed`);
});

test("a log that ends early leaves the database as it was at one moment", async () => {
  const prng = seededPrng("a log that ends early leaves the database as it was at one moment");
  for (let round = 0; round < 10; round++) {
    await withFolder(async (folder) => {
      await fill(folder, prng, true);
      const path = join(folder, `${DATABASE_NAME}-wal`);
      truncateSync(path, prng.nextInt(readFileSync(path).length));
      assertEquals((await open(folder)).damage, undefined);
    });
  }
});

const FOREIGN: ReadonlyArray<[what: string, write: (path: string) => void]> = [
  [
    "random bytes",
    (path) => writeFileSync(path, Uint8Array.from({ length: 9000 }, (_, i) => i * i)),
  ],
  ["a text", (path) => writeFileSync(path, "persistence true\n".repeat(1000))],
  ["another program's database", (path) => {
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE session (a); INSERT INTO session VALUES (1)");
    database.close();
  }],
];

for (const [what, write] of FOREIGN) {
  test(`${what} in the place of the database is set aside`, () =>
    withFolder(async (folder) => {
      const path = join(folder, DATABASE_NAME);
      write(path);
      const before = readFileSync(path);
      const { remembered, damage } = await open(folder);
      assertEquals(remembered, { sessions: {}, retained: {}, delayed: [] });
      assert(damage !== undefined);
      assertEquals(readFileSync(damage!.setAside), before);
      assert(/broker-damaged-\d{4}-\d{2}-\d{2}T\d{6}\.db$/.test(damage!.setAside));
      assertEquals((await open(folder)).damage, undefined);
    }));
}

test("the same damage twice in a second gets two names", () =>
  withFolder(async (folder) => {
    for (let round = 0; round < 2; round++) {
      writeFileSync(join(folder, DATABASE_NAME), "no database");
      assert((await open(folder)).damage !== undefined);
    }
    assertEquals(readdirSync(folder).filter((name) => name.startsWith("broker-damaged")).length, 2);
  }));

/** Many messages of one session, so that they fill many pages. */
async function fillQueue(folder: string, count: number): Promise<void> {
  const { store } = await openInline(folder, new TestTimers());
  store.load();
  const key = store.createSession(sessionRecord("c"));
  for (let i = 0; i < count; i++) {
    store.pushQueued(key, deliveryOf(messageOf("t", `${i}`.padEnd(100))));
  }
  store.putRetained(messageOf("r", "1"));
  store.putDelayed({ dueAtMs: 1, username: "u", message: messageOf("d", "1") });
  await store.flush();
  await store.close();
}

test("of a large queue only the pages that are damaged are lost, and the report says so", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 20_000);
    const path = join(folder, DATABASE_NAME);
    const bytes = readFileSync(path);
    // Two runs of pages in the midst of the queue.
    for (const part of [0.4, 0.7]) {
      const start = Math.floor(bytes.length * part / 4096) * 4096;
      bytes.fill(0xa5, start, start + 5 * 4096);
    }
    writeFileSync(path, bytes);
    const { remembered, damage } = await open(folder);
    assert(damage !== undefined);
    const { queue } = (remembered.sessions as Sessions)["c"] as Sessions[string];
    assert(queue.length > 19_000 && queue.length < 20_000, `${queue.length} messages are left`);
    assertEquals(damage!.kept.queued, queue.length);
    assert(damage!.lost.queued >= 2, `${damage!.lost.queued} are lost, it says`);
    assertEquals([damage!.kept.retained, damage!.kept.sessions], [1, 1]);
    assertEquals([damage!.lost.retained, damage!.lost.sessions], [0, 0]);
  }));

test("a damaged first page costs nothing", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 1000);
    const path = join(folder, DATABASE_NAME);
    const bytes = readFileSync(path);
    bytes.fill(0, 0, 4096);
    writeFileSync(path, bytes);
    const { remembered, damage } = await open(folder);
    assertEquals(damage?.kept, {
      sessions: 1,
      subscriptions: 0,
      queued: 1000,
      retained: 1,
      delayed: 1,
      packetIds: 0,
      records: 0,
    });
    assertEquals((remembered.sessions as Sessions)["c"]?.queue.length, 1000);
    assertEquals(remembered.delayed.length, 1);
  }));

test("a queued message that was changed on disk is left out, counted and removed", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 10);
    const path = join(folder, DATABASE_NAME);
    const database = new DatabaseSync(path);
    database.exec("UPDATE queued SET body = zeroblob(50) WHERE id & 255 = 5");
    database.close();
    const first = await open(folder);
    assertEquals([first.damage, first.unreadable], [undefined, 1]);
    assertEquals((first.remembered.sessions as Sessions)["c"]?.queue.length, 9);
    const second = await open(folder);
    assertEquals([second.damage, second.unreadable], [undefined, 0]);
  }));

test("pages that are damaged while the broker runs cost the messages on them, and no more", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 20_000);
    const path = join(folder, DATABASE_NAME);
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers);
    const key = store.load().sessions[0]!.key;
    const problems: string[] = [];
    store.events = { ...NO_EVENTS, onProblem: (problem) => void problems.push(problem) };
    const bytes = readFileSync(path);
    const start = Math.floor(bytes.length / 2 / 4096) * 4096;
    bytes.fill(0xa5, start, start + 3 * 4096);
    writeFileSync(path, bytes);
    store.pushQueued(key, deliveryOf(messageOf("t", "new")));
    let count = 0;
    let last = 0;
    for (;;) {
      const read = store.readQueued(key, last, 500, Infinity);
      if (read.length === 0) break;
      count += read.length;
      last = read.at(-1)!.seq;
    }
    assertEquals(last, 20_001);
    assert(count > 19_800 && count < 20_001, `${count} messages are left`);
    assert(store.unreadable >= 1);
    timers.pass(0);
    assert(/Cannot read queued messages/.test(problems[0]!), problems[0]);
    // It is found before anything more is acknowledged; nobody says what is in memory, so a start sets it right.
    await assertRejects(() => store.close(), Error, "Cannot read stored data");
  }));

test("the database of a newer broker is left alone", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 1);
    const path = join(folder, DATABASE_NAME);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99; UPDATE meta SET value = 99 WHERE name = 'version'");
    database.close();
    let problem = "";
    await open(folder).catch((error: Error) => problem = error.message);
    assert(/newer broker: its version is 99/.test(problem), problem);
    assertEquals(readdirSync(folder).filter((name) => name.startsWith("broker-damaged")), []);
  }));

test("a salvage that was interrupted before its last step is finished", () =>
  withFolder(async (folder) => {
    await fillQueue(folder, 10);
    const path = join(folder, DATABASE_NAME);
    // As it is between the two renames: the log of the old one must not come to the new one.
    writeFileSync(`${path}.new`, readFileSync(path));
    writeFileSync(`${path}-wal`, "of another database");
    await withFolder(async (other) => {
      writeFileSync(join(other, `${DATABASE_NAME}.new`), readFileSync(`${path}.new`));
      writeFileSync(join(other, `${DATABASE_NAME}-wal`), "of another database");
      const { remembered, damage } = await open(other);
      assertEquals(damage, undefined);
      assertEquals((remembered.sessions as Sessions)["c"]?.queue.length, 10);
    });
  }));
