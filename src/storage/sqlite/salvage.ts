import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { removeDatabase } from "./data_folder.ts";
import {
  createDatabase,
  DATABASE_VERSION,
  hasOurSchema,
  inTransaction,
  openForReading,
} from "./database.ts";
import {
  copyQueues,
  type CopyResult,
  copyTables,
  type StoredCounts,
  zeroCounts,
} from "./table_copy.ts";
import type { KnownSessions } from "./writer_protocol.ts";

/** What became of a damaged or foreign database. */
export interface DamageReport extends CopyResult {
  /** Where it is now. */
  readonly setAside: string;
  /** How the damage was noticed. */
  readonly reason: string;
  /** Carried over. */
  readonly kept: StoredCounts;
  /** At least: of what cannot be read at all, nobody knows how much it was. */
  readonly lost: StoredCounts;
}

const PAGE_BYTES = 4096;
// Places in the header of an SQLite file.
const PAGE_COUNT_AT = 28;
const FREE_LIST_AT = 32;
const FREE_COUNT_AT = 36;
const USER_VERSION_AT = 60;

/** Copies what can be read of the database at `path` into `target`, which is then closed. Changes nothing at `path`. */
export function salvage(
  path: string,
  target: DatabaseSync,
  reason: string,
  nowMs: number,
): DamageReport {
  try {
    let result: CopyResult = { kept: zeroCounts(), lost: zeroCounts() };
    inTransaction(target, () => result = copyWhatCanBeRead(path, target));
    return { setAside: asideName(path, nowMs), reason, ...result };
  } finally {
    target.close();
  }
}

/**
 * Copies the queued messages that can be read of a database into `target`: through the connection that has it open and
 * remembers pages that may be damaged on disk by now, or from the file at `path`.
 */
export function salvageQueues(
  path: string,
  open: DatabaseSync | undefined,
  target: DatabaseSync,
  known: KnownSessions,
): void {
  if (open !== undefined && isOurs(open)) return copyQueues(open, target, known);
  // An earlier attempt may have ended between the last two names.
  const source = [path, `${path}.new`].find((file) => existsSync(file));
  if (source !== undefined) withWhatCanBeRead(source, (from) => copyQueues(from, target, known));
}

function copyWhatCanBeRead(path: string, target: DatabaseSync): CopyResult {
  return withWhatCanBeRead(path, (source) => copyTables(source, target)) ??
    { kept: zeroCounts(), lost: zeroCounts() };
}

function withWhatCanBeRead<T>(path: string, copy: (source: DatabaseSync) => T): T | undefined {
  const repaired = `${path}.repair`;
  let source = openIfReadable(path);
  try {
    if (source === undefined) {
      removeDatabase(repaired);
      copyWithFirstPage(path, repaired);
      source = openIfReadable(repaired);
    }
    return source === undefined ? undefined : copy(source);
  } finally {
    source?.close();
    removeDatabase(repaired);
  }
}

/** Undefined: not even its tables can be found for sure. */
function openIfReadable(path: string): DatabaseSync | undefined {
  try {
    const database = openForReading(path);
    if (isOurs(database)) return database;
    database.close();
    return undefined;
  } catch {
    return undefined;
  }
}

/** Of whatever version. */
function isOurs(database: DatabaseSync): boolean {
  try {
    for (let version = DATABASE_VERSION; version > 0; version--) {
      if (hasOurSchema(database, version)) return true;
    }
    return false;
  } catch {
    return false;
  }
}

/**
 * Copies a database and puts the first page of a new one in the place of its own. That page holds nothing but where the
 * tables begin, and since all our databases are made in the same way, theirs begin at the same pages.
 */
function copyWithFirstPage(path: string, to: string): void {
  const model = `${path}.model`;
  removeDatabase(model);
  createDatabase(model, versionOf(path)).close();
  const page = readFileSync(model).subarray(0, PAGE_BYTES);
  removeDatabase(model);
  copyFileSync(path, to);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${to}-wal`);
  const file = openSync(to, "r+");
  try {
    const header = new DataView(page.buffer, page.byteOffset, page.length);
    header.setUint32(PAGE_COUNT_AT, Math.max(1, Math.ceil(statSync(to).size / PAGE_BYTES)));
    header.setUint32(FREE_LIST_AT, 0);
    header.setUint32(FREE_COUNT_AT, 0);
    writeSync(file, page, 0, page.length, 0);
  } finally {
    closeSync(file);
  }
}

/** What the header says, where that can be; else the newest: no row of an older one is then taken for another. */
function versionOf(path: string): number {
  const field = new DataView(new ArrayBuffer(4));
  const file = openSync(path, "r");
  try {
    // A file that is too short leaves 0.
    readSync(file, field, 0, 4, USER_VERSION_AT);
  } finally {
    closeSync(file);
  }
  const version = field.getUint32(0);
  return version > 0 && version < DATABASE_VERSION ? version : DATABASE_VERSION;
}

/** A name that tells the date, and that nothing has yet. */
export function asideName(path: string, nowMs: number): string {
  const date = new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", "");
  for (let count = 1;; count++) {
    const suffix = count === 1 ? "" : `-${count}`;
    const name = join(dirname(path), `broker-damaged-${date}${suffix}.db`);
    if (!existsSync(name)) return name;
  }
}
