import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type JsonValue, RecordError, type RecordStore } from "../../ports/mod.ts";
import { writeRecord } from "../codec/record_body.ts";
import { RecordTable } from "../records/record_table.ts";
import {
  databasePathOf,
  type DataFolder,
  DataFolderError,
  FolderInUseError,
  takeDataFolder,
} from "./data_folder.ts";
import { DATABASE_VERSION, numberOf, openForWriting } from "./database.ts";
import { prepareDatabase } from "./database_file.ts";
import { PUT_RECORD, readRecords, REMOVE_RECORD } from "./record_rows.ts";
import type { DamageReport } from "./salvage.ts";

/** The records of a data folder, for a program that is not the broker. */
export interface OpenedRecords {
  readonly records: RecordStore;
  /** The database was damaged, or not ours, and has been set aside. */
  readonly damage: DamageReport | undefined;
  /** A broker that is running sees what was changed when it is told to reload. */
  readonly isInUse: boolean;
  close(): void;
}

/**
 * Opens the records of a data folder, whether a broker uses it or not; makes both where there is none. Throws a
 * `DataFolderError` where the folder cannot be used, and an error where the broker that uses it is of another version.
 */
export function openRecords(dataDir: string, nowMs: number): OpenedRecords {
  const { isInUse, damage } = prepare(dataDir, nowMs);
  const database = openForWriting(databasePathOf(dataDir), "fsync");
  try {
    const version = numberOf(database, "PRAGMA user_version");
    if (version !== DATABASE_VERSION) {
      throw new Error(
        `Cannot use the database of the running broker: its version is ${version}, not ${DATABASE_VERSION}`,
      );
    }
    return { records: new FileRecords(database), damage, isInUse, close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(
  dataDir: string,
  nowMs: number,
): { readonly isInUse: boolean; readonly damage: DamageReport | undefined } {
  let folder: DataFolder;
  try {
    folder = takeDataFolder(dataDir);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    if (!existsSync(databasePathOf(dataDir))) {
      throw new DataFolderError(`Cannot use node.data_dir "${dataDir}": its broker is starting`, {
        cause: error,
      });
    }
    return { isInUse: true, damage: undefined };
  }
  try {
    const { damage } = prepareDatabase(folder.databasePath, "fsync", nowMs);
    return { isInUse: false, damage };
  } finally {
    folder.release();
  }
}

/** Each change is a transaction of its own, durable when the call returns. */
class FileRecords implements RecordStore {
  readonly #database: DatabaseSync;
  readonly #table = new RecordTable();

  constructor(database: DatabaseSync) {
    this.#database = database;
    for (const { kind, key, value, bytes, place } of readRecords(database)) {
      this.#table.set(kind, key, { value, bytes, place });
    }
  }

  list(kind: string): ReadonlyMap<string, JsonValue> {
    return this.#table.list(kind);
  }

  get(kind: string, key: string): JsonValue | undefined {
    return this.#table.get(kind, key);
  }

  // deno-lint-ignore require-await -- what is wrong with the record rejects, as everywhere
  async put(kind: string, key: string, value: JsonValue): Promise<void> {
    const checked = this.#table.check(kind, key, value);
    const body = writeRecord(kind, key, checked.json);
    this.#run(`keep ${kind} "${key}"`, () => {
      this.#database.prepare(PUT_RECORD).run(kind, key, body);
    });
    this.#table.set(kind, key, checked);
  }

  // deno-lint-ignore require-await -- as above
  async remove(kind: string, key: string): Promise<boolean> {
    let count = 0;
    // The broker may have removed it, or have one that was not there when we began.
    this.#run(`remove ${kind} "${key}"`, () => {
      count = Number(this.#database.prepare(REMOVE_RECORD).run(kind, key).changes);
    });
    this.#table.delete(kind, key);
    return count > 0;
  }

  // deno-lint-ignore require-await -- as above
  async reload(kinds: readonly string[]): Promise<number> {
    let count = 0;
    const found = new Map<string, Set<string>>(kinds.map((kind) => [kind, new Set<string>()]));
    for (const { kind, key, value, bytes } of readRecords(this.#database)) {
      const keys = found.get(kind);
      if (keys === undefined) continue;
      keys.add(key);
      if (JSON.stringify(this.#table.get(kind, key)) === JSON.stringify(value)) continue;
      this.#table.set(kind, key, { value, bytes });
      count++;
    }
    for (const [kind, keys] of found) {
      for (const key of [...this.#table.keys(kind)]) {
        if (!keys.has(key) && this.#table.delete(kind, key) !== undefined) count++;
      }
    }
    return count;
  }

  #run(what: string, work: () => void): void {
    try {
      work();
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      throw new RecordError("unavailable", `Cannot ${what}: ${error}`, { cause });
    }
  }
}
