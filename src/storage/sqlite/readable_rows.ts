import type { DatabaseSync, StatementSync } from "node:sqlite";

const PIECE_ROWS = 256;
/** Beyond every number of a row. */
const ID_END = 1n << 62n;

/** A row of any table with a number; whole numbers are bigint. */
export interface NumberedRow {
  readonly id: bigint;
  readonly [column: string]: bigint | number | string | Uint8Array | null;
}

/**
 * All rows of a table that can be read, by their number. Where a part of the table cannot be read, it goes on with the
 * first row behind it, and `onGap` is told.
 */
export function* readableRows(
  database: DatabaseSync,
  table: string,
  onGap: (error: unknown) => void,
): Generator<NumberedRow, void, undefined> {
  const statement = database.prepare(
    `SELECT * FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`,
  );
  statement.setReadBigInts(true);
  let after = -1n;
  let count = PIECE_ROWS;
  while (true) {
    let rows: NumberedRow[];
    try {
      rows = rowsAfter(statement, after, count);
    } catch (error) {
      if (count > 1) {
        count = Math.max(1, count >> 3);
        continue;
      }
      onGap(error);
      const next = endOfGap(after, ID_END, (id) => canReadAfter(statement, id));
      if (next === undefined) return;
      after = next;
      continue;
    }
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < count) return;
    after = last.id;
    count = Math.min(PIECE_ROWS, count * 2);
  }
}

function rowsAfter(statement: StatementSync, after: bigint, count: number): NumberedRow[] {
  const rows = statement.all(after, count) as unknown as NumberedRow[];
  let last = after;
  for (const { id } of rows) {
    // A damaged page may name a row twice, and we would never come to an end.
    if (id <= last) throw new Error(`Cannot read on: row ${id} stands after row ${last}`);
    last = id;
  }
  return rows;
}

/**
 * The smallest number after `after` behind which a row, or the end, can be read; undefined: none before `end`. Takes
 * steps that grow, and then goes back to where it could have stopped.
 */
export function endOfGap(
  after: bigint,
  end: bigint,
  canReadAfter: (number: bigint) => boolean,
): bigint | undefined {
  let failing = after;
  let step = 1n;
  while (!canReadAfter(after + step)) {
    failing = after + step;
    step *= 2n;
    if (after + step > end) return undefined;
  }
  let working = after + step;
  while (working - failing > 1n) {
    const middle = (working + failing) / 2n;
    if (canReadAfter(middle)) working = middle;
    else failing = middle;
  }
  return working;
}

function canReadAfter(statement: StatementSync, after: bigint): boolean {
  try {
    rowsAfter(statement, after, 1);
    return true;
  } catch {
    return false;
  }
}
