import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { JsonValue } from "../../ports/mod.ts";
import { writeRecord } from "../codec/record_body.ts";
import { RecordTable } from "../records/record_table.ts";
import { createDatabase, inTransaction, openForReading } from "./database.ts";
import { removeDatabase, renameDatabase, sync } from "./data_folder.ts";
import { PUT_RECORD } from "./record_rows.ts";
import { type CopyResult, copyTables } from "./table_copy.ts";

/** A record that a copy has beside those of its original. */
export interface AddedRecord {
  readonly kind: string;
  readonly key: string;
  readonly value: JsonValue;
}

/**
 * Writes a copy of the database at `path`, as it is at one moment, to `file`, which must not exist. Others may use the
 * database meanwhile, in this process or another. Rejects a copy that would not be complete. `added` is asked when that
 * moment is fixed.
 *
 * Row by row: `VACUUM INTO` needs a right to attach databases that Deno does not give on every version.
 */
export function copyDatabase(
  path: string,
  file: string,
  added: () => readonly AddedRecord[] = () => [],
): void {
  const to = resolve(file);
  if (existsSync(to)) throw new Error(`Cannot back up to "${file}": it exists`);
  if (!existsSync(path)) throw new Error(`Cannot back up "${path}": there is no such database`);
  const partial = `${to}.part`;
  removeDatabase(partial);
  const source = openForReading(path);
  try {
    // One transaction sees one moment.
    source.exec("BEGIN");
    const lost = copyInto(partial, (target) => {
      const result = copyTables(source, target);
      for (const record of added()) putRecord(target, record);
      return result;
    });
    if (lost > 0) {
      throw new Error(
        `Cannot back up: ${lost} rows cannot be read; a restart sets the database right`,
      );
    }
    sync(partial);
    renameDatabase(partial, to);
  } catch (error) {
    removeDatabase(partial);
    throw error;
  } finally {
    source.close();
  }
}

function putRecord(target: DatabaseSync, { kind, key, value }: AddedRecord): void {
  const { json } = new RecordTable().check(kind, key, value);
  target.prepare(PUT_RECORD).run(kind, key, writeRecord(kind, key, json));
}

/** Returns how much was lost on the way. */
function copyInto(
  partial: string,
  copy: (target: ReturnType<typeof createDatabase>) => CopyResult,
): number {
  const target = createDatabase(partial);
  try {
    let lost = 0;
    inTransaction(target, () => {
      lost = Object.values(copy(target).lost).reduce((sum, count) => sum + count, 0);
    });
    return lost;
  } finally {
    target.close();
  }
}
