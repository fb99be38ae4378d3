import type { DatabaseSync } from "node:sqlite";
import { readRecord, type StoredRecord } from "../codec/record_body.ts";
import { StoredDataError } from "../codec/byte_source.ts";

/** Kind, key, body. A record that is replaced keeps its place. */
export const PUT_RECORD = `INSERT INTO record (kind, key, body) VALUES (?, ?, ?)
  ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body`;
/** Kind, key. */
export const REMOVE_RECORD = "DELETE FROM record WHERE kind = ? AND key = ?";

/** Records of one piece; fewer: it is the last. */
export const RECORDS_PIECE = 500;

/** A record and where it stands in the order of insertion. */
export interface PlacedRecord extends StoredRecord {
  readonly place: number;
}

/** All records in order of insertion; throws `StoredDataError` for a row that is not as it was written. */
export function* readRecords(database: DatabaseSync): Generator<PlacedRecord, void, undefined> {
  for (const piece of pieces(database, "", [])) yield* piece;
}

/** The same of one kind, in pieces: between two of them the database may change. */
export function readKind(
  database: DatabaseSync,
  kind: string,
): Generator<readonly PlacedRecord[], void, undefined> {
  return pieces(database, "AND kind = ?", [kind]);
}

function* pieces(
  database: DatabaseSync,
  condition: string,
  parameters: readonly string[],
): Generator<readonly PlacedRecord[], void, undefined> {
  const statement = database.prepare(
    `SELECT id, kind, key, body FROM record WHERE id > ? ${condition} ORDER BY id LIMIT ${RECORDS_PIECE}`,
  );
  let after = -1;
  while (true) {
    const rows = statement.all(after, ...parameters) as unknown as Row[];
    yield rows.map(recordOf);
    const last = rows.at(-1);
    if (last === undefined || rows.length < RECORDS_PIECE) return;
    after = last.id;
  }
}

interface Row {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly body: unknown;
}

function recordOf({ id, kind, key, body }: Row): PlacedRecord {
  const record = readRecord(body);
  if (record.kind !== kind || record.key !== key) {
    throw new StoredDataError(`Cannot read stored data: ${kind} "${key}" has two names`);
  }
  return { ...record, place: id };
}
