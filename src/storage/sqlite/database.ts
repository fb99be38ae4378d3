import { DatabaseSync } from "node:sqlite";
import { StoredDataError } from "../codec/byte_source.ts";
import type { Durability } from "../options.ts";
import { createFile } from "./data_folder.ts";
import { MIGRATIONS } from "./migrations/mod.ts";

/** A row as `node:sqlite` gives it. */
export type Row = Record<string, unknown>;

/** Of the databases that this broker makes. */
export const DATABASE_VERSION = MIGRATIONS.length;

/** Marks the file as ours; "MQTT". Another one is a foreign database. */
export const APPLICATION_ID = 0x4d515454;

/** Freed pages go back to the file system in slices, see `Housekeeping`; must be set before the first table. */
const CREATION = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = ${APPLICATION_ID};
`;

/** How long one connection waits for another of this process, in milliseconds: a checkpoint, at most. */
export const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens the one connection that writes. Checkpoints are left to `Housekeeping`, so that no commit has to wait for one
 * by accident.
 */
export function openForWriting(path: string, durability: Durability): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};`);
    if (numberOf(database, "PRAGMA page_count") === 0) database.exec(CREATION);
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === "fsync" ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;
      PRAGMA foreign_keys = OFF;
    `);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Opens a connection that only reads: it sees what is committed. */
export function openForReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};`);
  return database;
}

/** Makes a database of the newest version, or of an older one, without a row. Nothing must be at `path`. */
export function createDatabase(path: string, toVersion = MIGRATIONS.length): DatabaseSync {
  createFile(path);
  const database = openForWriting(path, "fsync");
  migrate(database, toVersion);
  return database;
}

/**
 * Whether tables and indexes are as the migrations up to `version` make them, at the pages where they make them: a schema is a text
 * on the first page, and a flipped bit in it changes the name of a column or where a table begins.
 */
export function hasOurSchema(database: DatabaseSync, version = MIGRATIONS.length): boolean {
  const model = new DatabaseSync(":memory:");
  try {
    model.exec(CREATION);
    migrate(model, version);
    return schemaOf(database) === schemaOf(model);
  } finally {
    model.close();
  }
}

function schemaOf(database: DatabaseSync): string {
  const sql = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rowid";
  return JSON.stringify(database.prepare(sql).all());
}

/** Brings the database to the newest version, or to an older one. One of a newer broker is an error. */
export function migrate(database: DatabaseSync, toVersion = MIGRATIONS.length): void {
  const version = numberOf(database, "PRAGMA user_version");
  if (version > MIGRATIONS.length) {
    // Said twice, so that a damaged header is not taken for a newer broker's.
    const said = numberOf(database, "SELECT value FROM meta WHERE name = 'version'");
    const problem = `its version is ${version}, this broker knows ${MIGRATIONS.length}`;
    if (said !== version) throw new StoredDataError(`Cannot read stored data: ${problem}`);
    throw new NewerDatabaseError(`Cannot use the database of a newer broker: ${problem}`);
  }
  for (let next = version; next < toVersion; next++) {
    inTransaction(database, () => {
      database.exec(MIGRATIONS[next] as string);
      database.exec(`
        INSERT OR REPLACE INTO meta (name, value) VALUES ('version', ${next + 1});
        PRAGMA user_version = ${next + 1};
      `);
    });
  }
}

/** The database is sound, but of a broker that is newer than this. */
export class NewerDatabaseError extends Error {
  override readonly name = "NewerDatabaseError";
}

/** All or nothing. */
export function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    work();
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** Ends a transaction that failed; after some errors SQLite has done so itself. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch (error) {
    if (!/no transaction/.test(String(error))) throw error;
  }
}

/** The first column of the first row. */
export function valueOf(database: DatabaseSync, sql: string): unknown {
  const row = database.prepare(sql).get() as Row | undefined;
  return row === undefined ? undefined : Object.values(row)[0];
}

export function numberOf(database: DatabaseSync, sql: string): number {
  return Number(valueOf(database, sql));
}
