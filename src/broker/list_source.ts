import type { Sequenced } from "../base/mod.ts";

/** A row of a list, good for nothing but to be handed back to the list at once. */
export type ListRow = Readonly<Sequenced>;

/**
 * A list of the broker, to be read some rows at a time: between two calls rows may come and go, and whoever reads on
 * behind the number of the last row that it saw misses none that stayed, and sees none twice.
 */
export interface ListSource<T> {
  /** All rows, whether they match or not. */
  readonly count: number;
  /** Every row matches. */
  readonly matchesAll: boolean;
  /** Up to `limit` rows behind the one with that number; 0: from the first. */
  after(sequence: number, limit: number): readonly ListRow[];
  /** Up to `limit` rows from a position, counted from 0. */
  from(position: number, limit: number): readonly ListRow[];
  matches(row: ListRow): boolean;
  view(row: ListRow): T;
}

/** What a list consists of, for rows of one type. */
export interface ListParts<Row extends ListRow, T> {
  readonly rows: {
    readonly length: number;
    after(sequence: number, limit: number): readonly Row[];
    slice(position: number, limit: number): readonly Row[];
  };
  /** Undefined: every row matches. */
  readonly condition: ((row: Row) => boolean) | undefined;
  readonly view: (row: Row) => T;
}

/** Rows that a list gave out come back to that list, so that their type is known. */
export class RowList<Row extends ListRow, T> implements ListSource<T> {
  readonly #parts: ListParts<Row, T>;

  constructor(parts: ListParts<Row, T>) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#parts.rows.length;
  }

  get matchesAll(): boolean {
    return this.#parts.condition === undefined;
  }

  after(sequence: number, limit: number): readonly Row[] {
    return this.#parts.rows.after(sequence, limit);
  }

  from(position: number, limit: number): readonly Row[] {
    return this.#parts.rows.slice(position, limit);
  }

  matches(row: Row): boolean {
    return this.#parts.condition?.(row) ?? true;
  }

  view(row: Row): T {
    return this.#parts.view(row);
  }
}
