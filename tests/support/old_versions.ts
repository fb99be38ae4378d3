/** Databases as earlier brokers made them. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { InflightState } from "../../src/session/mod.ts";
import { DATABASE_NAME } from "../../src/storage/mod.ts";
import { FIRST } from "../../src/storage/sqlite/migrations/0001_first.ts";
import { RECORDS } from "../../src/storage/sqlite/migrations/0002_records.ts";
import { EXCHANGE } from "../../src/storage/sqlite/migrations/0003_exchange.ts";
import {
  deliveryOf,
  messageOf,
  openInline,
  sessionRecord,
  TestTimers,
  withFolder,
} from "./storage_rig.ts";

export const OLD_VERSIONS = [1, 2, 3] as const;
export const QUEUED = 2000;

/** As a broker of that time made it, and left it. */
function makeVersion(path: string, version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = ${0x4d515454};`);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("BEGIN");
  database.exec([FIRST, RECORDS, EXCHANGE].slice(0, version).join(""));
  database.exec(`INSERT INTO meta (name, value) VALUES ('version', ${version})`);
  database.exec(`PRAGMA user_version = ${version}`);
  database.exec("COMMIT");
  database.close();
}

/** Makes one with a session of `QUEUED` messages, the first of them in flight, and a retained message. */
export async function fillVersion(folder: string, version: number): Promise<void> {
  const path = join(folder, DATABASE_NAME);
  makeVersion(path, version);
  await withFolder(async (other) => {
    const { store } = await openInline(other, new TestTimers());
    store.load();
    const key = store.createSession(sessionRecord("c"));
    for (let i = 0; i < QUEUED; i++) store.pushQueued(key, deliveryOf(messageOf("t", `${i}`)));
    store.putRetained(messageOf("r", "1"));
    store.setInflight(key, 1, 77, InflightState.awaitsPubrec);
    await store.flush();
    await store.close();
    const database = new DatabaseSync(path);
    const source = new DatabaseSync(join(other, DATABASE_NAME), { readOnly: true });
    database.exec("BEGIN");
    for (const table of ["session", "queued", "retained", "inflight"]) {
      for (const row of source.prepare(`SELECT * FROM ${table}`).all()) {
        const values = Object.values(row as Record<string, string>);
        const marks = values.map(() => "?").join(", ");
        database.prepare(`INSERT INTO ${table} VALUES (${marks})`).run(...values);
      }
    }
    database.exec("COMMIT");
    source.close();
    database.close();
  });
}
