import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type RowItem,
  SinkError,
  SqliteSink,
  SqliteThread,
  type TableOptions,
  tableProblem,
  TableRows,
} from "../../../src/sinks/mod.ts";
import { within } from "../../support/deadline.ts";
import { withFolder } from "../../support/storage_rig.ts";

const ENTRY = new URL("../../support/sink_thread.ts", import.meta.url).href;
const TABLE: TableOptions = { table: "t", columns: [], createsTable: true };

interface Rig {
  readonly path: string;
  readonly sink: SqliteSink;
  rows(table?: string): unknown[];
}

/** A sink that writes in a thread of its own. */
async function withSink(use: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "new", "out.db");
    const sink = new SqliteSink({ path, isSynced: false }, new SqliteThread(ENTRY));
    const rows = (table = "t"): unknown[] => {
      const database = new DatabaseSync(path, { readOnly: true });
      const all = database.prepare(`SELECT * FROM "${table}"`).all().map((row) => ({ ...row }));
      database.close();
      return all;
    };
    try {
      await use({ path, sink, rows });
    } finally {
      await sink.close();
    }
  });
}

function rowsOf(options: Partial<TableOptions>, ...data: readonly object[]): RowItem[] {
  const table = new TableRows({ ...TABLE, ...options });
  return data.map((each): RowItem => {
    const row = table.row(each as Record<string, unknown>);
    if (row === undefined) throw new Error("there is nothing that could be a row");
    return row;
  });
}

test("SqliteSink makes the table and inserts what was selected", () =>
  withSink(async ({ sink, rows }) => {
    await sink.deliver(rowsOf(
      { columns: [["temp", "payload.temp"], ["device", "dev"], ["all", "payload"]] },
      { payload: { temp: 21.5 }, dev: "a" },
      { payload: { temp: 7, more: [1, true] }, dev: "é'; DROP TABLE t; --" },
      { dev: true },
    ));
    assertEquals(rows(), [
      { temp: 21.5, device: "a", all: '{"temp":21.5}' },
      { temp: 7, device: "é'; DROP TABLE t; --", all: '{"temp":7,"more":[1,true]}' },
      { temp: null, device: 1, all: null },
    ]);
  }));

test("SqliteSink takes each member for a column where no columns are named", () =>
  withSink(async ({ sink, rows }) => {
    await sink.deliver(rowsOf({}, { a: 1, b: "x" }, { b: "y" }, { a: 2 ** 53 }, { a: 10n ** 30n }));
    assertEquals(rows(), [
      { a: 1, b: "x" },
      { a: null, b: "y" },
      { a: 2 ** 53, b: null },
      { a: "1000000000000000000000000000000", b: null },
    ]);
  }));

test("SqliteSink quotes names: none of them is ever read as SQL", () =>
  withSink(async ({ sink, rows }) => {
    const table = 'a" (x); DROP TABLE b; --';
    await sink.deliver(rowsOf({ table }, { 'c"d': 1, "select": 2, "payload.x": 3 }));
    assertEquals(rows(table.replaceAll('"', '""')), [{ 'c"d': 1, select: 2, "payload.x": 3 }]);
  }));

test("SqliteSink keeps whole numbers whole", () =>
  withSink(async ({ path, sink }) => {
    await sink.deliver(rowsOf({}, { a: 5, b: 5.5 }));
    const database = new DatabaseSync(path, { readOnly: true });
    const types = database.prepare("SELECT typeof(a) AS a, typeof(b) AS b FROM t").get();
    database.close();
    assertEquals({ ...types }, { a: "integer", b: "real" });
  }));

test("SqliteSink refuses what the table does not take, and nothing of that batch is there", () =>
  withSink(async ({ sink, rows }) => {
    await sink.deliver(rowsOf({}, { a: 1 }));
    const error = await assertRejects(
      () => sink.deliver(rowsOf({}, { a: 2 }, { other: 3 })),
      SinkError,
      "other",
    );
    assertEquals(error.isRetryable, false);
    assertEquals(rows(), [{ a: 1 }]);
    await sink.deliver(rowsOf({}, { a: 4 }));
    assertEquals(rows(), [{ a: 1 }, { a: 4 }]);
  }));

test("SqliteSink makes no table unless it is to", () =>
  withSink(async ({ sink }) => {
    await assertRejects(
      () => sink.deliver(rowsOf({ createsTable: false }, { a: 1 })),
      SinkError,
      "no such table",
    );
  }));

test("SqliteSink says what is wrong with a file that is no database", () =>
  withSink(async ({ path, sink }) => {
    await sink.check();
    await sink.close();
    writeFileSync(path, "no database at all, but long enough for one".repeat(50));
    const other = new SqliteSink({ path, isSynced: true }, new SqliteThread(ENTRY));
    const error = await assertRejects(() => other.check(), SinkError);
    assertStringIncludes(error.message, path);
    assertEquals(error.isRetryable, false);
    await other.close();
  }));

test("SqliteSink waits for others, and says that it may be tried again", () =>
  withSink(async ({ path, sink, rows }) => {
    await sink.deliver(rowsOf({}, { a: 1 }));
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const error = await assertRejects(() => sink.deliver(rowsOf({}, { a: 2 })), SinkError);
    assertEquals(error.isRetryable, true);
    other.exec("ROLLBACK");
    other.close();
    await sink.deliver(rowsOf({}, { a: 2 }));
    assertEquals(rows(), [{ a: 1 }, { a: 2 }]);
  }));

test("SqliteThread serves several sinks, of one file, too, until the last is closed", () =>
  withFolder(async (folder) => {
    const thread = new SqliteThread(ENTRY);
    const sinks = ["a.db", "a.db", "b.db"].map((name) =>
      new SqliteSink({ path: join(folder, name), isSynced: false }, thread)
    );
    for (const sink of sinks) await sink.deliver(rowsOf({}, { a: 1 }));
    await sinks[0]?.close();
    await sinks[1]?.deliver(rowsOf({}, { a: 2 }));
    await sinks[1]?.close();
    await sinks[2]?.deliver(rowsOf({}, { a: 3 }));
    await sinks[2]?.close();
    const again = new SqliteSink({ path: join(folder, "a.db"), isSynced: false }, thread);
    await again.deliver(rowsOf({}, { a: 4 }));
    await again.close();
    const database = new DatabaseSync(join(folder, "a.db"));
    assertEquals(database.prepare("SELECT a FROM t").all().map(({ a }) => a), [1, 1, 2, 4]);
    database.close();
  }));

test("SqliteThread closes all databases that are let go at the same time, and ends behind the last", () =>
  withFolder(async (folder) => {
    const thread = new SqliteThread(ENTRY);
    const sinks = ["a.db", "b.db", "c.db"].map((name) =>
      new SqliteSink({ path: join(folder, name), isSynced: false }, thread)
    );
    for (let round = 0; round < 2; round++) {
      await Promise.all(sinks.map((sink) => sink.deliver(rowsOf({}, { a: round }))));
      if (round === 0) await Promise.all(sinks.map((sink) => sink.renew()));
    }
    await within(Promise.all(sinks.map((sink) => sink.close())), "all of them to be closed");
    // It was the last one's to close, and no journal is left behind.
    assertEquals(readdirSync(folder).sort(), ["a.db", "b.db", "c.db"]);
  }));

test("SqliteThread that breaks fails what waits for it, and another one takes its place", () =>
  withFolder(async (folder) => {
    const entry = new URL("../../support/failing_sink_thread.ts", import.meta.url).href;
    const sink = new SqliteSink(
      { path: join(folder, "a.db"), isSynced: false },
      new SqliteThread(entry),
    );
    for (let round = 0; round < 2; round++) {
      const attempts = [sink.check(), sink.deliver(rowsOf({}, { a: 1 }))];
      for (const result of await Promise.allSettled(attempts)) {
        assertEquals(result.status, "rejected");
        const { reason } = result as PromiseRejectedResult;
        assertStringIncludes(String(reason), "the thread is gone");
        assertEquals((reason as SinkError).isRetryable, true);
      }
    }
    await sink.close();
  }));

test("tableProblem() says what no table or column can be called", () => {
  assertEquals(tableProblem(TABLE), undefined);
  for (const table of ["", "a\0b", "x".repeat(129)]) {
    assertStringIncludes(String(tableProblem({ ...TABLE, table })), "no table can be called");
  }
  assertStringIncludes(String(tableProblem({ ...TABLE, columns: [["\n", "a"]] })), "no column");
});
