import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../../src/ports/mod.ts";
import { InflightState } from "../../../src/session/mod.ts";
import { DATABASE_NAME, type Durability, NO_EVENTS } from "../../../src/storage/mod.ts";
import { within } from "../../support/deadline.ts";
import {
  deliveryOf,
  framedMessage,
  lend,
  messageOf,
  openInline,
  openThreaded,
  sessionRecord,
  TestTimers,
  withFolder,
} from "../../support/storage_rig.ts";
import { storeContract } from "./store_contract.ts";

for (const durability of ["fsync", "os", "off"] as const) {
  storeContract(`SqliteStore, thread, ${durability}`, (use) =>
    withFolder(async (folder) => {
      const { store, damage } = await openThreaded(folder, durability);
      assertEquals(damage, undefined);
      await use(store);
      await store.close();
    }));
}

storeContract("SqliteStore, inline", (use) =>
  withFolder(async (folder) => {
    const { store } = await openInline(folder, new TestTimers());
    await use(store);
    await store.close();
  }));

/** A store in this thread, whose time the test lets pass. */
function withInline(
  durability: Durability,
  use: (store: Store, timers: TestTimers) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers, { durability });
    store.load();
    await use(store, timers);
    await store.close();
  });
}

/** Lets the writer's answers come. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
}

test("ticket() is committed within the time of a group commit, and not before", () =>
  withInline("fsync", async (store, timers) => {
    store.createSession(sessionRecord("c"));
    const ticket = store.ticket();
    assertEquals([ticket, store.committedTicket], [1, 0]);
    timers.pass(1);
    await settle();
    assertEquals(store.committedTicket, 0);
    timers.pass(1);
    await settle();
    assertEquals([store.committedTicket, store.counters.commits], [1, 1]);
  }));

test("a batch has its whole time, whatever became of the one before, and no more", () =>
  withInline("fsync", async (store, timers) => {
    store.createSession(sessionRecord("a"));
    store.ticket();
    await store.flush();
    assertEquals([store.committedTicket, store.counters.commits], [1, 1]);
    timers.pass(1);
    store.createSession(sessionRecord("b"));
    store.ticket();
    timers.pass(1);
    await settle();
    assertEquals(store.committedTicket, 1, "the time of the first one is over");
    timers.pass(1);
    await settle();
    assertEquals([store.committedTicket, store.counters.commits], [2, 2]);
  }));

test("what is written down and gone again takes no more than its share of memory", () =>
  withInline("os", async (store, timers) => {
    const key = store.createSession(sessionRecord("c"));
    const message = framedMessage("t", new Uint8Array(100_000), 1);
    const churn = (count: number): void => {
      for (let left = count; left > 0; left--) {
        store.removeQueued(key, lend(deliveryOf(message), (lent) => store.pushQueued(key, lent)));
      }
    };
    churn(100);
    timers.pass(0);
    await settle();
    assertEquals(store.counters.commits, 0, "nothing is left of any");
    lend(deliveryOf(message), (lent) => store.pushQueued(key, lent));
    churn(45);
    timers.pass(0);
    await settle();
    assertEquals(store.counters.commits, 1, "one is left, and 45 are in the way");
  }));

test("what nobody waits for is committed later", () =>
  withInline("os", async (store, timers) => {
    store.createSession(sessionRecord("c"));
    timers.pass(50);
    await settle();
    assertEquals(store.committedTicket, 0);
    timers.pass(100);
    await settle();
    assertEquals(store.committedTicket, 1);
  }));

test("with durability off a ticket is committed at once, and its rows a second later", () =>
  withInline("off", async (store, timers) => {
    store.createSession(sessionRecord("c"));
    assert(store.ticket() <= store.committedTicket);
    timers.pass(999);
    await settle();
    assertEquals(store.counters.commits, 0);
    timers.pass(1);
    await settle();
    assertEquals(store.counters.commits, 1);
  }));

test("a large batch does not wait", () =>
  withInline("fsync", async (store, timers) => {
    const key = store.createSession(sessionRecord("c"));
    for (let i = 0; i < 5000; i++) store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    assertEquals(store.waitingChanges, 5001);
    assertEquals(store.counters.commits, 0, "never in the midst of the notes");
    timers.pass(0);
    await settle();
    assertEquals([store.counters.commits, store.waitingChanges], [1, 0]);
    assertEquals(store.waitingBytes, 0);
  }));

test("one batch fills while another is written", () =>
  withInline("fsync", async (store, timers) => {
    const key = store.createSession(sessionRecord("c"));
    const first = store.ticket();
    timers.pass(2);
    store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    const second = store.ticket();
    assertEquals(second, first + 1);
    await settle();
    assertEquals(store.committedTicket, first);
    timers.pass(2);
    await settle();
    assertEquals(store.committedTicket, second);
  }));

/** Rows that are written when `notes` are made in one batch, after `before` has been committed. */
async function rowsOf(
  before: (store: Store) => void,
  notes: (store: Store) => void,
): Promise<number> {
  let rows = 0;
  await withInline("os", async (store) => {
    before(store);
    await store.flush();
    const already = store.counters.rows;
    notes(store);
    await store.flush();
    rows = store.counters.rows - already;
  });
  return rows;
}

const KEY = 1;
const createSession = (store: Store): void => {
  store.createSession(sessionRecord("c"));
};

test("a message that is added and removed in one batch is never written", async () => {
  assertEquals(
    await rowsOf(createSession, (store) => {
      for (let i = 1; i <= 100; i++) {
        store.pushQueued(KEY, deliveryOf(messageOf("t", "1")));
        store.setInflight(KEY, i, i, InflightState.awaitsPuback);
        store.removeQueued(KEY, i);
      }
    }),
    0,
  );
});

test("a retained topic that is set a thousand times in one batch is written once", async () => {
  assertEquals(
    await rowsOf(createSession, (store) => {
      for (let i = 0; i < 1000; i++) store.putRetained(messageOf("t", String(i)));
    }),
    1,
  );
});

test("a session that is put many times in one batch is written once", async () => {
  assertEquals(
    await rowsOf(createSession, (store) => {
      for (let i = 0; i < 10; i++) store.putSession(KEY, { ...sessionRecord("c"), expiryS: i });
    }),
    1,
  );
});

test("a session that begins and ends in one batch is never written", async () => {
  assertEquals(
    await rowsOf(() => {}, (store) => {
      const key = store.createSession(sessionRecord("c"));
      store.pushQueued(key, deliveryOf(messageOf("t", "1")));
      store.removeSession(key);
    }),
    0,
  );
});

test("messages that are removed in their order are removed as one range", async () => {
  const rows = await rowsOf((store) => {
    createSession(store);
    for (let i = 0; i < 100; i++) store.pushQueued(KEY, deliveryOf(messageOf("t", "1")));
  }, (store) => {
    for (let seq = 1; seq <= 100; seq++) store.removeQueued(KEY, seq);
  });
  // One statement for the queue, one for what is in flight.
  assertEquals(rows, 2);
});

test("a message of a hundred sessions is written once", () =>
  withInline("os", async (store) => {
    const keys = Array.from({ length: 100 }, (_, i) => store.createSession(sessionRecord(`c${i}`)));
    const message = messageOf("t", "x".repeat(10_000));
    for (const key of keys) store.pushQueued(key, deliveryOf(message));
    await store.flush();
    assert(store.counters.lastBatchBytes < 30_000, `${store.counters.lastBatchBytes} bytes`);
    // Who reads it gets the same object, as long as somebody holds it.
    const first = store.readQueued(keys[0]!, 0, 1, Infinity)[0]?.delivery.message;
    const second = store.readQueued(keys[1]!, 0, 1, Infinity)[0]?.delivery.message;
    assert(first !== undefined && first === second);
  }));

test("a key is not given again before nothing is left of its session", () =>
  withInline("os", async (store, timers) => {
    createSession(store);
    for (let i = 0; i < 5000; i++) store.pushQueued(KEY, deliveryOf(messageOf("t", "1")));
    await store.flush();
    store.removeSession(KEY);
    await store.flush();
    const other = store.createSession(sessionRecord("c"));
    assertEquals(other, 2);
    // Whatever else is committed brings the purge on, and so does having nothing to do.
    for (let i = 0; i < 3; i++) {
      await store.flush();
      timers.pass(1000);
      await settle();
      await settle();
    }
    assertEquals(store.createSession(sessionRecord("d")), KEY);
    assertEquals(store.readQueued(KEY, 0, 10, Infinity), []);
  }));

test("a file that was large is small again when its messages are gone and there was time", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    const { store } = await openInline(folder, timers, { durability: "os" });
    store.load();
    const key = store.createSession(sessionRecord("c"));
    const path = join(folder, DATABASE_NAME);
    for (let i = 0; i < 10_000; i++) {
      store.pushQueued(key, deliveryOf(messageOf("t", "x".repeat(2000))));
    }
    await store.flush();
    const rest = async (): Promise<void> => {
      timers.pass(2000);
      for (let turn = 0; turn < 200; turn++) await settle();
    };
    await rest();
    const large = statSync(path).size;
    for (let seq = 1; seq <= 10_000; seq++) store.removeQueued(key, seq);
    await store.flush();
    await rest();
    const small = statSync(path).size;
    assert(large > 20_000_000 && small < 6_000_000, `${large} bytes became ${small}`);
    for (let i = 0; i < 40_000; i++) {
      store.pushQueued(key, deliveryOf(messageOf("t", "x".repeat(2000))));
    }
    await store.flush();
    const longLog = statSync(`${path}-wal`).size;
    await rest();
    const log = statSync(`${path}-wal`).size;
    assert(longLog > 64 * 1024 * 1024 && log === 0, `a log of ${longLog} bytes became ${log}`);
    await store.close();
  }));

test("the thread tells of commits without being asked", () =>
  withFolder(async (folder) => {
    const { store } = await openThreaded(folder, "fsync");
    store.load();
    const committed = new Promise<number>((resolve) => {
      store.events = { ...NO_EVENTS, onCommitted: resolve };
    });
    store.createSession(sessionRecord("c"));
    const ticket = store.ticket();
    assertEquals(await within(committed, "the commit"), ticket);
    await store.close();
  }));
